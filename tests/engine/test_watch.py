"""Jobs of a queue that end before their workers have joined: they are replaced, and after a few the work ends in one sentence."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.programs import write_program
from tests.waiting import wait_until
from toolkit.engine import watch as watching
from toolkit.engine.elsewhere import queued_cluster
from toolkit.engine.engine import Engine
from toolkit.engine.messages import Said
from toolkit.engine.queued import Queue, System, read_queue
from toolkit.engine.watch import Watch, living
from toolkit.errors import ToolkitError


class Job:
    """A job that was given to a queue."""

    def __init__(self, number: int | None, closed: list[str]) -> None:
        self.job_id, self._closed = number and str(number), closed

    async def close(self) -> None:
        if self.job_id:
            self._closed.append(self.job_id)


class Jobs:
    """What a watch sees of dask-jobqueue's cluster: jobs by name, those that have joined, and a queue that may refuse."""

    def __init__(self, *names: str) -> None:
        self.scheduler = SimpleNamespace(workers={})
        self.worker_spec: dict[str, Any] = dict.fromkeys(names)
        self.workers: dict[str, Job] = {}
        self.closed: list[str] = []
        self.refusal = ""
        self._count = 16
        self.sync(self._correct_state)

    def join(self, *names: str) -> None:
        self.scheduler.workers = {f"tcp://{name}": SimpleNamespace(name=name) for name in names}

    def sync(self, work: Callable[[], Any]) -> Any:
        return asyncio.run(work())

    async def _correct_state(self) -> None:
        for name in self.worker_spec:
            if name not in self.workers:
                if self.refusal:
                    self.workers[name] = Job(None, self.closed)
                    raise RuntimeError(f"Command exited\nstderr:\n{self.refusal}\n")
                self._count += 1
                self.workers[name] = Job(self._count, self.closed)


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return what the queue lists, to be changed."""
    found: set[str] = set()
    monkeypatch.setattr(watching, "living", lambda system: set(found))
    return found


def watch_of(jobs: Jobs, logs: Path, system: System = "slurm") -> Watch:
    return Watch(jobs, Queue(system, where="slurm.yaml"), logs)


def looked(watch: Watch, times: int = 2) -> list[str]:
    """Look as often as a job is looked for before it counts as ended, and return what is said."""
    for _ in range(times):
        watch.look()
    return watch.news()


def test_a_job_that_ended_before_its_worker_joined_is_replaced(alive: set[str], tmp_path: Path) -> None:
    jobs = Jobs("a-0", "a-1")
    (tmp_path / "dask-worker-17.err").write_text(
        "Loading\nslurmstepd: error: *** JOB 17 CANCELLED DUE TO TIME LIMIT ***\n"
    )
    (tmp_path / "dask-worker-117.err").write_text("of another job\n")
    watch = watch_of(jobs, tmp_path)
    alive |= {"18"}
    assert looked(watch, 1) == []  # a queue may not list at once what it was just given
    (said,) = looked(watch, 1)
    assert said == (
        f"Job 17 of slurm ended before its worker had joined, and is replaced; its log {tmp_path}/dask-worker-17.err ends with: "
        "slurmstepd: error: *** JOB 17 CANCELLED DUE TO TIME LIMIT ***."
    )
    assert jobs.closed == ["17"] and {name: job.job_id for name, job in jobs.workers.items()} == {
        "a-1": "18",
        "a-0": "19",
    }
    alive |= {"19"}
    assert looked(watch) == []


def test_one_after_another_ends_the_work_in_one_sentence(alive: set[str], tmp_path: Path) -> None:
    jobs = Jobs("a-0")
    watch = watch_of(jobs, tmp_path)
    assert [len(looked(watch)) for _ in range(3)] == [1, 1, 1]
    (tmp_path / "dask-worker-20.out").write_text("bash: no python\n")
    with pytest.raises(ToolkitError) as found:
        looked(watch)
    assert str(found.value) == (
        f"Jobs of slurm end before their workers have joined, 4 in a row; the last log {tmp_path}/dask-worker-20.out ends with: bash: no "
        "python; ask for more time or memory in slurm.yaml, or give `death_timeout: 600` there where nodes are slow."
    )
    assert len(jobs.closed) == 3


def test_a_worker_that_joins_begins_the_count_anew(alive: set[str], tmp_path: Path) -> None:
    jobs = Jobs("a-0")
    watch = watch_of(jobs, tmp_path)
    for _ in range(3):
        looked(watch)
    jobs.join("a-0-1")  # of several processes of this job
    assert looked(watch) == []
    jobs.join()
    assert looked(watch) == [], "what has joined and was lost is dask's own to replace"
    jobs.worker_spec["a-1"] = None
    jobs.sync(jobs._correct_state)
    assert len(looked(watch)) == 1


@pytest.mark.parametrize(("system", "is_replaced"), [("slurm", True), ("pbs", False), ("sge", False), ("lsf", False)])
def test_a_list_of_an_untried_queue_is_believed_once_it_has_named_a_job(
    system: System, is_replaced: bool, alive: set[str], tmp_path: Path
) -> None:
    jobs = Jobs("a-0")
    watch = watch_of(jobs, tmp_path, system)
    assert bool(looked(watch, 4)) == is_replaced
    if not is_replaced:
        alive |= {"17"}
        assert looked(watch) == []
        alive.clear()
        assert len(looked(watch)) == 1


def test_a_queue_that_does_not_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(watching, "living", lambda system: None)
    assert looked(watch_of(Jobs("a-0"), tmp_path), 4) == []


def test_a_queue_that_refuses_the_replacement_is_one_sentence(alive: set[str], tmp_path: Path) -> None:
    jobs = Jobs("a-0", "a-1")
    jobs.refusal = "sbatch: error: invalid partition specified: gpu."
    watch = watch_of(jobs, tmp_path)
    alive |= {"18"}
    ended, said = looked(watch)  # the other job may still do the work
    assert "Job 17 of slurm ended" in ended
    sentence = "slurm refuses the jobs of slurm.yaml: sbatch: error: invalid partition specified: gpu"
    assert said == f"{sentence}; it is asked again."
    assert looked(watch, 5) == []
    alive.clear()
    with pytest.raises(ToolkitError) as found:
        looked(watch)
    assert str(found.value) == f"{sentence}."


def test_a_queue_that_refuses_for_a_moment_is_asked_again(alive: set[str], tmp_path: Path) -> None:
    jobs = Jobs("a-0")
    watch = watch_of(jobs, tmp_path)
    jobs.refusal = "sbatch: error: Socket timed out on send/recv operation"
    assert len(looked(watch)) == 2 and jobs.workers["a-0"].job_id is None
    jobs.refusal = ""
    alive |= {"18"}
    assert looked(watch) == [] and jobs.workers["a-0"].job_id == "18"


@pytest.mark.parametrize(
    ("system", "program", "said", "expected"),
    [
        ("slurm", "squeue", "17\n18\n", {"17", "18"}),
        ("slurm", "squeue", "", set()),
        (
            "pbs",
            "qstat",
            "Job id            Name             User              Time Use S Queue\n"
            "----------------  ---------------- ----------------  -------- - -----\n"
            "17.server         dask-worker      me                00:00:01 R gpu\n"
            "18.server         dask-worker      me                       0 Q gpu\n"
            "19.server         dask-worker      me                00:00:01 C gpu\n",
            {"17", "18"},
        ),
        ("lsf", "bjobs", "17\n18\n", {"17", "18"}),
        (
            "sge",
            "qstat",
            "job-ID  prior   name       user         state submit/start at     queue     slots ja-task-ID\n"
            "------------------------------------------------------------------------------------------\n"
            "     17 0.55500 dask-worke me           r     11/30/2026 17:00:00 gpu.q@a       1\n",
            {"17"},
        ),
    ],
)
def test_what_a_queue_lists_is_read(
    system: System, program: str, said: str, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "said").write_text(said)
    write_program(tmp_path / program, f"#!/bin/sh\ncat {tmp_path}/said\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert living(system) == expected


def test_a_queue_that_fails_lists_nothing_for_sure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert living("slurm") is None
    write_program(tmp_path / "squeue", "#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    assert living("slurm") is None
    write_program(tmp_path / "bjobs", "#!/bin/sh\necho 'No unfinished job found' >&2\nexit 255\n")
    assert living("lsf") == set()


def test_a_queue_whose_jobs_all_die_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue takes each job and kills it at once; its log is in the folder of the command's own logs."""
    logs = tmp_path / "logs"
    write_program(
        tmp_path / "sbatch",
        "#!/bin/sh\n"
        f'number=$(ls {tmp_path} | grep -c "^job-"); touch {tmp_path}/job-$number\n'
        f'log=$(sed -n "s/^#SBATCH -e //p" "$1" | sed "s/%J/$number/")\n'
        'echo "slurmstepd: error: Detected 1 oom_kill event" > "$log"\n'
        'echo "Submitted batch job $number"\n',
    )
    for name in ("squeue", "scancel"):
        write_program(tmp_path / name, "#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(watching, "_LOOK_S", 0.05)
    file = tmp_path / "cluster.yaml"
    file.write_text("system: slurm\ncores: 1\nmemory: 1GB\nscheduler_options: {host: 127.0.0.1}\n")
    cluster = queued_cluster(read_queue(str(file)), None, logs)
    heard: list[str] = []
    engine = Engine(cluster, SimpleNamespace(name="none"), "topic")  # type: ignore[arg-type]

    ended: list[str] = []

    def has_ended() -> bool:
        try:
            heard.extend(event.text for _, event in engine.hear(0.0) if isinstance(event, Said))
        except ToolkitError as error:
            ended.append(str(error))
        return bool(ended)

    try:
        wait_until(has_ended, "the work ends", every_s=0.05)
    finally:
        engine._close()
    (said,) = ended
    assert said.startswith(f"Jobs of slurm end before their workers have joined, 4 in a row; the last log {logs}/")
    assert "ends with: slurmstepd: error: Detected 1 oom_kill event; ask for more time or memory in" in said
    assert len(heard) == 3
