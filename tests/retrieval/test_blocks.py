"""Blocks, partial neighbours and their merging, against one pass over all rows."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from tests import zygote
from toolkit.errors import ToolkitError
from toolkit.retrieval.blocks import Grid, Part, Piece, Schedule, Way
from toolkit.retrieval.budget import LEAST, block_bytes, block_lines
from toolkit.retrieval.knn import both_ways, exact_block
from toolkit.retrieval.partial import merged, shifted
from toolkit.retrieval.rescore import Neighbours
from toolkit.retrieval.settings import SearchSettings
from toolkit.retrieval.side import Side

ONE = SearchSettings(threads=1)


def found_in(rng: np.random.Generator, n: int, rows: range, k: int) -> Neighbours:
    """Return neighbours among some rows, with many equal scores and with rows that are missing."""
    chosen = np.stack([rng.permutation(rows)[:k] for _ in range(n)])
    scores = rng.integers(0, 3, chosen.shape).astype(np.float32) / 2 - 0.5
    missing = rng.random(chosen.shape) < 0.2
    return Neighbours(np.where(missing, -np.inf, scores).astype(np.float32), np.where(missing, -1, chosen))


def same(one: Neighbours, other: Neighbours) -> bool:
    """Whether two are equal to the bit."""
    return np.array_equal(one.scores, other.scores) and np.array_equal(one.rows, other.rows)


@pytest.mark.parametrize("seed", range(20))
def test_merging_does_not_depend_on_order_or_grouping(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, cuts = int(rng.integers(1, 6)), np.cumsum([0, *rng.integers(1, 7, 7)])
    found = [found_in(rng, 9, range(a, b), k) for a, b in pairwise(cuts.tolist())]
    whole = merged(found, k)

    shuffled = [found[at] for at in rng.permutation(len(found))]
    assert same(merged(shuffled, k), whole)
    while len(shuffled) > 1:
        n = int(rng.integers(2, min(4, len(shuffled)) + 1))
        shuffled = [*shuffled[n:], merged(shuffled[:n], k)]
    assert same(shuffled[0], whole)


def test_merging_keeps_the_best_of_each_line() -> None:
    one = Neighbours(np.array([[0.5, 0.1]], "f4"), np.array([[4, 9]]))
    other = Neighbours(np.array([[0.5, -np.inf]], "f4"), np.array([[2, -1]]))
    assert merged([one, other], 3).rows.tolist() == [[2, 4, 9]]
    assert shifted(other, 10).rows.tolist() == [[12, -1]]


def tied(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    """Return distinct vectors of small whole numbers, whose products are often equal."""
    every = rng.integers(-1, 2, (4 * n, width)).astype(np.float32)
    return np.unique(every, axis=0)[rng.permutation(n)]


def searched(x: np.ndarray, y: np.ndarray, k: int, grid: Grid, order: np.random.Generator) -> dict[Way, Neighbours]:
    """Search block by block, in any order that the schedule allows."""
    schedule, held = Schedule(grid), {}
    waiting: list[Piece] = []
    while True:
        while (piece := schedule.next()) is not None and len(waiting) < 5:
            waiting.append(piece)
        if piece is not None:
            waiting.append(piece)
        if not waiting:
            break
        piece = waiting.pop(int(order.integers(len(waiting))))
        if piece.reads:
            held[piece.makes[0]] = merged([held[part] for part in piece.reads], k)
        else:
            here, there = grid.lines("ahead", piece.makes[0].block), grid.lines("back", piece.makes[0].place)
            near = exact_block(Side(x[here]), Side(y[there]), k, both=True, settings=ONE, report=lambda told: None)
            for part, each, start in zip(piece.makes, near, (there.start, here.start), strict=True):
                assert each is not None
                held[part] = shifted(each, start)
        for part in schedule.finish(piece):
            del held[part]
    assert schedule.done == schedule.total
    assert set(held) == {*schedule.results("ahead"), *schedule.results("back")}  # nothing else is left
    return {
        way: Neighbours(
            *(
                np.concatenate([getattr(held[part], name) for part in schedule.results(way)])
                for name in ("scores", "rows")
            )
        )
        for way in grid.ways
    }


@pytest.mark.parametrize(("n", "m", "size", "fan"), [(60, 45, 7, 2), (33, 90, 10, 3), (20, 20, 32, 8)])
def test_blocks_find_what_one_pass_finds(n: int, m: int, size: int, fan: int) -> None:
    rng = np.random.default_rng(n)
    x, y = tied(rng, n, 6), tied(rng, m, 6)
    found = searched(x, y, 4, Grid(n, m, size, fan), rng)
    ahead, back = both_ways(x, y, 4, settings=ONE)
    assert same(found["ahead"], ahead)
    assert same(found["back"], back)


def all_parts(schedule: Schedule) -> list[list[Part]]:
    """Run a schedule, and return which parts are there after each piece."""
    held: set[Part] = set()
    steps = []
    while (piece := schedule.next()) is not None:
        held |= set(piece.makes)
        held -= set(schedule.finish(piece))
        steps.append(sorted(held, key=lambda part: part.name))
    return steps


def test_a_schedule_continues_from_any_state() -> None:
    grid = Grid(7, 5, 1, 2)
    steps = all_parts(Schedule(grid))
    for number, present in enumerate(steps):
        again = Schedule(grid, present)
        assert len(all_parts(again)) == len(steps) - number - 1  # nothing is done twice
        assert again.done == 35


def test_what_was_merged_before_is_over() -> None:
    grid = Grid(2, 1, 1)
    leaves = [Part("back", 0, 0, 0), Part("back", 0, 0, 1)]
    schedule = Schedule(grid, [*leaves, Part("back", 0, 1, 0), Part("ahead", 0, 0, 0), Part("ahead", 9, 0, 0)])
    assert sorted(part.name for part in schedule.over) == [leaf.name for leaf in leaves]
    piece = schedule.next()
    assert piece is not None
    assert piece.name == "block-1-0"
    assert schedule.finish(piece) == [Part("back", 0, 0, 1)]  # its other leaf was merged before
    assert schedule.next() is None


def test_one_way_needs_no_parts_of_the_other() -> None:
    steps = all_parts(Schedule(Grid(3, 3, 1, ways=("ahead",))))
    assert {part.way for step in steps for part in step} == {"ahead"}


def test_few_parts_wait_to_be_merged() -> None:
    grid = Grid(64, 64, 1)
    most = max(len(step) for step in all_parts(Schedule(grid)))
    assert most < 2 * 64 * 64 / 10


def test_a_larger_memory_holds_a_larger_block() -> None:
    sizes = [
        block_lines(10**6, 10**6, 1024, 4, SearchSettings(memory=memory, threads=1, device="cpu"))
        for memory in (0.1, 0.5, 4)
    ]
    assert sizes == sorted(set(sizes))
    for size, memory in zip(sizes, (0.1, 0.5, 4), strict=True):
        assert block_bytes(size, 1024, 4, SearchSettings(memory=memory, threads=1, device="cpu")) <= memory * 2**30


def test_several_workers_have_several_blocks_each() -> None:
    roomy = SearchSettings(device="cpu")
    assert block_lines(40_000, 40_000, 64, 4, roomy) > 20_000
    size = block_lines(40_000, 40_000, 64, 4, roomy, workers=2)
    assert (-(-40_000 // size)) ** 2 >= 8


def test_a_memory_that_holds_no_block_is_refused_with_the_least_that_works() -> None:
    small = SearchSettings(memory=0.001, device="cpu")
    with pytest.raises(ToolkitError, match="does not hold a block") as fault:
        block_lines(10, 10, 1024, 4, small)
    least = float(str(fault.value).rpartition(" ")[2].rstrip("."))
    assert block_lines(10**6, 10**6, 1024, 4, SearchSettings(memory=least, device="cpu")) >= LEAST


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux says what a process has taken since a moment"
)
@pytest.mark.parametrize(("k", "is_close"), [(4, False), (16, True)])
def test_a_block_takes_no_more_than_its_memory(k: int, is_close: bool) -> None:
    """Measured to take 0.3 to 0.75 of it; vectors that are all but equal are multiplied once more in double precision."""
    code = f"""
        from pathlib import Path
        import numpy as np
        from toolkit.retrieval.budget import block_lines
        from toolkit.retrieval.knn import exact_block
        from toolkit.retrieval.settings import SearchSettings
        from toolkit.retrieval.side import Side

        def taken(name):
            said = Path("/proc/self/status").read_text().partition(name + ":")[2]
            return int(said.split()[0]) * 1024

        settings = SearchSettings(memory=0.06, threads=1, device="cpu")
        size = block_lines(10**6, 10**6, 256, {k}, settings)
        rng = np.random.default_rng(0)

        def side(n):
            vectors = rng.standard_normal((n, 256), dtype=np.float32)
            if {is_close}:
                vectors = vectors[:1] + np.float32(1e-7) * vectors
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            return Side(vectors)

        def search(x, y):
            exact_block(x, y, {k}, both=True, settings=settings, report=lambda step: None)

        search(side(64), side(64))  # loads what is needed
        x, y = side(size), side(size)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = taken("VmRSS")
        search(x, y)
        print((taken("VmHWM") - before) / (settings.memory * 2**30))
    """
    done = zygote.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True)
    assert 0.0 < float(done.stdout) < 1.0
