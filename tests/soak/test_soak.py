"""The soak in small; `python -m tests.soak` is the long one, and docs/reliability.md has its figures."""

from __future__ import annotations

import json
import subprocess
import sys
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


@pytest.mark.exhaustive  # what SIGKILL still costs is in docs/reliability.md; a random time meets it now and then
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
        "--seed",
        "0",
    ]
    done = subprocess.run(
        [*command, "--json", str(tmp_path / "figures.json")], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert json.loads((tmp_path / "figures.json").read_text())["signals"]["sent"] >= 200
