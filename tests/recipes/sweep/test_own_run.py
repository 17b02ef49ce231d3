"""The sweep's own run ends as KILLED where the sweep is stopped, whichever process has it open."""

from __future__ import annotations

import os
import queue
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from tests.recipes.small import tiny_config
from tests.tracking.test_shared_run import Kept
from toolkit.engine import process
from toolkit.engine.lines import to_line
from toolkit.engine.messages import Hire
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep import worker
from toolkit.recipes.sweep.messages import CloseRun, LookUp, OpenRun, RunOpened
from toolkit.recipes.sweep.own_run import OwnRun
from toolkit.recipes.sweep.sweep_run import SweepRun

OPEN = OpenRun("sweep grid", "sweep grid", {"journey": "sweep"}, {"cells": 1})


def test_a_run_that_is_open_can_be_killed_and_one_that_is_closed_cannot(tmp_path: Path) -> None:
    tracker, own_run = Kept(), OwnRun()
    session = Session.open(tiny_config(tmp_path), tracker=tracker)
    assert own_run.killed is None
    opened = own_run.open(OPEN, session)
    assert own_run.killed == CloseRun(OPEN.name, OPEN.experiment, OPEN.tags, opened.run_id, "KILLED")
    own_run.close(own_run.killed, session)
    assert (tracker.status, own_run.killed) == ({"sweep grid": "KILLED"}, None)


def test_a_worker_that_is_stopped_at_work_ends_the_run_that_it_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Kept()

    def listen(lines: queue.SimpleQueue[str]) -> None:
        for message in (Hire(0, {}, "log"), OPEN, LookUp((), ())):
            lines.put(to_line(message))

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    def end(code: int) -> NoReturn:
        raise SystemExit(code)

    monkeypatch.setattr(process, "_listen", listen)
    monkeypatch.setattr(worker, "_look_up", stop)
    monkeypatch.setattr(worker, "_session", lambda places, voice: Session.open(tiny_config(tmp_path), tracker=tracker))
    monkeypatch.setattr("os._exit", end)
    events, theirs = os.pipe()
    try:
        with pytest.raises(SystemExit) as ended:
            process.work(os.dup(theirs), worker.TRADE())
    finally:
        os.close(events)
        os.close(theirs)
    assert ended.value.code == 130
    assert tracker.status == {"sweep grid": "KILLED"}


def test_a_try_that_was_killed_before_the_folder_had_its_run_is_found_by_the_sweeps_key(tmp_path: Path) -> None:
    asked: list[OpenRun | CloseRun] = []

    def do(job: OpenRun | CloseRun, *_: object) -> RunOpened:
        asked.append(job)
        return RunOpened("own")

    values = {"name": "grid", "question": "", "cells": (), "rows": (), "targets": (), "seeds": ()}
    step = SimpleNamespace(settings={"backbone": {"name": "tiny"}})
    planned: Any = SimpleNamespace(sweep=SimpleNamespace(**values), steps=(step,), run_id="own", facts={})
    config = replace(tiny_config(tmp_path), tracking=replace(tiny_config(tmp_path).tracking, enabled=True))
    clerk: Any = SimpleNamespace(do=do)
    for folder in (tmp_path / "a", tmp_path / "a", tmp_path / "b"):
        SweepRun(planned, folder, config, clerk, lambda _: None).open(None)
    first, again, other = (job.resume for job in asked if isinstance(job, OpenRun))
    assert first == again != other and first
    SweepRun(planned, tmp_path, config, clerk, lambda _: None).give_up(planned)
    assert isinstance(asked[-1], CloseRun) and (asked[-1].run_id, asked[-1].status) == ("own", "FAILED")
