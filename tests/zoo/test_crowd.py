"""Several processes write one zoo, and writers are killed at any moment: nothing is lost, nothing is half-visible."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from tests import PROJECT, zygote


def crowd(*words: str) -> dict[str, Any]:
    found = zygote.run(
        [sys.executable, "-m", "tests.zoo.crowd", *words],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return json.loads(found.stdout)


# However short the time, each process does everything at least once.
@pytest.mark.parametrize(("number", "seconds"), [("4", "0.1"), pytest.param("10", "60", marks=pytest.mark.slow)])
def test_processes_writing_one_zoo_lose_nothing(number: str, seconds: str) -> None:
    found = crowd("writers", number, seconds)
    assert (found["failed"], found["lost"], found["faults"]) == (0, 0, 0)
    assert min(found[what] for what in ("put", "replace", "pull", "push", "update", "remove", "list")) >= int(number)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["200"])
def test_a_push_or_pull_killed_at_a_random_moment_leaves_both_sides_valid(number: str) -> None:
    found = crowd("kills", number)
    assert found["kills"] >= int(number)
