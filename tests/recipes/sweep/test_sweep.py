"""A sweep that runs: shared stages once, nothing twice, faults recorded, two processes, one at a time in a folder."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests import PROJECT, zygote
from tests.recipes.sweeping import GRID, made, records, run, table, write_grid
from tests.waiting import wait_until
from toolkit.config import load
from toolkit.engine.site import Site
from toolkit.errors import ToolkitError
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.run import Asked, dry_run, sweep
from toolkit.sweeps import SweepFolder, load_results
from toolkit.sweeps.outlook import outlook
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep of one uninterrupted run, and its grid beside it; for reading only."""
    folder = tmp_path_factory.mktemp("swept")
    assert run(write_grid(folder), folder / "out") == 0
    return folder / "out"


@pytest.fixture
def copied(swept: Path, tmp_path: Path) -> Path:
    shutil.copytree(swept, tmp_path / "out")
    write_grid(tmp_path)
    return tmp_path / "out"


def test_the_dry_runs_count_is_what_runs_and_every_stage_is_trained_once(swept: Path, tmp_path: Path) -> None:
    grid, session = swept.parent / "grid.yaml", Session.open(load())
    asked = dry_run(Asked(grid), session, folder=tmp_path / "new", is_measured=False)
    found = records(swept)
    trained = [record for record in found.values() if record.kind == "train"]
    assert len(asked.stages) == len(trained) == 6 and asked.unshared == 8
    assert {step.composition for step in asked.stages} == {record.composition for record in trained}
    assert all(made(record) == 1 == len(record.attempts) for record in found.values())
    assert not (tmp_path / "new").exists()
    after = dry_run(Asked(grid), session, folder=swept, is_measured=False)
    assert after.stages == () and after.seconds == 0.0


def test_results_know_their_cells_baselines_and_files(swept: Path) -> None:
    found = load_results(swept)
    assert found.is_finished and found.sweep.rows == ("baseline", "micro-nli", "micro-qa", "both")
    [both] = found.at("both", "micro-choice", seed=0)
    assert {score.language for score in both.scores} == {"en", "de"}
    assert both.folder is not None and (both.folder / "scores.json").is_file() and len(both.stages) == 3
    assert both.predictions is not None and both.predictions.is_dir()
    baseline = found.baseline(both.cell)
    assert baseline is not None and baseline.cell.composition == "micro-choice"
    assert [stage.cells for stage in found.stages if stage.step.composition == "micro-nli"] == [2]


def test_a_zoo_of_a_step_is_an_ordinary_zoo(swept: Path) -> None:
    [both] = load_results(swept).at("both", "micro-choice")
    zoo = Zoo(swept / "cells" / both.cell.key / "zoo")
    assert sorted(card.name for card in zoo.list()) == [
        "fuse[micro-nli,micro-qa]/micro-choice",
        "micro-nli",
        "micro-qa",
    ]
    assert zoo.faults() == []


