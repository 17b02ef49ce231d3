"""Searches by the name of an index: exact, or approximate with its measured recall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.progress import Progress, Report, silent
from toolkit.retrieval.index import Index
from toolkit.retrieval.knn import both_ways, nearest, surveyed
from toolkit.retrieval.operands import on_threads
from toolkit.retrieval.partial import Nearest
from toolkit.retrieval.rescore import Neighbours, best_of, score_pairs
from toolkit.retrieval.settings import DEFAULT, SearchSettings
from toolkit.retrieval.side import Rows, Side, Survey

# Multiplications up to which `auto` searches exactly: 400,000 x 400,000 x 1,024, minutes on
# two cores with bf16.
EXACT_PRODUCTS = 2e14
SAMPLE = 500
QUERIES = 4096


@dataclass(frozen=True)
class Searched:
    """Neighbours, and the recall of their search.

    Attributes:
        forward: of each row of the first side among the second.
        backward: of each row of the second among the first; None if only one direction was searched.
        index: FAISS's name of the index that was used; `Flat` is exact.
        recall: share of a sample's exact neighbours that were found; 1.0 if the search is exact.
    """

    forward: Neighbours
    backward: Neighbours | None
    index: str
    recall: float = 1.0

    @property
    def words(self) -> str:
        """How it was searched, as part of a protocol."""
        return f"index={self.index}" + ("" if self.index == "Flat" else f" recall={self.recall:.4f}")


def choose_index(index: str, n_queries: int, n_rows: int, width: int) -> str:
    """Return the index that `auto` means: exact if that takes minutes, else cells, of which one in 16 is visited.

    Example:
        >>> choose_index("auto", 400_000, 400_000, 1024), choose_index("auto", 10**6, 10**6, 1024)
        ('Flat', 'IVF4096,Flat')
        >>> choose_index("HNSW32", 10, 10, 8)
        'HNSW32'
    """
    if index != "auto":
        return index
    if float(n_queries) * n_rows * width <= EXACT_PRODUCTS:
        return "Flat"
    cells = 2 ** int(np.clip(np.round(np.log2(4 * np.sqrt(min(n_queries, n_rows)))), 6, 16))
    return f"IVF{cells},Flat"


def search(
    x: Rows,
    y: Rows,
    k: int,
    *,
    both: bool = True,
    settings: SearchSettings = DEFAULT,
    report: Report = silent,
) -> Searched:
    """Search `x` among `y`, and `y` among `x` if `both` is true.

    An approximate index holds distinct vectors, in parts that fit into `settings.memory`, one part at a time. The pairs that
    it finds are scored again exactly, so that only which neighbours are found is approximate, not how near they are.

    Args:
        x: [Q, D].
        y: [N, D].
        k: neighbours.

    Raises:
        ToolkitError: as for `both_ways`, or FAISS cannot build such an index.
    """
    chosen = choose_index(settings.index, len(x), len(y), int(x.shape[1]) if len(x.shape) == 2 else 0)
    if chosen == "Flat":
        if both:
            return Searched(*both_ways(x, y, k, settings=settings, report=report), chosen)
        return Searched(nearest(x, y, k, settings=settings, report=report), None, chosen)
    first, second = surveyed(x, y, k)
    rng = np.random.default_rng(0)
    settings = replace(settings, index=chosen)
    with on_threads(settings.threads):
        found, recall = _approximate(first, second, k, settings, rng, report)
        if not both:
            return Searched(found, None, chosen, recall)
        back, other = _approximate(second, first, k, settings, rng, report)
    return Searched(found, back, chosen, min(recall, other))


def _approximate(
    x: Survey, y: Survey, k: int, settings: SearchSettings, rng: np.random.Generator, report: Report
) -> tuple[Neighbours, float]:
    """Return the neighbours of x among y that an index finds, and its recall on a sample that `rng` draws."""
    find = approximate_here if settings.workers is None else settings.workers.approximate
    k_distinct = min(k, len(y.side))
    best = find(x.side, y.side, k_distinct, settings=settings, report=report)
    n = len(x.side)
    sample = np.sort(rng.choice(n, min(n, SAMPLE), replace=False))
    here = replace(settings, workers=None)
    truth = nearest(_Plain(x.side.take(sample)), _Plain(y.side), k_distinct, settings=here, report=report)
    # By score and not by row: of equal ones either is right.
    hit = best.scores[sample] >= truth.scores[:, -1:]
    recall = float(np.minimum(hit.sum(axis=1), k_distinct).sum() / (len(sample) * k_distinct))
    return y.spread(best, x, k), recall


def approximate_here(x: Side, y: Side, k: int, *, settings: SearchSettings, report: Report) -> Neighbours:
    """Return the neighbours that an index finds, which is made of parts of `y`, one after another."""
    n, m = len(x), len(y)
    # A FAISS index holds at most its vectors and as much again of links or lists.
    size = max(1024, int(settings.memory * 2**30 / (8 * x.width)))
    n_parts = -(-m // size)
    size = -(-m // n_parts)
    best = Nearest(n, k)
    for part, start in enumerate(range(0, m, size)):
        there = y.take(np.arange(start, min(start + size, m)))
        held = index_of(there, settings.index)
        for first, found in indexed(x, there, k, held):
            lines = slice(first, first + len(found.rows))
            best.meet(lines, found, start)
            report(Progress("search", part * n + lines.stop, n_parts * n))
    return best.found


def index_of(side: Side, factory: str) -> Index:
    """Return an index of the distinct vectors of a side."""
    held = Index(side.width, factory=factory)
    held.add_distinct(side.part(0, len(side)))
    return held


def indexed(x: Side, y: Side, k: int, held: Index) -> Iterator[tuple[int, Neighbours]]:
    """Yield neighbours that the index of `y` finds, some lines at a time, each with its first line; their scores are exact."""
    for first in range(0, len(x), QUERIES):
        _, found = held.search(x.part(first, first + QUERIES), min(k, len(held)))
        at, column = np.nonzero(found >= 0)
        rows = found[at, column]
        yield first, best_of(len(found), k, at, rows, score_pairs(x, y, at + first, rows))


class _Plain:
    """The array of a side."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.shape = (len(side), side.width)

    def __len__(self) -> int:
        return len(self.side)

    def __getitem__(self, rows: Any) -> np.ndarray:
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self.side))
            return self.side.part(start, stop)
        return self.side.at(rows)
