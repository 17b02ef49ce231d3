"""Encoding by several processes: the same store, scores and pairs as by one, and what ends one of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import toolkit
from tests import PROJECT, zygote
from tests.recipes.score.test_mining import texts
from tests.recipes.small import tiny_config
from tests.waiting import wait_until
from toolkit.embeddings import Key, damages, shelves
from toolkit.errors import ToolkitError
from toolkit.progress import Progress
from toolkit.recipes.score.worker import _require_same

SMALL = "store.shard=8"


def stored(folder: Path) -> dict[str, bytes]:
    """Every file of a store."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.journey
@pytest.mark.parametrize(("task", "languages"), [("micro-bitext", "de,zh"), ("micro-mining", "de")])
def test_the_store_of_two_processes_is_that_of_one_to_the_byte(tmp_path: Path, task: str, languages: str) -> None:
    seen: list[Progress] = []
    one, two = (tiny_config(tmp_path / name, SMALL) for name in ("one", "two"))
    alone = toolkit.retrieve("backbone", one, task=task, languages=languages)
    found = toolkit.retrieve("backbone", two, task=task, languages=languages, workers=2, report=seen.append)
    assert found.scores == alone.scores
    held = stored(tmp_path / "two" / "embeddings")
    assert held == stored(tmp_path / "one" / "embeddings") and len(held) > 6
    for what in {step.what for step in seen if step.what.startswith("encode ")}:
        shown = [step for step in seen if step.what == what]
        assert [step.done for step in shown] == sorted(step.done for step in shown)
        assert shown[0].done == 0 and shown[-1].done == shown[-1].total


@pytest.mark.journey
def test_two_files_are_mined_to_the_same_pairs(tmp_path: Path) -> None:
    source, target = texts(tmp_path)
    for name, workers in (("one", 1), ("two", 2)):
        config = tiny_config(tmp_path / name, SMALL)
        toolkit.mine(source, target, config, out=tmp_path / f"{name}.tsv", workers=workers)
    assert (tmp_path / "two.tsv").read_bytes() == (tmp_path / "one.tsv").read_bytes() != b""
    assert stored(tmp_path / "two" / "embeddings") == stored(tmp_path / "one" / "embeddings")


@pytest.mark.journey
def test_no_process_is_started_for_one_worker_nor_where_nothing_is_to_be_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an engine was opened")

    monkeypatch.setattr("toolkit.engine.opening.open_engine", refuse)
    config = tiny_config(tmp_path)
    for workers in (1, 2):
        toolkit.retrieve("backbone", config, task="micro-bitext", languages="de", workers=workers)


def test_processes_without_a_store_and_below_torchrun_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path, "store.folder=null")
    with pytest.raises(ToolkitError, match="store.folder=null keeps none; name a folder"):
        toolkit.retrieve("backbone", config, task="micro-bitext", languages="de", workers=2)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ToolkitError, match="give them to a command that `torchrun` has not started"):
        toolkit.retrieve("backbone", tiny_config(tmp_path), task="micro-bitext", cluster="tcp://127.0.0.1:1")


KEY = Key(backbone="ab", composition="mnli", layer=7, pooling="mean", tokenizer="cd", max_length=9, precision="bf16")


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (replace(KEY, precision="fp32"), r"\(precision is 'fp32' there, not 'bf16'\)"),
        (replace(KEY, backbone="ef", precision="fp32"), r"\(the backbone's weights are others\)"),
        (replace(KEY, adapters=(("adapter mnli", "1"),)), r"\(the adapters' weights are others\)"),
    ],
)
def test_a_worker_that_would_make_other_vectors_says_which(own: Key, said: str) -> None:
    _require_same(replace(KEY, backbone_name="embedded"), KEY)
    with pytest.raises(
        ToolkitError, match=rf"^A worker on \S+ would make other vectors than this command {said}; give"
    ):
        _require_same(own, KEY)


# -- processes that end ---------------------------------------------------------------------------------------------


