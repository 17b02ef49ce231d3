"""Searches by the name of an index: exact, or approximate with its measured recall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.progress import Progress, Report, silent
from toolkit.retrieval.index import Index
from toolkit.retrieval.knn import MEMORY_GIB, both_ways, nearest, surveyed
from toolkit.retrieval.rescore import Neighbours, best_of, score_pairs
from toolkit.retrieval.screen import on_threads
from toolkit.retrieval.side import Side, Survey

# Multiplications that are done exactly before `auto` takes an approximate index: 400,000 x 400,000 x 1,024, minutes on
# two cores with bf16.
EXACT_PRODUCTS = 2e14
SAMPLE = 500
QUERIES = 4096


@dataclass(frozen=True)
class Searched:
    """Neighbours, and how far they can be trusted.

    Attributes:
        forward: of each row of the first side among the second.
        backward: of each row of the second among the first; None where it was not asked for.
        index: FAISS's name of the index that was used; `Flat` is exact.
        recall: share of a sample's exact neighbours that were found; 1.0 where the search is exact.
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
    """Return the index that `auto` means: exact as long as that takes minutes; then cells, of which one in 16 is visited.

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
    x: Any,
    y: Any,
    k: int,
    *,
    both: bool = True,
    index: str = "auto",
    memory: float = MEMORY_GIB,
    threads: int | None = None,
    device: str | None = None,
    seed: int = 0,
    what: str = "search",
    report: Report = silent,
) -> Searched:
    """Search `x` among `y`, and `y` among `x` where `both` is.

    An approximate index holds distinct vectors, in parts that fit into `memory`, one part at a time. What it finds is scored
    again exactly, so that only which neighbours are found is approximate, not how near they are.

    Args:
        x: [Q, D], an array or anything whose slices and lists of rows are; `y`: [N, D].
        k: neighbours.
        index: `auto`, `Flat`, or FAISS's spelling of another.
        memory: GiB for tiles, or for a part of the index.
        seed: of the sample on which recall is measured.

    Raises:
        ToolkitError: as `both_ways`, or FAISS cannot build such an index.
    """
    chosen = choose_index(index, len(x), len(y), int(x.shape[1]) if len(x.shape) == 2 else 0)
    exact: dict[str, Any] = {"memory": memory, "threads": threads, "device": device, "report": report}
    if chosen == "Flat":
        if both:
            return Searched(*both_ways(x, y, k, what=what, **exact), chosen)
        return Searched(nearest(x, y, k, what=what, **exact), None, chosen)
    first, second = surveyed(x, y, k)
    rng = np.random.default_rng(seed)
    with on_threads(threads):
        found, recall = _approximate(first, second, k, chosen, memory, rng, what, exact)
        if not both:
            return Searched(found, None, chosen, recall)
        back, other = _approximate(second, first, k, chosen, memory, rng, f"{what} back", exact)
    return Searched(found, back, chosen, min(recall, other))


def _approximate(
    x: Survey,
    y: Survey,
    k: int,
    factory: str,
    memory: float,
    rng: np.random.Generator,
    what: str,
    exact: dict[str, Any],
) -> tuple[Neighbours, float]:
    n, m, width = len(x.side), len(y.side), x.side.width
    k_distinct = min(k, m)
    # A FAISS index holds at most its vectors and as much again of links or lists.
    size = max(1024, int(memory * 2**30 / (8 * width)))
    n_parts = -(-m // size)
    size = -(-m // n_parts)
    lines, rows = [], []
    report = exact["report"]
    for part, start in enumerate(range(0, m, size)):
        held = Index(width, factory=factory)
        held.add_distinct(y.side.part(start, start + size))
        for first in range(0, n, QUERIES):
            _, found = held.search(x.side.part(first, first + QUERIES), min(k_distinct, len(held)))
            at, column = np.nonzero(found >= 0)
            lines.append(at + first)
            rows.append(found[at, column] + start)
            report(Progress(what, part * n + min(first + QUERIES, n), n_parts * n))
    sources, targets = np.concatenate(lines), np.concatenate(rows)
    scores = score_pairs(x.side, y.side, sources, targets)
    best = best_of(n, k_distinct, sources, targets, scores)
    sample = np.sort(rng.choice(n, min(n, SAMPLE), replace=False))
    truth = nearest(_Plain(x.side.take(sample)), _Plain(y.side), k_distinct, **exact)
    # By score and not by row: of equal ones either is right.
    hit = best.scores[sample] >= truth.scores[:, -1:]
    recall = float(np.minimum(hit.sum(axis=1), k_distinct).sum() / (len(sample) * k_distinct))
    return y.spread(best, x, k), recall


class _Plain:
    """A side as the array that it stands for."""

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
