"""Exact nearest neighbours between two sides, in both directions from one pass over their products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Report, silent

# A tile of products: 2,048 x 8,192 float32 is 64 MiB, whatever the size of the two sides.
TILE_X, TILE_Y = 2_048, 8_192
# Numbers are compared in groups of this many before any is looked at alone. Divides both sides of a tile.
GROUP = 32
MOST = 256


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of the other side, best first, equal ones by lower row.

    Attributes:
        scores: float32 [Q, k], falling.
        rows: int64 [Q, k], rows of the other side; never -1.
    """

    scores: np.ndarray
    rows: np.ndarray


def both_ways(
    x: np.ndarray,
    y: np.ndarray,
    k: int,
    *,
    tile: tuple[int, int] = (TILE_X, TILE_Y),
    what: str = "search",
    report: Report = silent,
) -> tuple[Neighbours, Neighbours]:
    """Return the neighbours of each row of `x` among `y`, and of each row of `y` among `x`, by inner product.

    Each product x . y is computed once and serves both directions. A vector that occurs more than once is multiplied
    once, so that its copies have equal scores to the last bit and come by their rows.

    Args:
        x: float32 [Q, D].
        y: float32 [N, D].
        k: neighbours; a side with fewer rows has them all.
        tile: rows of either side per product; multiples of 32.

    Returns:
        Forward, `scores` and `rows` [Q, min(k, N)], and backward, [N, min(k, Q)].

    Raises:
        ToolkitError: an empty side, widths that differ, NaN, or a k outside 1 to 256.

    Example:
        >>> forward, backward = both_ways(np.eye(2, dtype="f4"), np.array([[0, 1], [1, 0], [1, 0]], "f4"), 2)
        >>> forward.rows.tolist(), backward.rows.tolist()
        ([[1, 2], [0, 1]], [[1, 0], [0, 1], [0, 1]])
    """
    _check(x, y, k)
    (x, members_x, place_x), (y, members_y, place_y) = _distinct(x, k), _distinct(y, k)
    forward, backward = _empty(len(x), min(k, len(y))), _empty(len(y), min(k, len(x)))
    tile_x, tile_y = min(tile[0], _rounded(len(x))), min(tile[1], _rounded(len(y)))
    product = np.empty((tile_x, tile_y), np.float32)
    for x_start in range(0, len(x), tile_x):
        part_x = x[x_start : x_start + tile_x]
        for y_start in range(0, len(y), tile_y):
            part_y = y[y_start : y_start + tile_y]
            if part_x.shape[0] == tile_x and part_y.shape[0] == tile_y:
                np.matmul(part_x, part_y.T, out=product)  # [tile_x, tile_y]
            else:
                product.fill(-np.inf)
                product[: len(part_x), : len(part_y)] = part_x @ part_y.T
            _improve(forward, slice(x_start, x_start + len(part_x)), product, y_start, axis=1)
            _improve(backward, slice(y_start, y_start + len(part_y)), product, x_start, axis=0)
        report(Progress(what, min(x_start + tile_x, len(x)), len(x)))
    return _spread(forward, members_y, place_x, k), _spread(backward, members_x, place_y, k)


