"""Clusters beyond this process: what they are refused for, in one sentence each, and what is asked of their workers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from distributed.comm import CommClosedError

import cli
from tests import PROJECT, zygote
from tests.programs import write_program
from tests.recipes.sweeping import write_grid
from toolkit.engine import fitness
from toolkit.engine.elsewhere import joined_cluster, queued_cluster, slots_by_host
from toolkit.engine.engine import Cluster, Engine
from toolkit.engine.fitness import Asked, fault_of, look_around
from toolkit.engine.queued import read_queue
from toolkit.errors import ToolkitError

# -- workers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    (tmp_path / "token").touch()
    return Asked.of_this_process(str(tmp_path), "token", [], "the sweep's folder")


def seen(asked: Asked) -> str:
    return fault_of("tcp://a:1", look_around(asdict(asked)), asked.versions)


def test_a_worker_like_the_commands_own_process_is_fit_and_leaves_nothing(asked: Asked) -> None:
    assert seen(asked) == "" and os.listdir(asked.folder) == ["token"]


def test_every_fault_of_a_worker_is_one_sentence(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    start = f"The worker tcp://a:1 on {socket.gethostname()} "
    assert seen(replace(asked, work="/nowhere")) == (
        f"{start}does not see the working folder /nowhere: every machine needs it at the same path."
    )
    assert seen(replace(asked, token="other")).startswith(
        f"{start}does not see the sweep's folder {asked.folder}: every"
    )
    assert seen(replace(asked, read=("/mirror",))).startswith(f"{start}does not see /mirror, which the work reads")
    assert seen(replace(asked, only_host="login1")) == (
        f"{start}cannot write to the file of runs on login1 together with that machine: start an `mlflow server` and name it "
        "with --set tracking.uri=http://HOST:5000, or give --no-track."
    )
    assert seen(replace(asked, only_host=socket.gethostname())) == ""
    older = {**asked.versions, "torch": "2.12.0", "xstilts": "0.1.0"}
    found = fault_of("tcp://a:1", {"host": "a", "versions": older, "fault": ""}, asked.versions)
    assert found.startswith("The worker tcp://a:1 on a has xstilts 0.1.0 and torch 2.12.0, and this command xstilts ")
    monkeypatch.setattr("builtins.open", _refused)
    assert seen(asked) == f"{start}cannot write to the sweep's folder {asked.folder} (Permission denied)."


def _refused(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_worker_is_looked_at_where_no_package_is_installed(asked: Asked) -> None:
    source = Path(fitness.__file__).read_text(encoding="utf-8")
    code = f"{source}\nimport json\nprint(json.dumps(look_around({asdict(asked)!r})))"
    found = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert '"torch": ""' in found and '"fault": ""' in found


@pytest.mark.parametrize("call", ["subscribe_topic", "register_plugin", "run", "nthreads"])
def test_a_scheduler_that_ends_while_the_work_begins_is_one_sentence(call: str, asked: Asked) -> None:
    class Client(SimpleNamespace):
        status = "running"

        def __getattr__(self, name: str) -> object:
            def answer(*_: object, **__: object) -> dict[str, int]:
                if name == call:
                    raise CommClosedError("in <TCP (closed) ConnectionPool>: Stream is closed")
                return {}

            return answer

    def begin() -> None:
        slots_by_host(cluster, asked)
        with Engine(cluster, SimpleNamespace(name="crew"), "topic"):  # type: ignore[arg-type]
            pass

    cluster = Cluster(Client(), "The scheduler at tcp://a:1", lambda: 1, lambda: None)  # type: ignore[arg-type]
    with pytest.raises(ToolkitError, match=r"^The scheduler at tcp://a:1 is gone; start it and run the same command"):
        begin()


# -- schedulers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "tcp://no.such.host.invalid:8786", "tcp://"])
def test_an_address_that_cannot_be_reached_is_one_sentence(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.engine.elsewhere.CONNECT_S", 0.3)
    with pytest.raises(ToolkitError, match=rf"^No dask scheduler answers at '{address}' \(.*start one with `dask sch"):
        joined_cluster(address)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--scheduler", "a:1", "--cluster", "slurm"], "--scheduler and --cluster exclude each other"),
        (["--scheduler", "a:1", "--workers", "2"], "--workers is for processes that this command starts"),
    ],
)
def test_options_that_exclude_each_other(options: list[str], expected: str) -> None:
    found = CliRunner().invoke(cli.main, ["sweep", "order-mini", *options])
    assert found.exit_code == 2 and expected in found.output


def test_several_machines_with_one_file_of_runs_are_refused_before_anything_is_started(tmp_path: Path) -> None:
    store = f"tracking.uri=sqlite:///{tmp_path}/mlflow.db"
    words = ["sweep", str(write_grid(tmp_path)), "--out", str(tmp_path / "out"), "--cluster", "slurm", "--set", store]
    found = CliRunner().invoke(cli.main, words)
    assert found.exit_code == 2
    assert f"cannot write to one file, {tmp_path}/mlflow.db: start `mlflow server --backend-store-uri" in found.output
    assert "--set tracking.uri=http://HOST:5000" in found.output


def test_workers_of_another_machine_with_one_file_of_runs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[float] = []
    client = SimpleNamespace(close=lambda timeout: closed.append(timeout))
    opening = "toolkit.engine.opening"
    monkeypatch.setattr(f"{opening}.joined_cluster", lambda address: SimpleNamespace(client=client))
    monkeypatch.setattr(f"{opening}.slots_by_host", lambda cluster, asked: {"gpu7": 1, socket.gethostname(): 1})
    store = f"tracking.uri=sqlite:///{tmp_path}/mlflow.db"
    words = ["sweep", str(write_grid(tmp_path)), "--out", str(tmp_path / "out"), "--scheduler", "tcp://a:1"]
    found = CliRunner().invoke(cli.main, [*words, "--set", store])
    assert found.exit_code == 2 and closed
    assert (
        f"Several machines (workers on gpu7) cannot write to one file, {tmp_path}/mlflow.db: start `ml" in found.output
    )
    assert not list((tmp_path / "out").glob(".*.seen"))


def test_a_dry_run_and_a_plan_do_not_import_dask() -> None:
    code = (
        "import sys, cli, toolkit.recipes.sweep.run, toolkit.recipes.sweep.probe, toolkit.commands.sweep\n"
        "print([name for name in ('dask', 'distributed', 'tornado') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


# -- queues ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "slrum",
            "No queueing system named 'slrum'. Did you mean 'slurm'? Known: slurm, pbs, lsf, sge, or a YAML file.",
        ),
        ("none.yaml", "The cluster's file none.yaml is not there."),
    ],
)
def test_a_wrong_name_of_a_queue(text: str, expected: str) -> None:
    with pytest.raises(ToolkitError) as found:
        read_queue(text)
    assert str(found.value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("system: slurm\nwaltime: '1:00'\n", "no key 'waltime' for slurm; did you mean 'walltime'?"),
        ("system: slurm\nncpus: 4\n", "no key 'ncpus' for slurm"),
        ("system: slum\n", "`system` is 'slum'; expected one of slurm, pbs, lsf, sge"),
        ("cores: 1\n", "`system` is None; expected one of"),
        ("system: pbs\njobs: 0\n", "`jobs` is 0; expected a whole number from 1 on"),
        ("system: pbs\nminimum: many\n", "`minimum` is 'many'; expected a whole number from 0 on"),
        ("system: pbs\njobs: yes\n", "`jobs` is True; expected"),
        ("system: slurm\nwalltime: 10:00:00\n", '`walltime` is 36000; expected a text in quotes, such as "10:00:00".'),
        ("system: slurm\naccount: 0123\n", "`account` is 83; expected a text in quotes."),
        ("system: slurm\nmemory: 32\n", "`memory` is 32; expected a text in quotes."),
        ("system: slurm\nqueue: ''\n", "`queue` is ''; expected a text in quotes."),
        ("system: sge\nqueue: [a, b]\n", "`queue` is ['a', 'b']; expected a text in quotes."),
        ("system: slurm\ncores: 1.5\n", "`cores` is 1.5; expected a whole number from 1 on."),
        ("system: slurm\ncores: 0\n", "`cores` is 0; expected a whole number from 1 on."),
        ("system: lsf\nprocesses: two\n", "`processes` is 'two'; expected a whole number from 1 on."),
        (
            "system: slurm\njob_extra_directives: --gres=gpu:1\n",
            "`job_extra_directives` is '--gres=gpu:1'; expected a list of texts, each in quotes.",
        ),
        ("system: slurm\njob_script_prologue: module load\n", "expected a list of texts, each in quotes."),
        ("system: slurm\nworker_extra_args: [1]\n", "`worker_extra_args` is [1]; expected a list of texts"),
        ("system: slurm\nscheduler_options: 3\n", "`scheduler_options` is 3; expected keys and values"),
        ("- slurm\n", "has no keys; it needs at least `system: slurm`"),
        ("a: [\n", "is not YAML"),
        ("\x00", "is not YAML"),
        ("", "has no keys"),
    ],
)
def test_every_fault_of_a_clusters_file_is_one_sentence(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ToolkitError) as found:
        read_queue(str(file))
    assert expected in str(found.value) and str(file) in str(found.value)


def test_ctrl_c_and_sigterm_stay_what_they_were_although_dask_jobqueue_takes_them() -> None:
    code = """
