"""Arrays with a number for every row: on the disk where they are large, filled and read block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from toolkit.nameless import let_go, room
from toolkit.retrieval.rescore import Neighbours

BLOCK = 1 << 16  # rows that are in memory at a time


def zeros(shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
    """Return an array of zeros, mapped from a file without a name where it is large."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    return np.frombuffer(room(size), dtype).reshape(shape) if size else np.zeros(shape, dtype)


def nothing_near(n: int, k: int) -> Neighbours:
    """Return the neighbours of n lines, [n, k], none of which was found yet."""
    found = Neighbours(zeros((n, k), np.float32), zeros((n, k), np.int64))
    for part in parts(n):
        found.scores[part], found.rows[part] = -np.inf, -1
        let_go(found.scores, found.rows)
    return found


def parts(n: int, size: int | None = None) -> Iterator[slice]:
    """Cut n rows into blocks.

    Example:
        >>> list(parts(5, 2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = size or BLOCK
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def rows_where(values: np.ndarray, is_wanted: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the rows whose values are wanted, int64, in their order.

    Args:
        values: [N].
        is_wanted: given some of the values, says which: bool.
    """
    found = [part.start + np.flatnonzero(is_wanted(values[part])) for part in parts(len(values))]
    let_go(values)
    return np.concatenate([np.zeros(0, np.int64), *found])


def gathered(groups: np.ndarray, n_groups: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield ranges of groups, rising, with the rows that are in them, int64, by group and then in their order.

    Memory holds the rows of some hundred thousand groups at a time.

    Args:
        groups: int64 [N], the group of each row.
        n_groups: how many there are.

    Example:
        >>> [(range.stop, rows.tolist()) for range, rows in gathered(np.array([1, 0, 1]), 2)]
        [(2, [1, 0, 2])]
    """
    for part in parts(n_groups, 4 * BLOCK):
        rows = rows_where(groups, partial(_is_within, part))
        yield part, rows[np.argsort(groups[rows], kind="stable")]
        let_go(groups)


def _is_within(range_: slice, values: np.ndarray) -> np.ndarray:
    return np.asarray((values >= range_.start) & (values < range_.stop))