def _improve(best: Neighbours, lines: slice, product: np.ndarray, first_row: int, *, axis: int) -> None:
    """Merge a tile into the best so far of its rows (axis 1) or of its columns (axis 0).

    Only the groups with the largest maxima are looked into: k numbers of a line lie in at most k groups.
    """
    n_lines, k = lines.stop - lines.start, best.rows.shape[1]
    n, m = product.shape
    if axis == 1:
        maxima = product.reshape(n, GROUP, m // GROUP).max(axis=1)[:n_lines]  # [lines, groups]
    else:
        maxima = product.reshape(GROUP, n // GROUP, m).max(axis=0)[:, :n_lines].T
    # Later tiles hold higher rows, which lose ties: only a larger number changes anything.
    hopeful = np.flatnonzero(maxima.max(axis=1) > best.scores[lines, -1])
    if not len(hopeful):
        return
    maxima = maxima[hopeful]
    n_groups = maxima.shape[1]
    if n_groups > k + 1:
        groups = np.argpartition(maxima, n_groups - k - 1, axis=1)[:, n_groups - k - 1 :]  # [hopeful, k + 1]
        outside = np.take_along_axis(maxima, groups, axis=1).min(axis=1)  # nothing outside is larger than this
    else:
        groups = np.broadcast_to(np.arange(n_groups), maxima.shape)
        outside = np.full(len(hopeful), -np.inf, np.float32)
    items = (groups[:, None, :] + n_groups * np.arange(GROUP)[:, None]).reshape(len(hopeful), -1)
    values = product[hopeful[:, None], items] if axis == 1 else product[items, hopeful[:, None]]
    width = min(k + 1, values.shape[1])
    if width < values.shape[1]:
        chosen = np.argpartition(values, values.shape[1] - width, axis=1)[:, values.shape[1] - width :]
        items, values = np.take_along_axis(items, chosen, 1), np.take_along_axis(values, chosen, 1)
    order = np.lexsort((items, -values), axis=1)
    items, values = np.take_along_axis(items, order, 1), np.take_along_axis(values, order, 1)
    if width > k:
        # The k-th number may have equals that were cut off: then the whole line decides, by lower row.
        last = values[:, k - 1]
        is_tied = (last > -np.inf) & ((values[:, k] == last) | (outside == last))
        for at in np.flatnonzero(is_tied):
            line = product[hopeful[at]] if axis == 1 else product[:, hopeful[at]]
            items[at, :k] = np.argsort(-line, kind="stable")[:k]
            values[at, :k] = line[items[at, :k]]
        items, values = items[:, :k], values[:, :k]
    at = lines.start + hopeful
    scores = np.concatenate([best.scores[at], values], axis=1)
    rows = np.concatenate([best.rows[at], items + first_row], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    best.scores[at], best.rows[at] = np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)


def _distinct(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return the distinct vectors by first row, the first k rows of each [M, k] (-1: no more), and each row's place."""
    vectors = np.ascontiguousarray(vectors, np.float32) + np.float32(0)  # zero has two spellings that compare equal
    keys = vectors.view(np.dtype((np.void, vectors.shape[1] * 4))).reshape(-1)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    if len(first) == len(vectors):
        return vectors, None, None
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    place = rank[inverse.reshape(-1)]  # [N]
    by_place = np.argsort(place, kind="stable")
    counts = np.bincount(place)
    starts = np.cumsum(counts) - counts
    nth = np.arange(len(place)) - starts[place[by_place]]
    members = np.full((len(first), k), -1, np.int64)
    kept = nth < k
    members[place[by_place][kept], nth[kept]] = by_place[kept]
    return vectors[first[order]], members, place


def _spread(best: Neighbours, members: np.ndarray | None, place: np.ndarray | None, k: int) -> Neighbours:
    """Turn distinct vectors back into rows: found ones into all their copies, queries into theirs."""
    scores, rows = best.scores, best.rows
    if members is not None:
        spread = members[rows].reshape(len(rows), -1)  # [Q, found * k]
        repeated = np.where(spread < 0, -np.inf, np.repeat(scores, members.shape[1], axis=1)).astype(np.float32)
        n = min(k, int((members >= 0).sum()))
        order = np.lexsort((spread, -repeated), axis=1)[:, :n]
        scores, rows = np.take_along_axis(repeated, order, 1), np.take_along_axis(spread, order, 1)
    if place is not None:
        scores, rows = scores[place], rows[place]
    return Neighbours(scores, rows)


def _empty(n: int, k: int) -> Neighbours:
    return Neighbours(np.full((n, k), -np.inf, np.float32), np.full((n, k), -1, np.int64))


def _rounded(n: int) -> int:
    return -(-n // GROUP) * GROUP


def _check(x: np.ndarray, y: np.ndarray, k: int) -> None:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ToolkitError(
            f"The two sides have shapes {list(x.shape)} and {list(y.shape)}; expected [Q, D] and [N, D] of one width D."
        )
    if not len(x) or not len(y):
        raise ToolkitError(f"The sides have {len(x)} and {len(y)} vectors; expected at least one on either side.")
    if not 1 <= k <= MOST:
        raise ToolkitError(f"{k} neighbours were asked for; expected 1 to {MOST}.")
    for noun, side in (("first", x), ("second", y)):
        if not np.isfinite(side).all():
            bad = int(np.flatnonzero(~np.isfinite(side).all(axis=1))[0])
            raise ToolkitError(
                f"Vector {bad} of the {noun} side holds NaN or infinite numbers; encode the sentences again."
            )
