"""Rows of vectors that are stored in several files and read when they are needed."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.nameless import let_go

# Mapped files that are kept open; the system's usual limit is 1,024 open files.
OPEN = 128


@dataclass(frozen=True)
class Piece:
    """A matrix [n, D] in a file.

    Attributes:
        path: the file.
        offset: byte at which the numbers start.
        shape: n and D.
        dtype: `float32` or `float16`.
        changed_ns: when the file was written, so that a file in its place is not taken for it.
    """

    path: Path
    offset: int
    shape: tuple[int, int]
    dtype: str
    changed_ns: int

    def array(self) -> np.ndarray:
        """Return the matrix, mapped from the file."""
        return _mapped(self)


@lru_cache(maxsize=OPEN)
def _mapped(piece: Piece) -> np.ndarray:
    return np.memmap(piece.path, piece.dtype, "r", offset=piece.offset, shape=piece.shape)


def _let_go(mapped: np.ndarray) -> None:
    """Give the pages of a mapped file back: a pass over all files would otherwise leave all of them in memory."""
    held: mmap.mmap | None = getattr(mapped, "_mmap", None)
    if held is not None and hasattr(held, "madvise"):
        held.madvise(mmap.MADV_DONTNEED)


class Vectors:
    """Vectors [N, D] that are read from their files when rows are taken: `vectors[5:9]`, `vectors[[3, 1]]`.

    What is taken is a plain float32 array. `np.asarray(vectors)` takes them all.

    Args:
        pieces: matrices of one width, in files or in memory, one after another.
        width: D, which no piece would tell where there is none.
        rows: int64 [N], row of the pieces put together; None: all, in their order.

    Example:
        >>> found = Vectors([np.eye(2), np.zeros((1, 2))], 2).take([2, 0])
        >>> found.shape, found[1].tolist(), np.asarray(found).tolist()
        ((2, 2), [1.0, 0.0], [[0.0, 0.0], [1.0, 0.0]])
    """

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, pieces: Sequence[Piece | np.ndarray], width: int, rows: np.ndarray | None = None) -> None:
        self.pieces = tuple(pieces)
        self.width = width
        self.rows = rows
        self._starts = np.cumsum([0, *(piece.shape[0] for piece in self.pieces)])

    @property
    def shape(self) -> tuple[int, int]:
        """N and D."""
        return len(self), self.width

    def __len__(self) -> int:
        return int(self._starts[-1]) if self.rows is None else len(self.rows)

    def take(self, rows: Any) -> Vectors:
        """Return those rows, still in their files."""
        chosen = np.asarray(rows, np.int64)
        return Vectors(self.pieces, self.width, chosen if self.rows is None else self.rows[chosen])

    def __getitem__(self, rows: Any) -> np.ndarray:
        if isinstance(rows, int | np.integer):
            return np.asarray(self[[rows]][0])
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        chosen = np.asarray(rows)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        if len(chosen) and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise IndexError(f"row {chosen.max()} of {len(self)}")
        chosen = np.where(chosen < 0, chosen + len(self), chosen)
        places = chosen if self.rows is None else self.rows[chosen]
        let_go(self.rows)
        found = np.empty((len(places), self.width), np.float32)
        owners = np.searchsorted(self._starts, places, side="right") - 1
        for owner in np.unique(owners):
            piece = self.pieces[owner]
            mine = np.flatnonzero(owners == owner)
            inside = places[mine] - self._starts[owner]
            held = piece.array() if isinstance(piece, Piece) else piece
            is_run = inside[-1] - inside[0] + 1 == len(inside) and bool((np.diff(inside) == 1).all())
            values = held[inside[0] : inside[-1] + 1] if is_run else held[inside]
            if is_run and mine[-1] - mine[0] + 1 == len(mine):
                found[mine[0] : mine[-1] + 1] = values
            else:
                found[mine] = values
            if isinstance(piece, Piece):
                _let_go(held)
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)
