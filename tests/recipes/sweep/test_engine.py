"""Processes of a sweep that die: idle, at work, and as soon as they are started."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until
from toolkit.engine.clusters import own_cluster
from toolkit.engine.crew import Crew, Slot
from toolkit.engine.engine import Engine
from toolkit.engine.hand import Hand, Manner
from toolkit.engine.lines import to_line
from toolkit.engine.messages import Event, Said, SentAway
from toolkit.errors import ToolkitError
from toolkit.progress import Tell
from toolkit.recipes.sweep.conductor import Conductor
from toolkit.recipes.sweep.messages import LookedUp, LookUp, OpenRun, RunOpened
from toolkit.sweeps import Planned, Step, Sweep, SweepFolder

pytestmark = pytest.mark.usefixtures("workers_are_processes")
LOOK = LookUp((), ())


@contextmanager
def engine_of(
    workers: int, root: Path, *, program: str = "tests.recipes.sweep.stub", **places: Any
) -> Iterator[Engine]:
    crew = Crew("crew", "topic", str(root / "logs"), places, Manner(program))
    with Engine(own_cluster(workers), crew, "topic") as engine:
        yield engine


def slots(engine: Engine) -> list[Slot]:
    assert engine._own is not None
    return engine._own.slots


def marks(folder: Path, count: int) -> str:
    folder.mkdir()
    for number in range(count):
        (folder / str(number)).touch()
    return str(folder)


def hand_of(slot: Slot) -> Hand:
    slot._living()
    assert slot._hand is not None
    return slot._hand


def kill(slot: Slot) -> int:
    """Kill the process of a place and return its number."""
    hand = hand_of(slot)
    os.kill(hand.pid, signal.SIGKILL)
    hand.wait(60.0)
    return hand.pid


def conductor(engine: Engine, root: Path, said: list[str], *, n_steps: int = 2, is_chain: bool = True) -> Conductor:
    """Steps that each need the one before, so that a second process is idle all the time; or that need nothing."""
    steps = [
        Step(
            f"{n:016x}", "evaluate", "micro-nli", n, (f"{n - 1:016x}",) if n and is_chain else (), {}, task="micro-nli"
        )
        for n in range(n_steps)
    ]
    planned = Planned(Sweep("chain", "Chain", "", ()), tuple(steps), {}, "run", 2)
    return Conductor(planned, SweepFolder(root), engine, "sweep chain", Tell(say=said.append))


@pytest.mark.parametrize("place", [0, 1])
def test_an_idle_process_that_is_killed_is_replaced_and_the_sweep_continues(tmp_path: Path, place: int) -> None:
    said: list[str] = []
    with engine_of(2, tmp_path, seconds=0.05) as engine:
        killed = kill(slots(engine)[place])
        assert conductor(engine, tmp_path, said).run() == 0
        engine.revive()
        wait_until(lambda: hand_of(slots(engine)[place]).pid != killed, "it is replaced")
    assert sum("done in" in sentence for sentence in said) == 2 and not any("failed" in one for one in said)


def test_the_sweeps_run_is_opened_again_by_the_process_that_replaces_the_clerk(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    with engine_of(1, tmp_path, opened=str(opened)) as engine:
        job = OpenRun("sweep chain", "sweep chain", {}, {}, "run")
        assert engine.clerk.do(job, lambda event: None) == RunOpened("run+")
        engine.clerk.opening = job
        kill(engine.clerk)
        assert conductor(engine, tmp_path, []).run() == 0
    assert opened.read_text() == "run\nrun\n"


def test_a_process_that_is_killed_at_work_is_replaced_and_its_step_recorded_as_failed(tmp_path: Path) -> None:
    said: list[str] = []
    # The first death may have been before the step was given; the second is the step's.
    with engine_of(1, tmp_path, **{"dead at work": marks(tmp_path / "marks", 2)}) as engine:
        assert conductor(engine, tmp_path, said, n_steps=1).run() == 1
        assert conductor(engine, tmp_path, said, n_steps=1).run() == 0
    [failed] = [sentence for sentence in said if "failed" in sentence]
    assert "was ended by SIGKILL; the memory may have been too small" in failed


def test_a_question_is_asked_again_where_the_process_was_killed_and_not_for_ever(tmp_path: Path) -> None:
    with engine_of(2, tmp_path, **{"dead at work": marks(tmp_path / "once", 1)}) as engine:
        kill(slots(engine)[1])  # idle
        assert engine.ask(LOOK, LookedUp) == LookedUp({}, {})
    with (
        engine_of(1, tmp_path, **{"dead at work": marks(tmp_path / "ever", 2)}) as engine,
        pytest.raises(ToolkitError, match="was ended by SIGKILL; the memory may have been too small"),
    ):
        engine.ask(LOOK, LookedUp)


def test_processes_that_die_as_soon_as_they_are_started_end_the_sweep_in_one_sentence(tmp_path: Path) -> None:
    with (
        engine_of(2, tmp_path, **{"dead when hired": marks(tmp_path / "marks", 99)}) as engine,
        pytest.raises(ToolkitError, match=r"Workers die before they have anything to do: .*SIGKILL"),
    ):
        conductor(engine, tmp_path, [], n_steps=9, is_chain=False).run()


def test_a_process_that_fails_to_start_is_named_with_what_it_said_last(tmp_path: Path) -> None:
    with (
        engine_of(1, tmp_path, program="tests.no_such_program") as engine,
        pytest.raises(
            ToolkitError, match=r"ended with exit code 1; its log is .*worker-1\.log and ends with: .*No module named"
        ),
    ):
        engine.ask(LOOK, LookedUp)


def test_ctrl_c_reaches_what_is_at_work_and_no_process_is_left(tmp_path: Path) -> None:
    hands: list[Hand] = []

    def stopped() -> None:
        with engine_of(2, tmp_path, seconds=600.0, interrupted=str(tmp_path / "interrupted")) as engine:
            engine.submit("a", _step(tmp_path))
            wait_until(lambda: (tmp_path / "interrupted.begun").exists(), "the step has begun")
            hands.extend(hand_of(slot) for slot in slots(engine))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert (tmp_path / "interrupted").exists()  # it could write its checkpoint
    assert not any(hand.is_alive for hand in hands)


def test_steps_wait_for_a_worker_where_none_is_left(tmp_path: Path) -> None:
    said: list[str] = []
    counts = chain([0, 0], repeat(1))
    crew = Crew("crew", "topic", str(tmp_path / "logs"), {}, Manner("tests.recipes.sweep.stub"))
    with Engine(replace(own_cluster(1), count=lambda: next(counts)), crew, "topic") as engine:
        assert conductor(engine, tmp_path, said).run() == 0
    assert "No worker is left; the sweep waits until one joins." in said
    assert sum("done in" in sentence for sentence in said) == 2


def test_a_scheduler_that_is_gone_while_nothing_runs_is_one_sentence(tmp_path: Path) -> None:
    with engine_of(1, tmp_path) as engine:
        engine._cluster.client.close()  # type: ignore[no-untyped-call]
        with pytest.raises(
            ToolkitError, match="^The scheduler of this command is gone; start it and run the same command"
        ):
            list(engine.hear(0.0))


def test_workers_that_are_sent_away_are_said_and_end_a_sweep_that_has_no_other(tmp_path: Path) -> None:
    def joins(engine: Engine) -> list[tuple[str, Event]]:
        engine._hear((0.0, {"key": "", "worker": "a", "line": to_line(SentAway("The worker a has no torch."))}))
        return list(engine.hear(0.0))

    crew = Crew("crew", "topic", str(tmp_path / "logs"), {}, Manner("tests.recipes.sweep.stub"))
    with Engine(replace(own_cluster(1), patience=1), crew, "topic") as engine:
        assert joins(engine) == [("", Said("The worker a has no torch. It is sent away."))]
        with pytest.raises(ToolkitError, match="^The worker a has no torch.$"):
            joins(engine)
        assert engine.ask(LOOK, LookedUp) == LookedUp({}, {})
        assert len(joins(engine)) == len(joins(engine)) == 1


def test_a_task_that_is_cancelled_ends_its_process(tmp_path: Path) -> None:
    with engine_of(1, tmp_path, seconds=600.0, interrupted=str(tmp_path / "interrupted")) as engine:
        engine.submit("a", _step(tmp_path))
        wait_until(lambda: (tmp_path / "interrupted.begun").exists(), "the step has begun")
        slot = slots(engine)[0]
        engine._cluster.client.cancel(list(engine._futures.values()), force=True)  # type: ignore[no-untyped-call]
        wait_until(lambda: not slot.is_busy, "it has ended")


def _step(root: Path) -> Any:
    from toolkit.recipes.sweep.messages import DoStep

    step = Step("a", "evaluate", "micro-nli", 0, (), {}, task="micro-nli")
    return DoStep(step, str(root), str(root / "cells" / "a"), (), "", "")
