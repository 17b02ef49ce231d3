"""Products of single pairs, and the best of each line among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.progress import Progress, Report, silent

LINES = 1 << 13  # whose pairs are sorted at a time
PAIRS = 512  # 2 MiB a side at width 1,024: what a processor's cache holds


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of the other side, best first, equal ones by lower row.

    Attributes:
        scores: float32 [Q, k], falling.
        rows: int64 [Q, k], rows of the other side; -1 (score -inf) only where an approximate index found fewer.
    """

    scores: np.ndarray
    rows: np.ndarray


def score_pairs(x: Any, y: Any, sources: np.ndarray, targets: np.ndarray, *, report: Report = silent) -> np.ndarray:
    """Return x[source] . y[target] of each pair, summed in double precision: float32 [M].

    The result depends on the two vectors alone, not on their places.
    """
    scores = np.empty(len(sources), np.float32)
    for start in range(0, len(sources), PAIRS):
        part = slice(start, start + PAIRS)
        scores[part] = np.einsum("pd,pd->p", x.at(sources[part]), y.at(targets[part]), dtype=np.float64)
        if start % (PAIRS * 512) == 0:
            report(Progress("score pairs", start, len(sources)))
    report(Progress("score pairs", len(sources), len(sources)))
    return scores


def best_of(n: int, k: int, lines: np.ndarray, rows: np.ndarray, scores: np.ndarray) -> Neighbours:
    """Return the k best pairs of each line, equal ones by lower row; a missing pair has row -1 and score -inf.

    Args:
        n: lines.
        k: pairs kept of each.
        lines: int [M]; `rows`: int [M]; `scores`: float32 [M]; no pair twice.

    Example:
        >>> found = best_of(2, 2, np.array([0, 0, 0]), np.array([5, 3, 4]), np.array([0.5, 0.5, 0.9], "f4"))
        >>> found.rows.tolist()
        [[4, 3], [-1, -1]]
    """
    found = Neighbours(np.full((n, k), -np.inf, np.float32), np.full((n, k), -1, np.int64))
    for start in range(0, n, LINES):
        some = np.flatnonzero((lines >= start) & (lines < start + LINES))
        order = some[np.lexsort((rows[some], -scores[some], lines[some]))]
        own = lines[order].astype(np.int64) - start
        counts = np.bincount(own, minlength=min(LINES, n - start))
        nth = np.arange(len(own)) - (np.cumsum(counts) - counts)[own]
        kept = nth < k
        found.scores[start + own[kept], nth[kept]] = scores[order[kept]]
        found.rows[start + own[kept], nth[kept]] = rows[order[kept]]
    return found