def test_a_finished_sweep_does_nothing_again(copied: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*.json")}
    assert run(copied.parent / "grid.yaml", copied) == 0
    after = {path: path.stat().st_mtime_ns for path in copied.rglob("*.json")}
    assert {path.name for path in after if after[path] != before.get(path)} == {"sweep.json"}


def test_a_changed_setting_is_refused_and_with_update_does_again_what_it_touches(copied: Path, swept: Path) -> None:
    changed = write_grid(copied.parent, GRID + "tasks: {micro-qa: {train: {epochs: 1}}}\n")
    with pytest.raises(
        ToolkitError, match=r"train.epochs 2.0 -> 1.0.*: 5 of its 10 finished steps would be done again and 5 kept"
    ):
        run(changed, copied)
    assert run(changed, copied, is_update=True) == 0
    old = set(records(swept))
    new = {record.composition for key, record in records(copied).items() if key not in old}
    assert new == {"micro-qa", "micro-qa/micro-choice", "fuse[micro-nli,micro-qa]/micro-choice"}
    assert all(made(record) == 1 for record in records(copied).values())


def test_a_full_disk_stops_a_sweep_and_a_failing_stage_blocks_only_what_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GRID.replace("[micro-nli, micro-qa]", "[rte, micro-qa]").replace("epochs: 2", "epochs: 1")
    grid, out = write_grid(tmp_path, text), tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr("toolkit.recipes.sweep.conductor.MIN_FREE_BYTES", 2**80)
        with pytest.raises(ToolkitError, match=r"The disk of .* is full .* 2 of 10 steps are done and kept"):
            run(grid, out)
    assert outlook(out, now=time.time()).count("done", stages=True) == 1
    found = CliRunner().invoke(cli.main, ["sweep", str(grid), "--dir", str(out), "--no-track"])
    assert found.exit_code == 1 and "rte (seed 0): failed: " in found.stderr and "--data-root" in found.stderr
    seen = outlook(out, now=time.time())
    states = {f"{step.kind} {step.composition}": seen.states[step.key] for step in seen.steps}
    assert states["train rte"] == "failed" and states["evaluate micro-qa/micro-choice"] == "done"
    assert states["train rte/micro-choice"] == states["evaluate fuse[rte,micro-qa]/micro-choice"] == "blocked"
    blocked = [cell for cell in load_results(out).cells if cell.state == "blocked"]
    assert len(blocked) == 2 and all(cell.error.startswith("'rte' failed:") for cell in blocked)
    shown = CliRunner().invoke(cli.main, ["status", str(out)]).output
    assert "failed: rte, seed 0: " in shown and "the same command tries it again" in shown


def test_two_sweeps_in_one_folder_are_one_sentence(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.sweeps.folder.LOCK_WAIT_S", 0.1)
    held = SweepFolder(copied).lock()
    with pytest.raises(ToolkitError, match=rf"Another sweep works in .* \(process {os.getpid()} on .*xstilts status"):
        run(copied.parent / "grid.yaml", copied)
    held.close()
    assert not SweepFolder(copied).is_locked()


@pytest.mark.slow
@pytest.mark.usefixtures("workers_are_processes")
def test_two_workers_come_to_the_same_table(swept: Path, tmp_path: Path) -> None:
    assert run(write_grid(tmp_path), tmp_path / "out", site=Site(2)) == 0
    assert table(tmp_path / "out") == table(swept)
    assert all(made(record) == 1 for record in records(tmp_path / "out").values())
    assert len({record.pid for record in records(tmp_path / "out").values()}) == 2


def _start(grid: Path, folder: Path) -> zygote.Popen:
    command = [sys.executable, str(PROJECT / "cli.py"), "sweep", str(grid), "--dir", str(folder), "--no-track"]
    return zygote.Popen(command, cwd=folder.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for(folder: Path, count: int, process: zygote.Popen) -> None:
    """Wait until a sweep has begun so many steps."""
    stages = folder / "stages"
    wait_until(lambda: len(list(stages.glob("*.json"))) >= count or process.poll() is not None, f"{count} steps begun")


@pytest.mark.slow
def test_a_sweep_killed_three_times_ends_with_the_same_table_and_trains_nothing_twice(
    swept: Path, tmp_path: Path
) -> None:
    grid, out, chance = write_grid(tmp_path), tmp_path / "out", random.Random()
    for begun in (1, 3, 5):
        process = _start(grid, out)
        _wait_for(out, begun, process)
        time.sleep(chance.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert run(grid, out) == 0
    assert table(out) == table(swept)
    found = records(out).values()
    # `found`: the kill came between the zoo's rename and the record's.
    assert all(made(record) <= 1 and record.attempts[-1].outcome in ("made", "found") for record in found)
    assert all(record.digest == records(swept)[record.key].digest for record in found)


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_its_step_recorded_as_failed(tmp_path: Path) -> None:
    grid, out = write_grid(tmp_path, GRID.replace("epochs: 2", "epochs: 40")), tmp_path / "out"
    process = _start(grid, out)
    _wait_for(out, 1, process)

    def has_failed() -> bool:
        first = next(iter(records(out).values()))
        if first.state == "running":  # a second time, where the first kill came before the step had begun
            with suppress(ProcessLookupError):
                os.kill(first.pid, signal.SIGKILL)
        return first.state == "failed"

    wait_until(has_failed, "the failure is recorded", process=process, every_s=0.2)
    assert "was ended by SIGKILL" in next(iter(records(out).values())).error
    wait_until(lambda: len(records(out)) >= 2, "the next step has begun", process=process)
    process.kill()
    process.wait()


@pytest.mark.usefixtures("workers_are_processes")
def test_workers_know_the_tasks_of_the_users_own_files(tmp_path: Path) -> None:
    (tmp_path / "twin.yaml").write_text("name: twin\nbase: micro-pos\n", encoding="utf-8")
    text = "axes: {targets: [twin]}\nlanguages: [en]\nsettings:\n  backbone: {name: tiny, precision: fp32}\n"
    text += "  train: {limit: 16, epochs: 1, eval_limit: 8}\n  eval: {limit: 8}\n"
    grid, out = write_grid(tmp_path, text), tmp_path / "out"
    with pytest.raises(ToolkitError, match="No task named 'twin'"):
        run(grid, out)
    config = load(sets=["tracking.enabled=no", f"task_files={tmp_path / 'twin.yaml'}"])
    assert sweep(Asked(grid), Session.open(config), folder=out) == 0
    assert [cell.scores[0].task for cell in load_results(out).cells] == ["twin"]
