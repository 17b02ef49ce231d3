"""A cluster that a user starts by hand: `dask scheduler` and `dask worker`, processes of their own on loopback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import PROJECT, zygote
from tests.nodes import nodes, tables
from tests.recipes.sweeping import GRID, made, records, run, table, write_grid
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def start(grid: Path, out: Path, *words: str) -> zygote.Popen:
    """Start the sweep of a grid as a command of its own in the folder of the grid."""
    command = [sys.executable, str(PROJECT / "cli.py"), "sweep", str(grid), "--out", str(out), "--no-track", *words]
    return zygote.Popen(command, cwd=grid.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_workers_come_to_the_tables_of_one_machine_and_another_process_sees_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    grid = write_grid(home)
    with nodes(tmp_path / "nodes", home) as cluster:
        process = start(grid, home / "out", "--scheduler", cluster.address)
        wait_until(lambda: any((home / "out" / "stages").glob("*.json")), "a step has begun", process=process)
        status = [sys.executable, str(PROJECT / "cli.py"), "status", str(home / "out")]
        shown = zygote.run(status, cwd="/", capture_output=True, text=True, check=True).stdout
        _, said = process.communicate()
    assert process.returncode == 0, said
    assert shown.splitlines()[1].split() == ["done", "running", "failed", "blocked", "left"]
    assert run(grid, home / "alone") == 0
    assert tables(home / "out") == tables(home / "alone") and table(home / "out") == table(home / "alone")
    found = records(home / "out").values()
    assert all(made(record) == 1 for record in found) and len({record.pid for record in found}) == 2


def test_a_worker_that_joins_later_and_does_not_fit_is_sent_away_and_gets_no_step(tmp_path: Path) -> None:
    home, old, grid = tmp_path / "home", tmp_path / "old", tmp_path / "home" / "grid.yaml"
    home.mkdir()
    (old / "toolkit").mkdir(parents=True)
    (old / "toolkit" / "__init__.py").touch()
    (old / "toolkit" / "version.py").write_text('__version__ = "0.0.9"\n', encoding="utf-8")
    write_grid(home, GRID.replace("epochs: 2", "epochs: 20"))
    with nodes(tmp_path / "nodes", home, 1) as cluster:
        process = start(grid, home / "out", "--scheduler", cluster.address)
        wait_until(lambda: any((home / "out" / "stages").glob("*.json")), "a step has begun", process=process)
        late = cluster.start_worker(environment={"PYTHONPATH": str(old)}, folder=tmp_path)
        wait_until(lambda: late.poll() is not None, "the worker is sent away", process=process, every_s=0.1)
        fit = cluster.start_worker()
        _, said = process.communicate()
        assert fit.poll() is None
    assert process.returncode == 0, said
    (sentence,) = (line for line in said.splitlines() if "sent away" in line)
    assert (
        sentence.endswith("; install the same there. It is sent away.")
        and " has xstilts 0.0.9, and this command" in sentence
    )
    assert all(len(record.attempts) == 1 and record.state == "done" for record in records(home / "out").values())
