"""Sweeps whose steps are jobs of a real Slurm: the same tables, jobs that the queue ends, and a queue that refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import PROJECT, zygote
from tests.nodes import tables
from tests.recipes.sweeping import records, run, table, write_grid
from tests.slurm.local import Slurm, lacking, slurm
from tests.waiting import wait_until
from toolkit.engine.elsewhere import queued_cluster
from toolkit.engine.queued import read_queue
from toolkit.errors import ToolkitError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.skipif(bool(lacking()), reason=f"not on this machine: {', '.join(lacking())}"),
]

WALLTIME = 'walltime: "01:00:00"\n'
QUEUE = f"""
system: slurm
jobs: 2
cores: 1
memory: 2GB
{WALLTIME}scheduler_options: {{host: 127.0.0.1}}
log_directory: logs-of-jobs
death_timeout: 600
"""

ONE = """
title: One
axes: {targets: [micro-nli]}
languages: [en]
settings:
  backbone: {name: tiny, precision: fp32}
  train: {limit: 16, epochs: 2, eval_limit: 4, batch_size: 8, checkpoint_every: 2}
  eval: {limit: 8}
"""


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with slurm(tmp_path_factory.mktemp("slurm")) as found:
        yield found


def start(grid: Path, queue: Slurm, text: str = QUEUE) -> zygote.Popen:
    """Start the sweep of a grid in its folder, in jobs."""
    (grid.parent / "slurm.yaml").write_text(text, encoding="utf-8")
    words = ["sweep", str(grid), "--out", "out", "--no-track", "--cluster", "slurm.yaml"]
    return zygote.Popen(
        [sys.executable, str(PROJECT / "cli.py"), *words],
        cwd=grid.parent,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **queue.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_sweep_in_jobs_comes_to_the_tables_of_one_machine_and_leaves_no_job(queue: Slurm, tmp_path: Path) -> None:
    grid = write_grid(tmp_path)
    process = start(grid, queue)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert "The steps wait for jobs of slurm, at most 2 at the same time." in said
    assert run(grid, tmp_path / "alone") == 0
    assert tables(tmp_path / "out") == tables(tmp_path / "alone")
    assert table(tmp_path / "out") == table(tmp_path / "alone")
    wait_until(lambda: not queue.jobs("PENDING", "RUNNING", "COMPLETING"), "no job is left", every_s=0.1)


@pytest.mark.parametrize("why", ["cancelled", "time"])
def test_a_job_that_the_queue_ends_has_its_step_done_in_another(why: str, queue: Slurm, tmp_path: Path) -> None:
    process = start(write_grid(tmp_path, ONE), queue, QUEUE.replace("jobs: 2", "jobs: 1"))
    home = tmp_path / "out"
    wait_until(lambda: any((home / "stages").glob("*.json")), "a step has begun", process=process)
    (step,) = records(home).values()
    os.kill(step.pid, signal.SIGSTOP)  # or it would be done before Slurm is
    (job,) = queue.jobs("RUNNING")
    if why == "cancelled":
        queue.ask("scancel", job)
    else:
        queue.ask("scontrol", "update", f"JobId={job}", "TimeLimit=1")  # minute
    wait_until(lambda: job not in queue.jobs("RUNNING"), "Slurm ends the job", process=process, every_s=0.2)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert "begins again on" in said and "the worker that did it was lost" in said
    found = records(home).values()
    assert all(record.state == "done" for record in found) and max(len(record.attempts) for record in found) == 2


def test_jobs_that_are_too_small_end_the_sweep_in_one_sentence(queue: Slurm, tmp_path: Path) -> None:
    process = start(write_grid(tmp_path, ONE), queue, QUEUE.replace("memory: 2GB", "memory: 150MB"))
    _, said = process.communicate()
    assert process.returncode == 2 and "Traceback" not in said
    assert "of 4 workers was lost while it did this" in said, said


def test_a_queue_that_refuses_is_one_sentence(queue: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in queue.environment.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "slurm.yaml"
    for more, said in (
        ("queue: none", "sbatch: error: invalid partition specified: none"),
        ("job_mem: 900GB", "sbatch: error: Memory specification can not be satisfied"),
        ("job_extra_directives: ['--nonsense']", "sbatch: unrecognized option '--nonsense'"),
        ("job_extra_directives: ['--gres=gpu:1']", "sbatch: error: Invalid generic resource (gres) specification"),
        ("walltime: 4 hours", "sbatch: error: Invalid directive found in batch script: hours"),
    ):
        file.write_text(f"{QUEUE.replace(WALLTIME, '')}{more}\n", encoding="utf-8")
        with pytest.raises(ToolkitError) as found:
            queued_cluster(read_queue(str(file)), None)
        assert str(found.value) == f"slurm refuses the jobs of {file}: {said}."
    assert not queue.jobs("PENDING", "RUNNING")