def command(folder: Path, *more: str) -> list[str]:
    """Mine two files of 1,500 lines, each shard of which is some lines."""
    for name in ("a.de", "b.en"):
        lines = (f"{name} line {n} {n * n}\n" for n in range(1500))
        (folder / name).write_text("".join(lines), encoding="utf-8")
    return [
        sys.executable, str(PROJECT / "cli.py"), "mine", "a.de", "b.en", "--out", "pairs.tsv", "--backbone", "tiny",
        "--no-track", "--precision", "fp32", "--set", "store.folder=store", "--set", "store.shard=24", *more,
    ]  # fmt: skip


@contextmanager
def begun(folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """Give the command when it has written some shards and lacks most."""
    process = zygote.Popen(
        command(folder, *more), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: len(shards(folder)) >= 4, "four shards", process=process)
        yield process
    finally:
        process.kill()
        process.wait()


def shards(folder: Path) -> list[Path]:
    return sorted((folder / "store").rglob("*.safetensors"))


def processes(of: int) -> list[psutil.Process]:
    """The processes of a staff, below a process."""
    return [
        each for each in psutil.Process(of).children(recursive=True) if "toolkit.recipes.score.worker" in each.cmdline()
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, bytes]]:
    """The pairs and the store of one process."""
    folder = tmp_path_factory.mktemp("one")
    zygote.run(command(folder), cwd=folder, check=True, capture_output=True)
    return (folder / "pairs.tsv").read_bytes(), stored(folder / "store")


def is_same(folder: Path, whole: tuple[bytes, dict[str, bytes]]) -> bool:
    return ((folder / "pairs.tsv").read_bytes(), stored(folder / "store")) == whole


@pytest.mark.slow
def test_a_process_that_is_killed_loses_at_most_its_shard(
    tmp_path: Path, whole: tuple[bytes, dict[str, bytes]]
) -> None:
    with begun(tmp_path, "--workers", "2") as process:
        killed = processes(process.pid)[0]
        killed.kill()
        assert process.communicate()[1] is not None and process.returncode == 0
    assert is_same(tmp_path, whole)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_what_ends_the_command_leaves_finished_shards_and_no_process(
    tmp_path: Path, whole: tuple[bytes, dict[str, bytes]], number: int, code: int
) -> None:
    with begun(tmp_path, "--workers", "2") as process:
        started = processes(process.pid)
        process.send_signal(number)
        assert process.wait() == code
    wait_until(lambda: not any(each.is_running() for each in started), "the processes have ended")
    assert len(started) == 2 and not (tmp_path / "pairs.tsv").exists()
    (shelf,) = shelves(tmp_path / "store")
    assert damages(shelf) == []
    kept = {path: path.stat().st_mtime_ns for path in shelf.shards}
    zygote.run(command(tmp_path, "--workers", "2"), cwd=tmp_path, check=True, capture_output=True)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # none was encoded again
    assert is_same(tmp_path, whole)


@contextmanager
def dask(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler or worker of dask, started by hand."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    code = "import sys; from distributed.cli import dask_scheduler, dask_worker\n"
    code += "main = {'scheduler': dask_scheduler, 'worker': dask_worker}[sys.argv.pop(1)].main\nmain()"
    log = (folder / "dask.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=folder, env=environment, stdout=log, stderr=log
    )
    log.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers on loopback: its address, and the workers."""
    file = folder / "scheduler.json"
    words = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    with dask(folder, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file), *words) as one:
        wait_until(lambda: file.exists() and file.read_text().strip().endswith("}"), "the scheduler", process=one)
        address = json.loads(file.read_text())["address"]
        own = ("worker", address, "--nthreads", "1", "--no-nanny", *words)
        with dask(folder, *own) as first, dask(folder, *own) as second:
            from distributed import Client

            with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
                wait_until(lambda: len(client.nthreads()) == 2, "two workers")  # type: ignore[no-untyped-call]
            yield address, [first, second]


@pytest.mark.slow
def test_a_worker_of_a_cluster_that_is_killed_loses_at_most_its_shard(
    tmp_path: Path, whole: tuple[bytes, dict[str, bytes]]
) -> None:
    with cluster(tmp_path) as (address, workers):
        with begun(tmp_path, "--scheduler", address) as process:
            workers[0].kill()
            assert process.communicate()[1] is not None and process.returncode == 0
        assert is_same(tmp_path, whole)
