"""One side of a search, read in blocks: checked, and each distinct vector counted once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.retrieval.rescore import Neighbours

BLOCK_BYTES = 1 << 26


class Rows(Protocol):
    """Vectors [N, D]: an array, a memory map, or `embeddings.Vectors`."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Any, /) -> Any: ...


@dataclass(frozen=True)
class Side:
    """Rows of vectors that one side of a search counts.

    Attributes:
        array: [N, D].
        rows: int64 [M], the rows that count; None: all.
    """

    array: Rows
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.array) if self.rows is None else len(self.rows)

    @property
    def width(self) -> int:
        """D."""
        return int(self.array.shape[1])

    def part(self, start: int, stop: int) -> np.ndarray:
        """Return rows `start` to `stop`, float32 [n, D]."""
        return _plain(self.array[start:stop] if self.rows is None else self.array[self.rows[start:stop]])

    def at(self, rows: np.ndarray) -> np.ndarray:
        """Return those rows, float32 [n, D]."""
        return _plain(self.array[rows if self.rows is None else self.rows[rows]])

    def take(self, rows: np.ndarray) -> Side:
        """Return a side of those rows."""
        return Side(self.array, rows if self.rows is None else self.rows[rows])


@dataclass(frozen=True)
class Survey:
    """A side that was read once: its distinct vectors, and where their copies are.

    Attributes:
        side: its distinct vectors, by first row.
        members: int64 [M, k], the first k rows of each (-1: no more); None: no vector is repeated.
        place: int64 [N], each row's place among the distinct ones; None: no vector is repeated.
    """

    side: Side
    members: np.ndarray | None = None
    place: np.ndarray | None = None

    def spread(self, best: Neighbours, queries: Survey, k: int) -> Neighbours:
        """Turn distinct vectors back into rows: found ones (of this side) into all their copies, queries into theirs."""
        scores, rows = best.scores, best.rows
        if self.members is not None:
            copies = np.where(rows[:, :, None] < 0, -1, self.members[rows])  # [Q, found, k]
            copies = copies.reshape(len(rows), -1)
            repeated = np.where(copies < 0, -np.inf, np.repeat(scores, k, axis=1)).astype(np.float32)
            n = min(k, int((self.members >= 0).sum()))
            order = np.lexsort((copies, -repeated), axis=1)[:, :n]
            scores, rows = np.take_along_axis(repeated, order, 1), np.take_along_axis(copies, order, 1)
        if queries.place is not None:
            scores, rows = scores[queries.place], rows[queries.place]
        return Neighbours(scores, rows)


def blocks(array: Rows) -> Iterator[tuple[int, np.ndarray]]:
    """Read an array in pieces of some 64 MiB: first row and float32 [n, D]."""
    size = max(1, BLOCK_BYTES // (4 * max(1, array.shape[1])))
    for start in range(0, len(array), size):
        yield start, _plain(array[start : start + size])


def survey(array: Rows, k: int, noun: str) -> Survey:
    """Read a side once.

    Args:
        array: [N, D].
        k: copies of a vector that can be among the neighbours.
        noun: its name in an error.

    Raises:
        ToolkitError: NaN or infinite numbers.
    """
    rng = np.random.default_rng(0)
    factors = rng.integers(1, 1 << 63, array.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = np.empty(len(array), np.uint64)
    for start, block in blocks(array):
        # A sum is finite if all of its numbers are, but for overflow; only otherwise is each looked at.
        if not np.isfinite(block.sum()) and not np.isfinite(block).all():
            bad = start + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
            raise ToolkitError(f"Vector {bad} of the {noun} holds NaN or infinite numbers; encode the sentences again.")
        hashes[start : start + len(block)] = _hashes(block, factors)
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    if len(first) == len(hashes):
        return Survey(Side(array))
    inverse = inverse.reshape(-1)
    repeated = np.flatnonzero(first[inverse] != np.arange(len(hashes)))
    size = max(1, BLOCK_BYTES // (4 * array.shape[1]))
    for start in range(0, len(repeated), size):
        rows = repeated[start : start + size]
        if not np.array_equal(_plain(array[rows]), _plain(array[first[inverse[rows]]])):
            # Two vectors share a hash: compare them all, once in the life of a universe.
            _, first, inverse = np.unique(np.asarray(array), axis=0, return_index=True, return_inverse=True)
            inverse = inverse.reshape(-1)
            break
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    place = rank[inverse]  # [N]
    by_place = np.argsort(place, kind="stable")
    counts = np.bincount(place)
    starts = np.cumsum(counts) - counts
    nth = np.arange(len(place)) - starts[place[by_place]]
    members = np.full((len(first), k), -1, np.int64)
    kept = nth < k
    members[place[by_place][kept], nth[kept]] = by_place[kept]
    return Survey(Side(array, first[order]), members, place)


def _plain(values: Any) -> np.ndarray:
    # Zero has two spellings that compare equal; adding one turns -0.0 into 0.0.
    return np.asarray(np.ascontiguousarray(values, np.float32) + np.float32(0))


def _hashes(block: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return a 64-bit number per row, equal for equal rows: uint64 [n]."""
    width = block.shape[1]
    if width % 2 == 0:
        return np.asarray(np.einsum("nd,d->n", block.view(np.uint64), factors[: width // 2]))
    return np.asarray(np.einsum("nd,d->n", block.view(np.uint32).astype(np.uint64), factors))
