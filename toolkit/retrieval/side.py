"""One side of a search, read in blocks: checked, and each distinct vector counted once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.nameless import let_go
from toolkit.retrieval.held import gathered, nothing_near, parts, rows_where, zeros
from toolkit.retrieval.rescore import Neighbours

BLOCK_BYTES = 1 << 23
HASHES = 1 << 18  # that are compared at a time


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
        if self.members is None and queries.place is None:
            return best
        n_rows = len(self.side) if self.place is None else len(self.place)
        n_lines = len(best.rows) if queries.place is None else len(queries.place)
        found = nothing_near(n_lines, best.rows.shape[1] if self.members is None else min(k, n_rows))
        for part in parts(n_lines):
            lines = part if queries.place is None else queries.place[part]
            scores, rows = best.scores[lines], best.rows[lines]
            if self.members is not None:
                copies = np.where(rows[:, :, None] < 0, -1, self.members[rows])  # [n, found, k]
                copies = copies.reshape(len(rows), -1)
                repeated = np.where(copies < 0, -np.inf, np.repeat(scores, k, axis=1)).astype(np.float32)
                order = np.lexsort((copies, -repeated), axis=1)[:, : found.rows.shape[1]]
                scores, rows = np.take_along_axis(repeated, order, 1), np.take_along_axis(copies, order, 1)
            found.scores[part], found.rows[part] = scores, rows
            let_go(found.scores, found.rows, best.scores, best.rows, queries.place, self.members)
        return found


def blocks(array: Rows) -> Iterator[tuple[int, np.ndarray]]:
    """Read an array in pieces of some 8 MiB: first row and float32 [n, D]."""
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
    hashes = zeros((len(array),), np.uint64)
    for start, block in blocks(array):
        # A sum is finite if all of its numbers are, but for overflow; only otherwise is each looked at.
        if not np.isfinite(block.sum()) and not np.isfinite(block).all():
            bad = start + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
            raise ToolkitError(f"Vector {bad} of the {noun} holds NaN or infinite numbers; encode the sentences again.")
        hashes[start : start + len(block)] = _hashes(block, factors)
        let_go(hashes)
    first = _first_of(hashes)
    repeated = rows_where(first, lambda part: part >= 0)
    if not len(repeated):
        return Survey(Side(array))
    size = max(1, BLOCK_BYTES // (4 * array.shape[1]))
    for part in parts(len(repeated), size):
        rows = repeated[part]
        if not np.array_equal(_plain(array[rows]), _plain(array[first[rows]])):
            # Two vectors share a hash: compare them all, once in the life of a universe.
            _, firsts, inverse = np.unique(np.asarray(array), axis=0, return_index=True, return_inverse=True)
            first = firsts[inverse.reshape(-1)]
            first[first == np.arange(len(first))] = -1
            break
    return _with_copies(array, first, k)


def _first_of(hashes: np.ndarray) -> np.ndarray:
    """Return for each row the first row with its hash, int64 [N]; -1: it is that row itself."""
    found = zeros((len(hashes),), np.int64)
    n_groups = -(-len(hashes) // (HASHES))
    for number in range(n_groups):
        rows = rows_where(hashes, partial(_is_in_group, number, n_groups))
        _, first, inverse = np.unique(hashes[rows], return_index=True, return_inverse=True)
        firsts = rows[first[inverse.reshape(-1)]]
        found[rows] = np.where(firsts == rows, -1, firsts)
        let_go(hashes, found)
    return found


def _is_in_group(number: int, n_groups: int, hashes: np.ndarray) -> np.ndarray:
    return np.asarray(hashes % np.uint64(n_groups) == np.uint64(number))


def _with_copies(array: Rows, first: np.ndarray, k: int) -> Survey:
    """Return the survey of a side with repeated vectors, given for each row the first one that is equal (-1: itself)."""
    n, n_distinct = len(first), 0
    rank, place = zeros((n,), np.int64), zeros((n,), np.int64)
    for part in parts(n):
        is_first = first[part] < 0
        rank[part] = n_distinct - 1 + np.cumsum(is_first)
        n_distinct += int(is_first.sum())
        let_go(first, rank)
    distinct = zeros((n_distinct,), np.int64)
    for part in parts(n):
        own, rows = first[part], np.arange(part.start, part.stop)
        place[part] = rank[np.where(own < 0, rows, own)]
        distinct[rank[part][own < 0]] = rows[own < 0]
        let_go(first, rank, place, distinct)
    members = zeros((n_distinct, k), np.int64)
    for vectors, rows in gathered(place, n_distinct):
        own = place[rows] - vectors.start
        counts = np.bincount(own, minlength=vectors.stop - vectors.start)
        nth = np.arange(len(rows)) - (np.cumsum(counts) - counts)[own]
        held = np.full((len(counts), k), -1, np.int64)
        held[own[nth < k], nth[nth < k]] = rows[nth < k]
        members[vectors] = held
        let_go(place, members)
    return Survey(Side(array, distinct), members, place)


def _plain(values: Any) -> np.ndarray:
    # Zero has two spellings that compare equal; adding one turns -0.0 into 0.0.
    return np.asarray(np.ascontiguousarray(values, np.float32) + np.float32(0))


def _hashes(block: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return a 64-bit number per row, equal for equal rows: uint64 [n]."""
    width = block.shape[1]
    if width % 2 == 0:
        return np.asarray(np.einsum("nd,d->n", block.view(np.uint64), factors[: width // 2]))
    return np.asarray(np.einsum("nd,d->n", block.view(np.uint32).astype(np.uint64), factors))
