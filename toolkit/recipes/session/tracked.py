"""Context of a tracked run: closed as FINISHED at its end, and as FAILED whatever is raised in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from toolkit.progress import Say
from toolkit.tracking import Tracker


@contextmanager
def tracked(
    tracker: Tracker,
    say: Say,
    name: str,
    *,
    experiment: str,
    tags: Mapping[str, Any],
    params: Mapping[str, Any],
    began: int | None = None,
) -> Iterator[Tracker]:
    """Open a run, give its tracker, close the run however the block ends, and say what the tracker notes.

    Args:
        tracker: keeps the run; what is logged inside goes to the run that was opened last.
        say: gets the tracker's notes, each once.
        name: of the run.
        experiment: where it goes.
        tags, params: of the run.
        began: when the work began, in milliseconds since 1970; None: now.
    """
    status = "FAILED"
    tracker.start(name, experiment=experiment, tags=tags, params=params, began=began)
    try:
        yield tracker
        status = "FINISHED"
    finally:  # an interruption by the user must not leave the run open either
        tracker.close(status)
        for note in tracker.take_notes():
            say(note)
