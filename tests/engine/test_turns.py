"""Turns at the GPUs of a machine, and shares of its processors, where several workers do not know of each other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import PROJECT
from toolkit.engine.crew import Crew
from toolkit.engine.hand import Manner
from toolkit.engine.turns import take_turn

HOLD = "import sys; from toolkit.engine.turns import take_turn; print(take_turn('b', 0), flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")


def test_each_process_has_a_number_of_its_own_until_it_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "0\n"
        assert (take_turn("a", 0), take_turn("a", 1)) == (1, 2)
        assert (take_turn("a", 0), take_turn("a", 1)) == (1, 2)  # of the next sweep on the same worker
        other.communicate()
    assert take_turn("c", 0) == 0


def test_processes_that_see_other_gpus_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert take_turn("a", 0) == 0
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert take_turn("b", 0) == 0


@pytest.mark.parametrize("call", ["mkdir", "open", "pwrite"])
def test_where_nothing_can_be_written_the_place_is_the_number(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"os.{call}", refused)
    assert take_turn("a", 3) == 3


@pytest.mark.parametrize(
    ("given", "own", "on_this_host", "expected"),
    [
        (None, 8, 2, 4),
        (None, 8, 0, 8),  # it joined later: nobody has counted it
        ("1", 8, 16, 1),  # dask's own 1
        ("3", 8, 2, None),
        (None, 4, 2, 4),  # a job of a queue may use 4 of 8, and the others are none of its business
    ],
)
def test_a_process_takes_its_share_of_the_processors(
    given: str | None, own: int, on_this_host: int, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(own)))
    monkeypatch.setattr("toolkit.engine.crew.socket", SimpleNamespace(gethostname=lambda: "here"))
    crew = Crew("crew", "topic", "out", {}, Manner("toolkit"), {})
    crew._worker = SimpleNamespace(state=SimpleNamespace(nthreads=1))  # type: ignore[assignment]
    assert crew._threads({"here": on_this_host, "there": 64}) == expected
