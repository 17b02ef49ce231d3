"""A repository of the hub is a place like any other; the library talks to a stand-in on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import PROJECT, zygote
from tests.hub import Hub, serve
from tests.waiting import LIMIT_S
from tests.zoo.cards import card, weights
from toolkit.zoo import Parent, Zoo

Run = Callable[..., subprocess.CompletedProcess[str]]
PLACE = "hf://team/adapters"


def without_the_library() -> None:
    """Let this process import the library anew."""
    for name in [name for name in sys.modules if name.split(".")[0] == "huggingface_hub"]:
        del sys.modules[name]


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def run(hub: Hub, tmp_path: Path) -> Iterator[Run]:
    """Run a `zoo` command in a process of its own: the library reads its address once, when imported."""
    with serve(hub) as address:
        environment = {**os.environ, "HF_ENDPOINT": address, "HF_TOKEN": "hf_stand_in", "HF_HUB_OFFLINE": "0"}
        environment |= {"HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(PROJECT)}

        def command(*words: object, zoo: Zoo) -> subprocess.CompletedProcess[str]:
            line = [sys.executable, str(PROJECT / "cli.py"), "zoo", *map(str, words), "--zoo", str(zoo.root)]
            first = "tests.zoo.share.test_hub:without_the_library"
            return zygote.run(line, env=environment, capture_output=True, text=True, timeout=LIMIT_S, first=first)

        yield command


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    held = Zoo(tmp_path / "zoo")
    mnli = held.put(card("mnli"), weights(1))
    # `@` in a folder's name is what the library would take for a revision.
    held.put(card("fuse[mnli,xnli]@xquad", parents=(Parent("mnli", mnli.digest),)), weights(2, is_fused=True))
    return held


def test_what_is_pushed_to_the_hub_is_pulled_from_it_to_the_last_bit(
    hub: Hub, run: Run, zoo: Zoo, tmp_path: Path
) -> None:
    said = run("push", "fuse[mnli,xnli]@xquad", PLACE, zoo=zoo)
    assert said.returncode == 0, said.stderr
    assert hub.models["team/adapters"].commits == 1, "the entry and its parents are one commit"
    assert "tiny/mnli/card.yaml" in hub.models["team/adapters"].main
    other = Zoo(tmp_path / "other")
    said = run("pull", PLACE, "fuse[mnli,xnli]@xquad", zoo=other)
    assert said.returncode == 0, said.stderr
    assert other.faults() == []
    assert [one.digest for one in other.list()] == [one.digest for one in zoo.list()]
    assert "are there already" in run("push", "mnli", PLACE, zoo=zoo).stderr
    assert hub.models["team/adapters"].commits == 1


@pytest.mark.slow
def test_a_byte_changed_on_the_hub_and_another_digest_are_refused(hub: Hub, run: Run, zoo: Zoo, tmp_path: Path) -> None:
    run("push", "mnli", PLACE, zoo=zoo)
    files = hub.models["team/adapters"].main
    data = bytearray(files["tiny/mnli/adapter.safetensors"])
    data[-1] ^= 1
    files["tiny/mnli/adapter.safetensors"] = bytes(data)
    other = Zoo(tmp_path / "other")
    said = run("pull", PLACE, "mnli", zoo=other)
    assert said.returncode == 2 and "SHA-256" in said.stderr and "Traceback" not in said.stderr
    assert not other.list()
    other.put(card("mnli"), weights(9))
    said = run("push", "mnli", PLACE, zoo=other)
    assert said.returncode == 2 and "with other weights" in said.stderr


def test_a_push_that_came_between_is_not_overwritten(hub: Hub, run: Run, zoo: Zoo) -> None:
    def somebody_else() -> None:
        hub.models["team/adapters"].commits += 1

    hub.meanwhile = somebody_else
    said = run("push", "mnli", PLACE, zoo=zoo)
    assert said.returncode == 2 and "written by somebody else" in said.stderr
    assert hub.models["team/adapters"].main == {}


def test_a_repository_that_is_not_there_is_one_sentence(run: Run, zoo: Zoo) -> None:
    said = run("pull", "hf://team/absent", zoo=zoo)
    assert said.returncode == 2
    assert said.stderr.startswith("Error: hf://team/absent")
    assert "Traceback" not in said.stderr
