"""Workers of a sweep that die: idle, at work, and as soon as they are hired."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.progress import Tell
from toolkit.recipes.sweep.conductor import Conductor
from toolkit.recipes.sweep.messages import LookedUp, LookUp, OpenRun
from toolkit.recipes.sweep.pool import Pool, Worker
from toolkit.sweeps import Planned, Step, Sweep, SweepFolder

pytestmark = pytest.mark.usefixtures("workers_are_processes")
LOOK = LookUp((), ())


@pytest.fixture(autouse=True)
def _stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.recipes.sweep.pool._PROGRAM", "tests.recipes.sweep.stub")


def marks(folder: Path, count: int) -> str:
    folder.mkdir()
    for number in range(count):
        (folder / str(number)).touch()
    return str(folder)


def kill(worker: Worker) -> None:
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()


def conductor(pool: Pool, root: Path, said: list[str], *, n_steps: int = 2) -> Conductor:
    """A chain of steps that each need the one before: a second worker is idle all the time."""
    steps = [
        Step(f"{n:016x}", "evaluate", "micro-nli", n, (f"{n - 1:016x}",) if n else (), {}, task="micro-nli")
        for n in range(n_steps)
    ]
    planned = Planned(Sweep("chain", "Chain", "", ()), tuple(steps), {}, "run", 2)
    own_run = OpenRun("sweep chain", "sweep chain", {}, {}, "run")
    return Conductor(planned, SweepFolder(root), pool, "sweep chain", Tell(say=said.append), own_run=own_run)


@pytest.mark.parametrize("place", [0, 1])
def test_an_idle_worker_that_is_killed_is_replaced_and_the_sweep_continues(tmp_path: Path, place: int) -> None:
    said: list[str] = []
    with Pool(2, tmp_path, lock=None, places={"seconds": 0.05}) as pool:
        killed = pool.workers[place]
        kill(killed)
        assert conductor(pool, tmp_path, said).run() == 0
        assert pool.workers[place] is not killed
    assert sum("done in" in sentence for sentence in said) == 2 and not any("failed" in one for one in said)


def test_the_sweeps_run_is_opened_again_by_the_worker_that_replaces_the_first(tmp_path: Path) -> None:
    given = []
    with Pool(1, tmp_path, lock=None, places={}) as pool:
        give = pool.give
        pool.give = lambda worker, job: (given.append(job), give(worker, job))[1]  # type: ignore[method-assign]
        kill(pool.workers[0])
        assert conductor(pool, tmp_path, []).run() == 0
    assert [job.run_id for job in given if isinstance(job, OpenRun)] == ["run"]


def test_a_worker_that_is_killed_at_work_is_replaced_and_its_step_recorded_as_failed(tmp_path: Path) -> None:
    said: list[str] = []
    # The first death may have been before the step was given; the second is the step's.
    with Pool(1, tmp_path, lock=None, places={"dead at work": marks(tmp_path / "marks", 2)}) as pool:
        assert conductor(pool, tmp_path, said, n_steps=1).run() == 1
    [failed] = [sentence for sentence in said if "failed" in sentence]
    assert "was ended by SIGKILL" in failed


def test_a_question_is_asked_again_where_the_worker_was_killed_and_not_for_ever(tmp_path: Path) -> None:
    with Pool(2, tmp_path, lock=None, places={"dead at work": marks(tmp_path / "once", 1)}) as pool:
        kill(pool.workers[1])  # idle
        assert pool.ask(LOOK, LookedUp) == LookedUp({}, {})
    with (
        Pool(1, tmp_path, lock=None, places={"dead at work": marks(tmp_path / "ever", 2)}) as pool,
        pytest.raises(ToolkitError, match="was ended by SIGKILL; the memory may have been too small"),
    ):
        pool.ask(LOOK, LookedUp)


def test_workers_that_die_as_soon_as_they_are_hired_end_the_sweep_in_one_sentence(tmp_path: Path) -> None:
    with Pool(2, tmp_path, lock=None, places={"dead when hired": marks(tmp_path / "marks", 99)}) as pool:
        kill(pool.workers[1])
        pool.workers[0].job = LOOK
        with pytest.raises(ToolkitError, match=r"Workers die before they have anything to do: .*SIGKILL"):
            _replace_for_ever(pool)


def test_a_worker_that_fails_to_start_is_named_with_what_it_said_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.recipes.sweep.pool._PROGRAM", "tests.no_such_program")
    with (
        Pool(1, tmp_path, lock=None, places={}) as pool,
        pytest.raises(
            ToolkitError, match=r"ended with exit code 1; its log is .*worker-1\.log and ends with: .*No module named"
        ),
    ):
        _replace_for_ever(pool)


def _replace_for_ever(pool: Pool) -> None:
    while True:
        for worker, event in pool.hear(1.0):
            pool.replace(worker, event)  # type: ignore[arg-type]
            pool.workers[0].job = None
