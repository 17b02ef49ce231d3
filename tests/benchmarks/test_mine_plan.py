"""The simulation of a search by many workers, against one that recounts everything at every second."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests import PROJECT
from toolkit.retrieval.blocks import Grid, Part

BLOCK_S, MERGE_S = 3, 2


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    before = set(sys.modules)
    yield importlib.import_module("mine_plan")
    for name in set(sys.modules) - before:
        if name in ("mine_plan", "measure"):
            del sys.modules[name]


def merges(grid: Grid) -> list[tuple[Part, tuple[Part, ...]]]:
    """Return every merging of a grid, with what it needs."""
    found = []
    for way in grid.ways:
        for level in range(1, grid.top(way) + 1):
            for block in range(grid.count(way)):
                made = [Part(way, block, level, place) for place in range(grid.level_count(way, level))]
                found += [(part, part.below(grid)) for part in made]
    return found


def recounted(grid: Grid, workers: int) -> tuple[int, int]:
    """Return the seconds of a search and the most parts that were there at a time, second by second."""
    both = [(Part("ahead", i, 0, j), Part("back", j, 0, i)) for i, j in grid.cells()]
    blocks = [tuple(leaf for leaf in leaves if leaf.way in grid.ways) for leaves in both]
    left = merges(grid)
    waiting: list[tuple[Part, tuple[Part, ...]]] = []
    there: set[Part] = set()
    running: list[list[object]] = []  # seconds left, what is made, what is read
    now = peak = 0
    while True:
        while len(running) < workers and (waiting or blocks):
            if waiting:
                part, reads = waiting.pop(0)
                running.append([MERGE_S, (part,), reads])
            else:
                running.append([BLOCK_S, blocks.pop(0), ()])
        if not running:
            return now, peak
        now += 1
        for one in running:
            one[0] -= 1  # type: ignore[operator]
        for one in [each for each in running if each[0] == 0]:
            running.remove(one)
            there |= set(one[1])  # type: ignore[call-overload]
            peak = max(peak, len(there))
            there -= set(one[2])  # type: ignore[call-overload]
            ready = [each for part in one[1] for each in left if part in each[1] and set(each[1]) <= there]  # type: ignore[attr-defined]
            for each in ready:
                left.remove(each)
            waiting += ready


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("grid", [Grid(7, 5, 1, 2), Grid(4, 9, 1, 3), Grid(1, 1, 1), Grid(6, 6, 1, 2, ("ahead",))])
def test_the_simulation_is_the_recount(script: ModuleType, grid: Grid, workers: int) -> None:
    class Steady(script.Times):  # type: ignore[misc, name-defined]
        """Every block takes as long as every other, and every merging."""

        def of(self, piece: object, grid: Grid) -> float:
            return MERGE_S if piece.reads else BLOCK_S  # type: ignore[attr-defined]

    found = script.simulated(grid, workers, Steady(0.0, 0.0))
    assert (found.seconds, found.peak_lists) == recounted(grid, workers)
    assert found.pieces == grid.count("ahead") * grid.count("back") + len(merges(grid))
    assert found.busy == pytest.approx(
        (BLOCK_S * grid.count("ahead") * grid.count("back") + MERGE_S * len(merges(grid))) / found.seconds / workers
    )


def test_the_last_blocks_of_a_side_take_their_share(script: ModuleType) -> None:
    found = script.simulated(Grid(15, 10, 10), 1, script.Times(block=8.0, merge=0.0))
    assert found.seconds == 8.0 + 4.0


def test_a_plan_counts_blocks_and_bytes(script: ModuleType) -> None:
    found = script.plan(2_000_000, 1 << 16, [3], script.Times(100.0, 2.0), {"read": 1.8})
    assert found["blocks"] == 31 * 31
    assert found["vectors_gb"] == pytest.approx(2 * 2_000_000 * 1024 * 2 / 1e9)
    assert found["hours_of_one_process"]["read"] == pytest.approx(0.002)
    # Whole blocks would be 961; the last ones of a side are smaller.
    assert found["workers_3"]["hours"] == pytest.approx((2_000_000 / 65_536) ** 2 * 100 / 3 / 3600, rel=0.05)
