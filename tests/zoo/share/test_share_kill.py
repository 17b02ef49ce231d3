"""Killed at any moment, a push or a pull leaves both sides valid, and goes on when it is given again; two writers lose nothing."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from tests import PROJECT, zygote
from tests.waiting import LIMIT_S
from tests.zoo.cards import card, weights, wide
from toolkit.zoo import Parent, Zoo
from toolkit.zoo.share.share import pull, push

# An object store that outlives a process: local files behind a protocol of its own, so that it is no zoo folder.
STORE = """
import fsspec
from fsspec.implementations.local import LocalFileSystem
class Store(LocalFileSystem):
    protocol = "store"
    @classmethod
    def _strip_protocol(cls, path):
        return LocalFileSystem._strip_protocol(str(path).removeprefix("store://"))
fsspec.register_implementation("store", Store, clobber=True)
"""
CODE = (
    STORE
    + """
import sys, time
from toolkit.zoo import Zoo
from toolkit.zoo.share.share import pull, push
verb, root, place = sys.argv[1:4]
print("ready", flush=True)
sys.stdin.readline()
for name in sys.argv[4:]:
    if verb == "push":
        push(Zoo(root), Zoo(root).get(name, "tiny"), place)
    else:
        pull(Zoo(root), place, name)
"""
)


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    held = Zoo(tmp_path / "zoo")
    mnli = held.put(*wide("mnli", reduction_factor=5))  # 1.6 MB: room to be killed in
    held.put(*wide("mnli/squad", 1, reduction_factor=5, parents=(Parent("mnli", mnli.digest),)))
    return held


def start(verb: str, root: Path, place: str, *names: str) -> zygote.Popen:
    """Start a process and wait until it has imported everything and stands before its first step."""
    process = zygote.Popen(
        [sys.executable, "-c", CODE, verb, str(root), place, *names],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def go(process: zygote.Popen) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def _store() -> None:
    exec(STORE, {})
    assert fsspec.get_filesystem_class("store") is not LocalFileSystem


@pytest.mark.slow
@pytest.mark.usefixtures("_store")
@pytest.mark.parametrize("kind", ["folder", "store"])
@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_kill_at_any_moment_leaves_both_sides_valid(zoo: Zoo, tmp_path: Path, kind: str, verb: str) -> None:
    place = str(tmp_path / "place") if kind == "folder" else f"store://{tmp_path}/place"
    other = Zoo(tmp_path / "other")
    if verb == "pull":
        push(zoo, zoo.get("mnli/squad", "tiny"), place)
    chance = random.Random(f"{kind} {verb}")
    kills, tries = 0, 0
    # How fast the process is differs by machine: it is killed until that was in time twice, and begins anew where it was not.
    while kills < 2 or tries < 6:
        tries += 1
        assert tries <= 200, "the process ends before it can be killed"
        root = zoo.root if verb == "push" else other.root
        process = start(verb, root, place, "mnli/squad")
        go(process)
        time.sleep(chance.uniform(0.0, 0.06))
        process.send_signal(signal.SIGKILL)
        is_killed = process.wait() == -signal.SIGKILL
        kills += is_killed
        assert zoo.faults() == []
        assert other.faults() == []
        if verb == "push":
            # Whatever of it is visible at the place is whole.
            from toolkit.zoo.share.address import open_place

            there = open_place(place)
            if there.local is None or there.local.is_dir():
                seen = Zoo(tmp_path / f"seen{len(list(tmp_path.iterdir()))}")
                for found, _ in there.cards():
                    pull(seen, place, found.name)
                assert seen.faults() == []
        if not is_killed:  # all has arrived, and the next one would have nothing to do
            shutil.rmtree(tmp_path / "place" if verb == "push" else other.root)
    if verb == "push":
        push(zoo, zoo.get("mnli/squad", "tiny"), place)
    pull(other, place, "mnli/squad")
    assert [one.digest for one in other.list()] == [one.digest for one in zoo.list()]
    assert other.faults() == []


@pytest.mark.usefixtures("_store")
@pytest.mark.parametrize("kind", ["folder", "store"])
def test_two_writers_lose_nothing(tmp_path: Path, kind: str) -> None:
    place = str(tmp_path / "place") if kind == "folder" else f"store://{tmp_path}/place"
    zoos = [Zoo(tmp_path / f"zoo{number}") for number in range(2)]
    names = [[f"a{i}" for i in range(12)], [f"b{i}" for i in range(12)]]
    for zoo, own in zip(zoos, names, strict=True):
        zoo.put(card("mnli"), weights(1))  # the same weights under the same name, from both
        for number, name in enumerate(own):
            zoo.put(card(name), weights(number))
    writers = [start("push", zoo.root, place, "mnli", *own) for zoo, own in zip(zoos, names, strict=True)]
    for writer in writers:
        go(writer)
    assert [writer.wait(timeout=LIMIT_S) for writer in writers] == [0, 0]
    reader = Zoo(tmp_path / "reader")
    pull(reader, place)
    assert {one.name for one in reader.list()} == {"mnli", *names[0], *names[1]}
    assert reader.faults() == []


@pytest.mark.usefixtures("_store")
def test_two_pulls_into_one_zoo_give_one_whole_entry(zoo: Zoo, tmp_path: Path) -> None:
    other = Zoo(tmp_path / "other")
    readers = [start("pull", other.root, str(zoo.root), "mnli/squad") for _ in range(2)]
    for reader in readers:
        go(reader)
    assert [reader.wait(timeout=LIMIT_S) for reader in readers] == [0, 0]
    assert other.faults() == []
    assert [one.digest for one in other.list()] == [one.digest for one in zoo.list()]
