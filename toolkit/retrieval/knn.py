"""Exact nearest neighbours between two sides, in both directions from one pass over their products.

Products are taken tile by tile in the processor's fast arithmetic (bf16 if it is native) with a bound on their error. The
pairs that could be among a line's k nearest within that bound are multiplied again in double precision. The result is exact
and does not depend on tiles, threads or arithmetic.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.progress import Report, silent
from toolkit.retrieval.operands import on_threads
from toolkit.retrieval.rescore import Neighbours, best_of, score_pairs
from toolkit.retrieval.screen import Screened, screen
from toolkit.retrieval.settings import DEFAULT, SearchSettings
from toolkit.retrieval.side import Rows, Side, Survey, survey

MOST = 256


def both_ways(
    x: Rows, y: Rows, k: int, *, settings: SearchSettings = DEFAULT, report: Report = silent
) -> tuple[Neighbours, Neighbours]:
    """Return the neighbours of each row of `x` among `y`, and of each row of `y` among `x`, by inner product.

    Each product x . y is computed once and serves both directions. Copies of a vector have equal scores to the last bit
    and come by their rows.

    Args:
        x: float32 [Q, D].
        y: float32 [N, D].
        k: neighbours; a side with fewer rows has them all.
        settings: memory, threads, device; the result is the same for all of them.

    Returns:
        Forward, `scores` and `rows` [Q, min(k, N)], and backward, [N, min(k, Q)].

    Raises:
        ToolkitError: an empty side, widths that differ, NaN, or a k outside 1 to 256.

    Example:
        >>> forward, backward = both_ways(np.eye(2, dtype="f4"), np.array([[0, 1], [1, 0], [1, 0]], "f4"), 2)
        >>> forward.rows.tolist(), backward.rows.tolist()
        ([[1, 2], [0, 1]], [[1, 0], [0, 1], [0, 1]])
    """
    first, second = surveyed(x, y, k)
    forward, backward = _exact(first, second, k, both=True, settings=settings, report=report)
    assert backward is not None
    return forward, backward


def nearest(x: Rows, y: Rows, k: int, *, settings: SearchSettings = DEFAULT, report: Report = silent) -> Neighbours:
    """Return the exact neighbours of each row of `x` among `y`: the first half of `both_ways`."""
    first, second = surveyed(x, y, k)
    return _exact(first, second, k, both=False, settings=settings, report=report)[0]


def surveyed(x: Rows, y: Rows, k: int) -> tuple[Survey, Survey]:
    """Check two sides and read each once."""
    if len(x.shape) != 2 or len(y.shape) != 2 or x.shape[1] != y.shape[1]:
        raise ToolkitError(
            f"The two sides have shapes {list(x.shape)} and {list(y.shape)}; expected [Q, D] and [N, D] of one width D."
        )
    if not len(x) or not len(y):
        raise ToolkitError(f"The sides have {len(x)} and {len(y)} vectors; expected at least one on either side.")
    if not 1 <= k <= MOST:
        raise ToolkitError(f"{k} neighbours were asked for; expected 1 to {MOST}.")
    return survey(x, k, "first side"), survey(y, k, "second side")


def _exact(
    x: Survey, y: Survey, k: int, *, both: bool, settings: SearchSettings, report: Report
) -> tuple[Neighbours, Neighbours | None]:
    with on_threads(settings.threads):
        found = screen(x.side, y.side, k, both=both, settings=settings, report=report)
        forward = _settled(x, y, k, found[0], settings)
        backward = _settled(y, x, k, found[1], settings) if found[1] is not None else None
        pairs = [forward] if backward is None else [forward, backward[::-1]]
        sources, targets = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
        codes = np.unique(sources * len(y.side) + targets)
        sources, targets = codes // len(y.side), codes % len(y.side)
        scores = score_pairs(x.side, y.side, sources, targets, report=report)
    ahead = best_of(len(x.side), min(k, len(y.side)), sources, targets, scores)
    if backward is None:
        return y.spread(ahead, x, k), None
    back = best_of(len(y.side), min(k, len(x.side)), targets, sources, scores)
    return y.spread(ahead, x, k), x.spread(back, y, k)


def _settled(x: Survey, y: Survey, k: int, found: Screened, settings: SearchSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs (line of x, row of y) that hold the k nearest of every line."""
    lines, rows, unsure = found.lines, found.rows, found.unsure
    if len(unsure):
        # More products than there was room for are within the error: these lines are multiplied again, with a smaller one.
        finer = replace(settings, arithmetic="fp32", tile=None)
        again = screen(x.side.take(unsure), y.side, k, both=False, room=4, settings=finer)[0]
        kept = ~np.isin(lines, unsure)
        lines, rows = np.concatenate([lines[kept], unsure[again.lines]]), np.concatenate([rows[kept], again.rows])
        unsure = unsure[again.unsure]
    if len(unsure):
        # Still so if very many products are all but equal.
        kept = ~np.isin(lines, unsure)
        every = _every_product(x.side.take(unsure), y.side, k)
        lines = np.concatenate([lines[kept], np.repeat(unsure, every.shape[1])])
        rows = np.concatenate([rows[kept], every.ravel()])
    return lines, rows


def _every_product(x: Side, y: Side, k: int, block: int = 1024) -> np.ndarray:
    """Return the k nearest rows of y for each of x, from products in double precision: int64 [Q, min(k, N)]."""
    k = min(k, len(y))
    found = np.empty((len(x), k), np.int64)
    for start in range(0, len(x), block):
        part = x.part(start, start + block).astype(np.float64)
        best = np.empty((len(part), 0), np.float32)
        rows = np.empty((len(part), 0), np.int64)
        for first in range(0, len(y), 8 * block):
            products = (part @ y.part(first, first + 8 * block).astype(np.float64).T).astype(np.float32)
            best = np.concatenate([best, products], axis=1)
            numbers = np.broadcast_to(np.arange(first, first + products.shape[1]), products.shape)
            rows = np.concatenate([rows, numbers], axis=1)
            # Rows rise from left to right if scores are equal, so a stable order keeps the lower row.
            order = np.argsort(-best, axis=1, kind="stable")[:, :k]
            best, rows = np.take_along_axis(best, order, 1), np.take_along_axis(rows, order, 1)
        found[start : start + len(part)] = rows
    return found