import signal, sys
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
from toolkit.engine.queued import read_queue
read_queue("slurm").cluster_class()
assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
import importlib
importlib.reload(sys.modules["dask_jobqueue.runner"])
print(signal.getsignal(signal.SIGINT) == before[0])  # True: the workaround can go
"""
    assert zygote.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_job_does_one_step_at_a_time_with_all_that_it_asks_for(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(
        "system: slurm\njobs: 20\nminimum: 1\ncores: 8\nmemory: 32GB\nwalltime: '04:00:00'\nqueue: gpu\n"
        "job_extra_directives: ['--gres=gpu:1']\nworker_extra_args: ['--death-timeout', '90']\n",
        encoding="utf-8",
    )
    queue = read_queue(str(file))
    assert (queue.jobs, queue.minimum) == (20, 1)
    options = {key: value for key, value in queue.options.items() if key != "scheduler_options"}
    job = queue.cluster_class().job_cls(scheduler="tcp://a:1", name="job", **options)
    script = job.job_script()
    assert "#SBATCH --cpus-per-task=8" in script and "#SBATCH --gres=gpu:1" in script and "-p gpu" in script
    (command,) = (line for line in script.splitlines() if "distributed.cli.dask_worker" in line)
    assert command.endswith("--death-timeout 90 --nthreads 1 --memory-limit 0 --no-dashboard")


def test_a_queue_whose_commands_are_not_here_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolkitError, match="^`sbatch` is not on this machine, so no job can be given to slurm.$"):
        queued_cluster(read_queue("slurm"), None)


def test_a_queue_that_refuses_its_jobs_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path / "sbatch", "#!/bin/sh\necho 'sbatch: error: Invalid account' >&2\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    file = tmp_path / "cluster.yaml"
    file.write_text("system: slurm\ncores: 1\nmemory: 1GB\nscheduler_options: {host: 127.0.0.1, dashboard: false}\n")
    with pytest.raises(ToolkitError) as found:
        queued_cluster(read_queue(str(file)), None)
    assert str(found.value) == f"slurm refuses the jobs of {file}: sbatch: error: Invalid account."
    bare = tmp_path / "bare.yaml"
    bare.write_text("system: slurm\n")
    with pytest.raises(ToolkitError) as found:
        queued_cluster(read_queue(str(bare)), None)
    assert str(found.value).startswith(f"The jobs of {bare} cannot be made (You must specify how much cores")
