"""A mining by two processes, one of which or all of which are killed while they search: the same pairs."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests import PROJECT, zygote
from tests.waiting import wait_until

LINES = 9000  # three blocks a side
pytestmark = pytest.mark.slow


def command(*more: str) -> list[str]:
    return [
        sys.executable, str(PROJECT / "cli.py"), "mine", "a.de", "b.en", "--out", "pairs.tsv", "--backbone", "tiny",
        "--no-track", "--precision", "fp32", "--set", "store.folder=store", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one process has encoded and mined."""
    folder = tmp_path_factory.mktemp("one")
    for seed, name in enumerate(("a.de", "b.en")):
        rng = random.Random(seed)
        lines = (" ".join(rng.choices("abcdefghijklmnoprstuvw", k=4)) + f" {rng.random()}\n" for _ in range(LINES))
        (folder / name).write_text("".join(lines), encoding="utf-8")
    zygote.run(command(), cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def searching(folder: Path, mined: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Give the command when it has searched a block, and one of its processes, which stands still."""
    shutil.copytree(mined, folder, dirs_exist_ok=True)
    (folder / "pairs.tsv").unlink()
    process = zygote.Popen(
        command("--workers", "2"), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: any((folder / "store" / "searches").glob("*/parts/*-0-*")), "a block", process=process)
        every = psutil.Process(process.pid).children(recursive=True)
        worker = next(each for each in every if "toolkit.recipes.score.worker" in each.cmdline())
        worker.suspend()
        yield process, worker
    finally:
        process.kill()
        process.wait()


def is_same(folder: Path, mined: Path) -> bool:
    return (folder / "pairs.tsv").read_bytes() == (mined / "pairs.tsv").read_bytes() != b""


def test_a_process_that_is_killed_loses_its_block(tmp_path: Path, mined: Path) -> None:
    with searching(tmp_path, mined) as (process, worker):
        worker.kill()
        process.communicate()
        assert process.returncode == 0
    assert is_same(tmp_path, mined)
    assert not (tmp_path / "store" / "searches").exists()


def test_a_command_that_is_killed_continues_with_the_blocks_that_are_there(tmp_path: Path, mined: Path) -> None:
    with searching(tmp_path, mined) as (process, worker):
        process.kill()
        process.wait()
        worker.kill()
    kept = list((tmp_path / "store" / "searches").glob("*/parts/*"))
    assert kept
    found = zygote.run(
        command("--workers", "2"), cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert found.returncode == 0
    assert is_same(tmp_path, mined)
    assert not (tmp_path / "store" / "searches").exists()
