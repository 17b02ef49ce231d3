"""A run that one process opens and another one closes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recipes.failing import FailingTracker
from toolkit.progress import say_nothing
from toolkit.tracking import NoTracker, Opening
from toolkit.tracking.tracked import SharedRun

RUN = SharedRun(Opening("sweep grid", "sweep grid", {"journey": "sweep"}, {"cells": 1}))


class Kept(FailingTracker):
    """Logs without faults."""

    log_metrics = NoTracker.log_metrics
    log_artifact = NoTracker.log_artifact


def test_it_is_left_open_and_closed_with_the_status_that_is_given(tmp_path: Path) -> None:
    tracker = Kept()
    assert RUN.open(tracker, say_nothing) == "sweep grid"
    assert tracker.status == {"sweep grid": "RUNNING"}
    RUN.close(tracker, say_nothing, status="FAILED", metrics={"cells_done": 1}, files=[tmp_path])
    assert tracker.status == {"sweep grid": "FAILED"}
    RUN.close(tracker, say_nothing, status="FINISHED", metrics={}, files=[])
    assert tracker.status == {"sweep grid": "FINISHED"}


def test_it_is_failed_where_logging_raises() -> None:
    tracker = FailingTracker()
    with pytest.raises(OSError, match="no space"):
        RUN.close(tracker, say_nothing, status="FINISHED", metrics={"cells_done": 1}, files=[])
    assert tracker.status == {"sweep grid": "FAILED"}
