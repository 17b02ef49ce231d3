"""The soak in small; `python -m tests.soak` is the long one, and docs/reliability.md has its figures."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import PROJECT
from tests.soak.disks import PLACES, Disks
from tests.soak.inputs.give import Inputs
from tests.soak.journeys import JOURNEYS
from tests.soak.signals import Soak
from tests.soak.world import World

QUICK = ("train a stack", "eval elsewhere", "mine", "zoo pull", "zoo export")
"""Journeys of every kind of output that take about a second."""


POINTS = (
    ("train a stack", "open", "xstilts-spool", "KILL"),  # before the first record
    ("train a stack", "os.rename", "checkpoint.pt", "TERM"),
    ("train a stack", "os.rename", "checkpoint.pt", "KILL"),
    ("train a stack", "open", ".checkpoint.pt", "TERM"),  # inside the thread that writes
    ("train a stack", "os.rename", ".best.pt", "KILL"),  # the best weights, before they have a name
    ("train a stack", "os.rename", "best-", "KILL"),
    ("train a stack", "os.remove", "best-", "KILL"),  # behind the checkpoint that names better ones, or at the end
    ("train a stack", "os.rename", "put.json", "KILL"),  # before the entry
    ("train a stack", "os.remove", "checkpoint.pt", "KILL"),  # behind entry and record
    ("train a stack", "os.remove", "put.json", "KILL"),
    ("train a language", "os.rename", "checkpoint.pt", "KILL"),  # masks are drawn again from the step
    ("train a merge", "os.rename", "merge", "KILL"),  # where the entry becomes visible
    ("train a merge", "os.rename", ".done", "KILL"),  # where a run leaves the spool
    ("eval elsewhere", "os.rename", "table", "KILL"),
    ("eval elsewhere", "os.rename", "artifact.uploading", "KILL"),
    ("mine", "os.rename", "pairs.tsv", "KILL"),
    ("zoo pull", "os.rename", "other", "KILL"),
    ("zoo pull", "os.rename", "other", "TERM"),
    ("zoo export", "os.rename", "saved", "KILL"),
    ("track sync", "os.rename", "progress.json", "KILL"),
    ("track sync", "os.rename", ".done", "KILL"),
)
"""Journey, event, a text in the path of what is changed, and the signal that comes before the change."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "event", "text", "kind"), POINTS)
def test_a_command_that_is_struck_at_a_point_leaves_what_an_undisturbed_one_leaves(
    points: Soak, name: str, event: str, text: str, kind: str
) -> None:
    journey = next(one for one in JOURNEYS if one.name == name)
    ended = points.struck_at(journey, event, text, int(signal.Signals[f"SIG{kind}"]))
    assert ended.struck is not None, "it comes to that point"
    assert points.report.faults == []


@pytest.fixture(scope="module")
def _points(world: World) -> Soak:
    return Soak(world, None, seed=0)


@pytest.fixture
def points(_points: Soak) -> Iterator[Soak]:
    """A soak that knows what undisturbed commands leave."""
    yield _points
    _points.report.faults.clear()


@pytest.mark.exhaustive  # at random times
def test_struck_by_signals_commands_leave_what_undisturbed_ones_leave(world: World) -> None:
    soak = Soak(world, None, seed=0, journeys=[one for one in JOURNEYS if one.name in QUICK])
    for _ in soak.rounds(8):
        pass
    assert soak.report.faults == []
    assert soak.report.hit >= 6, "most signals arrive in the middle of work"


@pytest.mark.slow
def test_damaged_inputs_are_refused_in_a_sentence(world: World) -> None:
    inputs = Inputs(world, seed=0)
    for lines in (inputs.files(12), inputs.options(20, each=1)):
        for _ in lines:
            pass
    assert inputs.told.faults == []
    assert sum(inputs.told.given.values()) == 32


@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_the_command_finishes_later(world: World) -> None:
    disks = Disks(world, seed=0)
    chosen = [
        one
        for one in PLACES
        if (one.folder, one.words[0]) in (("table", "eval"), ("saved", "zoo"), ("adapter_zoo", "train"))
    ][:3]
    for _ in disks.fill(chosen, times=1):
        pass
    assert disks.filled.faults == []
    assert sum(disks.filled.codes.values()) == 3 and disks.filled.codes["0"] < 3


@pytest.mark.exhaustive
def test_the_long_soak(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.soak",
        "--signals",
        "200",
        "--files",
        "300",
        "--options",
        "-1",
        "--disks",
        "2",
        "--seed",
        "0",
    ]
    done = subprocess.run(
        [*command, "--json", str(tmp_path / "figures.json")], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert json.loads((tmp_path / "figures.json").read_text())["signals"]["sent"] >= 200
