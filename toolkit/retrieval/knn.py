"""Exact nearest neighbours between two sides, in both directions from one pass over their products.

Products are taken tile by tile in the processor's fast arithmetic (bf16 if it is native) with a bound on their error. The
pairs that could be among a line's k nearest within that bound are multiplied again in double precision. The result is exact
and does not depend on tiles, threads or arithmetic.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Report, silent
from toolkit.retrieval.operands import on_threads, rounding_of
from toolkit.retrieval.partial import Nearest
from toolkit.retrieval.rescore import Neighbours, best_of, score_pairs
from toolkit.retrieval.screen import Screened, screen
from toolkit.retrieval.settings import DEFAULT, SearchSettings
from toolkit.retrieval.side import Rows, Side, Survey, survey

MOST = 256
# Rows of either side that are searched at a time: what is kept of a line while it is searched is hundreds of bytes.
BLOCK, BLOCK_ON_GPU = 1 << 16, 1 << 20
NARROW = 256  # numbers of a vector
DOUBLE = 80  # bytes that a product in double precision takes while it is sorted among others


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
    find = exact_here if settings.workers is None else settings.workers.exact
    ahead, back = find(x.side, y.side, k, both=both, settings=settings, report=report)
    forward = y.spread(ahead, x, k)
    return forward, None if back is None else x.spread(back, y, k)


def exact_here(
    x: Side, y: Side, k: int, *, both: bool, settings: SearchSettings, report: Report
) -> tuple[Neighbours, Neighbours | None]:
    """Search distinct vectors block by block: the k nearest among all are the best of the k nearest in each block."""
    ahead = Nearest(len(x), min(k, len(y)))
    back = Nearest(len(y), min(k, len(x))) if both else None
    size = most_lines(settings, x.width)
    parts = [(one, other) for one in _blocks(len(x), size) for other in _blocks(len(y), size)]
    with on_threads(settings.threads):
        for number, (one, other) in enumerate(parts):
            here, there = _part_of(x, one), _part_of(y, other)
            told = report if len(parts) == 1 else _share(report, number, len(parts))
            found = exact_block(here, there, k, both=both, settings=settings, report=told)
            ahead.meet(one, found[0], other.start)
            if back is not None and found[1] is not None:
                back.meet(other, found[1], one.start)
    return ahead.found, None if back is None else back.found


def most_lines(settings: SearchSettings, width: int) -> int:
    """Return how many lines of either side are searched at a time where the memory does not matter."""
    # Of a narrow vector more is kept while it is searched than it holds itself.
    own = BLOCK if width >= NARROW else BLOCK // 2
    return BLOCK_ON_GPU if rounding_of(settings, width).device.type == "cuda" else own


def _blocks(n: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def _part_of(side: Side, rows: slice) -> Side:
    if rows == slice(0, len(side)):
        return side
    return side.take(np.arange(rows.start, rows.stop))


def _share(report: Report, number: int, n: int) -> Report:
    """Return a report of one block of several."""

    def told(progress: Progress) -> None:
        share = progress.done / max(progress.total, 1)
        report(Progress(progress.what, round(1000 * (number + share)), 1000 * n))

    return told


def exact_block(
    x: Side, y: Side, k: int, *, both: bool, settings: SearchSettings, report: Report
) -> tuple[Neighbours, Neighbours | None]:
    """Return the k nearest of each line of a block, [n, min(k, m)], and of the other side's, [m, min(k, n)].

    Args:
        x: distinct vectors of the block's lines.
        y: those of the other side's.
        both: False: only the first.
    """
    # As one number for each pair, sorted: a block has millions of them.
    codes = _codes(x, y, k, both=both, settings=settings, report=report)
    sources, targets = (codes // len(y)).astype(np.int32), (codes % len(y)).astype(np.int32)
    del codes
    scores = score_pairs(x, y, sources, targets, report=report)
    ahead = best_of(len(x), min(k, len(y)), sources, targets, scores)
    if not both:
        return ahead, None
    return ahead, best_of(len(y), min(k, len(x)), targets, sources, scores)


def _codes(x: Side, y: Side, k: int, *, both: bool, settings: SearchSettings, report: Report) -> np.ndarray:
    """Return the pairs that hold the k nearest of every line, as source * len(y) + target: int64 [M], rising, each once."""
    forward, backward = screen(x, y, k, both=both, settings=settings, report=report)
    lines, rows = _settled(x, y, k, forward, settings)
    found = lines.astype(np.int64) * len(y) + rows
    if backward is not None:
        lines, rows = _settled(y, x, k, backward, settings)
        found = np.concatenate([found, rows.astype(np.int64) * len(y) + lines])
    found.sort()
    return np.asarray(found[np.append(True, found[1:] != found[:-1])])


def _settled(x: Side, y: Side, k: int, found: Screened, settings: SearchSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs (line of x, row of y) that hold the k nearest of every line."""
    lines, rows, unsure = found.lines, found.rows, found.unsure
    if len(unsure):
        # More products than there was room for are within the error: these lines are multiplied again, with a smaller one.
        finer = replace(settings, arithmetic="fp32", tile=None)
        again = screen(x.take(unsure), y, k, both=False, room=4, settings=finer)[0]
        kept = ~np.isin(lines, unsure)
        lines, rows = np.concatenate([lines[kept], unsure[again.lines]]), np.concatenate([rows[kept], again.rows])
        unsure = unsure[again.unsure]
    if len(unsure):
        # Still so if very many products are all but equal.
        kept = ~np.isin(lines, unsure)
        every = _every_product(x.take(unsure), y, k, products_at_once(settings.memory))
        lines = np.concatenate([lines[kept], np.repeat(unsure, every.shape[1])])
        rows = np.concatenate([rows[kept], every.ravel()])
    return lines, rows


def products_at_once(memory: float) -> int:
    """Return how many lines are multiplied at a time in double precision, by eight times as many rows, within 3/4 of some GiB."""
    return max(32, min(1024, int((0.75 * memory * 2**30 / (8 * DOUBLE)) ** 0.5)))


def _every_product(x: Side, y: Side, k: int, block: int) -> np.ndarray:
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
