"""A FAISS index over unit vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.errors import ToolkitError


class Index:
    """Rows of vectors that can be searched by cosine.

    Args:
        width: D, numbers per vector.
        factory: FAISS's spelling of an index, for example `Flat` (exact) or `HNSW32`.

    Example:
        >>> index = Index(2)
        >>> index.add(np.array([[1, 0], [0, 1]], dtype="f4"))
        >>> scores, rows = index.search(np.array([[0.6, 0.8]], dtype="f4"), k=1)
        >>> rows.tolist()
        [[1]]
    """

    def __init__(self, width: int, *, factory: str = "Flat") -> None:
        import faiss

        self.width = width
        self.factory = factory
        try:
            self._index: Any = faiss.index_factory(width, factory, faiss.METRIC_INNER_PRODUCT)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ToolkitError(
                f"FAISS cannot build an index '{factory}' of width {width} ({reason}); 'Flat' is exact, 'HNSW32' approximate."
            ) from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, vectors: np.ndarray) -> None:
        """Append `vectors`, float32 [N, D]; an index that learns its cells learns them from the first call."""
        vectors = self._checked(vectors)
        if not self._index.is_trained:
            self._index.train(vectors)
        self._index.add(vectors)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` nearest rows of each query, best first, equal scores by lower row.

        Args:
            queries: float32 [Q, D].
            k: neighbours, at most the number of rows.

        Returns:
            Scores float32 [Q, k] and rows int64 [Q, k]; an approximate index that found fewer fills up with -inf and
            row -1, which is never a row.
        """
        if not 1 <= k <= len(self):
            raise ToolkitError(f"{k} neighbours were asked of an index of {len(self)} rows; ask for 1 to {len(self)}.")
        scores, rows = self._index.search(self._checked(queries), k)
        scores[rows < 0] = -np.inf
        order = np.lexsort((rows, -scores), axis=1)
        return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        if vectors.ndim != 2 or vectors.shape[1] != self.width:
            raise ToolkitError(f"The vectors have shape {vectors.shape}; this index takes [N, {self.width}].")
        if not np.isfinite(vectors).all():
            bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise ToolkitError(f"Vector {bad} holds NaN or infinite numbers; encode the sentences again.")
        return np.ascontiguousarray(vectors, np.float32)
