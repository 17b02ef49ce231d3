"""A FAISS index over unit vectors."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.files import replacing

VISITED = 1 / 16  # share of the cells that a search looks into


def _hush(index: Any) -> None:
    """Let an index learn from few vectors without a warning of FAISS, which is C++ and goes past every stream."""
    import faiss

    for part in (index, *filter(None, [faiss.try_extract_index_ivf(index)])):
        held = faiss.downcast_index(part)
        for of in (held, getattr(held, "pq", None), getattr(held, "quantizer", None)):
            if (clusters := getattr(of, "cp", None)) is not None:
                clusters.min_points_per_centroid = 1


def _learns(factory: str) -> str:
    """Return how many cells and codes an index learns, in brackets.

    Example:
        >>> _learns("IVF256,PQ48")
        ' (256 cells; 256 codes)'
    """
    cells, codes = re.search(r"IVF(\d+)", factory), re.search(r"PQ\d+(?:x(\d+))?", factory)
    parts = [f"{cells[1]} cells"] if cells else []
    parts += [f"{2 ** int(codes[1] or 8)} codes"] if codes else []
    return f" ({'; '.join(parts)})" if parts else ""


class Index:
    """Rows of vectors that can be searched by cosine.

    Args:
        width: D, numbers per vector.
        factory: FAISS's spelling of an index, for example `Flat` (exact), `HNSW32` or `IVF256,Flat`.
        visited: share of the cells that a search looks into, if the index has cells (IVF).

    Example:
        >>> index = Index(2)
        >>> index.add(np.array([[1, 0], [0, 1]], dtype="f4"))
        >>> scores, rows = index.search(np.array([[0.6, 0.8]], dtype="f4"), k=1)
        >>> rows.tolist()
        [[1]]
    """

    def __init__(self, width: int, *, factory: str = "Flat", visited: float = VISITED) -> None:
        import faiss

        self.width = width
        self.factory = factory
        self.visited = visited
        # FAISS holds each distinct vector once. The last bit of a product depends on the row's place in a block, so that
        # repeated sentences would otherwise come in an order of rounding and not of rows.
        self._place: dict[bytes, int] | None = {}
        self._rows: list[list[int]] = []
        self._n_rows = 0
        try:
            self._index: Any = faiss.index_factory(width, factory, faiss.METRIC_INNER_PRODUCT)
        except RuntimeError as error:  # its text is C++, and names FAISS's source
            raise ToolkitError(
                f"FAISS has no index '{factory}' for vectors of {width} numbers; write Flat (exact), or for example HNSW32 or "
                f"IVF256,Flat (approximate); the number after PQ must divide {width}."
            ) from error

    def __len__(self) -> int:
        return self._n_rows

    def add(self, vectors: np.ndarray) -> None:
        """Append `vectors`, float32 [N, D]; an index that learns its cells learns them from the first call.

        Raises:
            ToolkitError: wrong width, NaN, or too few vectors for an index that learns its cells.
        """
        if self._place is None:
            raise ToolkitError("This index was filled with distinct vectors, once; make another for more.")
        vectors = self._checked(vectors) + np.float32(0)  # zero has two spellings that compare equal
        self._train(vectors)
        new: list[int] = []
        for at, vector in enumerate(vectors):
            place = self._place.setdefault(hashlib.blake2b(vector.data, digest_size=20).digest(), len(self._rows))
            if place == len(self._rows):
                self._rows.append([])
                new.append(at)
            self._rows[place].append(self._n_rows + at)
        self._n_rows += len(vectors)
        if new:
            self._index.add(vectors[new])

    def add_distinct(self, vectors: np.ndarray) -> None:
        """Fill an empty index with `vectors`, float32 [N, D], of which the caller knows that none is repeated."""
        if len(self):
            raise ToolkitError("This index holds vectors already; make another for these.")
        vectors = self._checked(vectors)
        self._train(vectors)
        self._index.add(vectors)
        self._place, self._n_rows = None, len(vectors)

    def save(self, path: Path) -> None:
        """Write an index that was filled with distinct vectors; whoever reads it finds it whole.

        Raises:
            OSError: the folder cannot be written.
        """
        import faiss

        with replacing(path, is_synced=False) as stream:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(stream.write))  # type: ignore[attr-defined]

    @classmethod
    def load(cls, path: Path, width: int, *, factory: str) -> Index:
        """Read an index that was saved.

        Raises:
            OSError: there is none.
        """
        import faiss

        found = cls(width, factory=factory)
        with open(path, "rb") as stream:
            found._index = faiss.read_index(faiss.PyCallbackIOReader(stream.read))  # type: ignore[attr-defined]
        found._place, found._n_rows = None, int(found._index.ntotal)
        return found

    def _train(self, vectors: np.ndarray) -> None:
        import faiss

        if not self._index.is_trained:
            _hush(self._index)
            try:
                self._index.train(vectors)
            except RuntimeError as error:
                raise ToolkitError(
                    f"An index '{self.factory}' cannot learn{_learns(self.factory)} from {len(vectors)} vectors of {self.width} "
                    "numbers; use Flat, which learns nothing, or HNSW32."
                ) from error
        inner = faiss.try_extract_index_ivf(self._index)
        if inner is not None:
            # By default FAISS looks into one cell and misses most neighbours.
            inner.nprobe = max(1, round(inner.nlist * self.visited))

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` nearest rows of each query, best first, equal vectors by lower row.

        Args:
            queries: float32 [Q, D].
            k: neighbours, at most the number of rows.

        Returns:
            Scores float32 [Q, k] and rows int64 [Q, k]; an approximate index that found fewer fills up with -inf and
            row -1, which is never a row.
        """
        if not 1 <= k <= len(self):
            raise ToolkitError(f"{k} neighbours were asked of an index of {len(self)} rows; ask for 1 to {len(self)}.")
        n_held = self._n_rows if self._place is None else len(self._rows)
        found_scores, found = self._index.search(self._checked(queries), min(k, n_held))
        if self._place is None:
            found_scores = np.where(found < 0, -np.inf, found_scores).astype(np.float32)
            order = np.lexsort((found, -found_scores), axis=1)
            return np.take_along_axis(found_scores, order, 1), np.take_along_axis(found, order, 1)
        first = np.array([rows[0] for rows in self._rows] + [-1], np.int64)
        repeats = np.array([len(rows) for rows in self._rows] + [1], np.int64)
        scores = np.full((len(found), k), -np.inf, np.float32)
        rows = np.full((len(found), k), -1, np.int64)
        scores[:, : found.shape[1]] = np.where(found < 0, -np.inf, found_scores)
        rows[:, : found.shape[1]] = first[found]
        for q in np.flatnonzero((repeats[found] > 1).any(axis=1)):
            places = found[q][found[q] >= 0]
            spread = np.concatenate([self._rows[place] for place in places])
            scores_q = np.repeat(found_scores[q][: len(places)], repeats[places])
            best = np.lexsort((spread, -scores_q))[:k]
            rows[q, : len(best)], scores[q, : len(best)] = spread[best], scores_q[best]
        order = np.lexsort((rows, -scores), axis=1)
        return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        if vectors.ndim != 2 or vectors.shape[1] != self.width:
            raise ToolkitError(f"The vectors have shape {vectors.shape}; this index takes [N, {self.width}].")
        if not np.isfinite(vectors).all():
            bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise ToolkitError(f"Vector {bad} holds NaN or infinite numbers; encode the sentences again.")
        return np.ascontiguousarray(vectors, np.float32)
