"""The oracle: exact nearest neighbours in plain NumPy, to check every index against."""

from __future__ import annotations

import numpy as np


def exact_search(
    queries: np.ndarray, corpus: np.ndarray, k: int, *, block: int = 1024
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` corpus rows of largest inner product with each query.

    Args:
        queries: float32 [Q, D].
        corpus: float32 [N, D], N >= k.
        k: neighbours per query.
        block: queries per product, which bounds the memory to `block * N` numbers.

    Returns:
        Scores float32 [Q, k], falling, and rows int64 [Q, k]; of equal scores the lower row comes first.

    Example:
        >>> scores, rows = exact_search(np.eye(2, dtype="f4"), np.array([[0, 1], [1, 0], [1, 0]], "f4"), 2)
        >>> rows.tolist()
        [[1, 2], [0, 1]]
    """
    scores = np.empty((len(queries), k), np.float32)
    rows = np.empty((len(queries), k), np.int64)
    # Each distinct vector is multiplied once: a product's last bit depends on the row's place in a block.
    distinct, place = np.unique(corpus, axis=0, return_inverse=True)
    place = place.reshape(-1)  # [N]
    for start in range(0, len(queries), block):
        product = (queries[start : start + block] @ distinct.T)[:, place]  # [block, N]
        order = np.argsort(-product, axis=1, kind="stable")[:, :k]
        rows[start : start + block] = order
        scores[start : start + block] = np.take_along_axis(product, order, axis=1)
    return scores, rows
