"""Retrieval metrics of the rows found: by the first row, or by the ranks of the right rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.accuracy import check_lengths


def retrieval_accuracy(
    predicted_rows: Sequence[int] | NDArray[np.integer], gold_rows: Sequence[int] | NDArray[np.integer]
) -> dict[str, float]:
    """Return the share of queries whose nearest row is the gold row.

    Args:
        predicted_rows: int, shape [Q]: the row found for each query; a negative row (an approximate index that
            found nothing answers -1) is a miss, never "the last row".
        gold_rows: int, shape [Q]: the right row for each query, from 0.

    Returns:
        `{"accuracy": float}`, in [0, 1].

    Raises:
        ValueError: the shapes differ or are not [Q], there is nothing to score, the rows are not integers, or a
            gold row is negative.

    Example:
        >>> retrieval_accuracy([0, 2, -1, 3], [0, 1, 2, 3])
        {'accuracy': 0.5}
    """
    predicted, gold = _checked(predicted_rows, gold_rows)
    return {"accuracy": float((predicted == gold).mean())}


def weighted_f1(
    predicted_rows: Sequence[int] | NDArray[np.integer], gold_rows: Sequence[int] | NDArray[np.integer]
) -> dict[str, float]:
    """Return the F1 of each gold row as a class of its own, weighted by how many queries it is right for.

    Args:
        predicted_rows: int, shape [Q]; a negative row is a miss.
        gold_rows: int, shape [Q].

    Returns:
        `{"weighted_f1": float}`, in [0, 1].

    Example:
        >>> round(weighted_f1([0, 0, 2], [0, 1, 2])["weighted_f1"], 4)
        0.5556

    Source: mteb's bitext mining evaluator (scikit-learn's `f1_score(average="weighted")`).
    """
    predicted, gold = _checked(predicted_rows, gold_rows)
    size = int(max(gold.max(), predicted.max())) + 1
    support = np.bincount(gold, minlength=size)
    found = np.bincount(predicted[predicted >= 0], minlength=size)
    right = np.bincount(gold[predicted == gold], minlength=size)
    f1 = 2 * right / np.maximum(support + found, 1)
    return {"weighted_f1": float((f1 * support).sum() / len(gold))}


TOP = 20


def ranking(
    found_rows: Sequence[Sequence[int]] | NDArray[np.integer],
    right_queries: Sequence[int] | NDArray[np.integer],
    right_rows: Sequence[int] | NDArray[np.integer],
    *,
    k: int = TOP,
) -> dict[str, float]:
    """Return mean average precision and mean reciprocal rank of the first `k` rows that each query found.

    With the hits h_1..h_k of a query (1 if the row at that rank is right, a row that comes again counting once) and R
    right rows, AP = sum over ranks i with h_i = 1 of (h_1 + ... + h_i) / i, divided by min(R, k): a query that finds
    nothing but right rows scores 1 although more may be right than are looked at. RR is one over the rank of the first hit,
    0 without one. If R is 1 the two are equal.

    Args:
        found_rows: int, shape [Q, at least min(k, N)], best first; -1 (nothing found) is a miss, never a row.
        right_queries: int, shape [G]: the query, from 0, of each right pair, in any order.
        right_rows: int, shape [G]: its row. A pair that is named twice counts once.

    Returns:
        `{"map_at_20": float, "mrr_at_20": float}` (the number being k), each in [0, 1].

    Raises:
        ValueError: shapes that do not fit, no query, a query without a right row, or numbers that are not rows.

    Example:
        >>> ranking([[7, 3, 5], [1, 2, 0]], [0, 0, 1], [7, 5, 2], k=3)  # AP (1/1 + 2/3) / 2 and 1/2
        {'map_at_3': 0.6666666666666666, 'mrr_at_3': 0.75}

    Source: LAReQA in google-research/xtreme, `utils_lareqa.mean_avg_prec_at_k`; Mewsli-X, `utils_mewslix.evaluate`.
    """
    average, reciprocal = ranked(found_rows, right_queries, right_rows, k=k)
    return {f"map_at_{k}": float(average.mean()), f"mrr_at_{k}": float(reciprocal.mean())}


def ranked(
    found_rows: Sequence[Sequence[int]] | NDArray[np.integer],
    right_queries: Sequence[int] | NDArray[np.integer],
    right_rows: Sequence[int] | NDArray[np.integer],
    *,
    k: int = TOP,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each query's average precision and reciprocal rank, both [Q]; arguments and faults as for `ranking`.

    Example:
        >>> [each.tolist() for each in ranked([[1, 2], [0, 1]], [0, 1], [2, 0], k=2)]
        [[0.5, 1.0], [0.5, 1.0]]
    """
    found, queries, rows = np.asarray(found_rows), np.asarray(right_queries), np.asarray(right_rows)
    if found.ndim != 2 or not found.size or queries.ndim != 1 or queries.shape != rows.shape:
        raise ValueError(
            f"The found rows have shape {list(found.shape)}, the right pairs {list(queries.shape)} and {list(rows.shape)}; "
            "[Q, K], [G] and [G] are expected."
        )
    for noun, numbers in (("found rows", found), ("right queries", queries), ("right rows", rows)):
        if not np.issubdtype(numbers.dtype, np.integer):
            raise ValueError(f"The {noun} are {numbers.dtype}; row numbers are integers.")
    if k < 1:
        raise ValueError(f"{k} rows a query are to be looked at; 1 or more are expected.")
    if len(queries) and (queries.min() < 0 or queries.max() >= len(found) or rows.min() < 0):
        raise ValueError(f"A right pair names query or row below 0, or a query beyond the {len(found)} that there are.")
    size = int(max(found.max(), rows.max() if len(rows) else 0)) + 1
    right = np.unique(queries.astype(np.int64) * size + rows)  # one number a pair
    n_right = np.bincount(right // size, minlength=len(found))  # [Q]
    if not n_right.all():
        raise ValueError(f"Query {int(np.flatnonzero(n_right == 0)[0])} has no right row; at least one is expected.")
    top = found[:, :k].astype(np.int64)  # [Q, k]
    pairs = np.arange(len(top))[:, None] * size + top
    is_hit = (top >= 0) & (right[np.searchsorted(right, pairs).clip(max=len(right) - 1)] == pairs)
    # A row that was found before is not a second hit: [Q, k, k], true where a later place repeats an earlier one.
    is_again = np.tril(top[:, :, None] == top[:, None, :], k=-1).any(axis=2)
    is_hit &= ~is_again
    ranks = np.arange(1, top.shape[1] + 1)
    precision = np.cumsum(is_hit, axis=1) / ranks  # [Q, k]
    average = (precision * is_hit).sum(axis=1) / np.minimum(n_right, k)
    reciprocal = np.where(is_hit.any(axis=1), 1 / (is_hit.argmax(axis=1) + 1), 0.0)
    return average, reciprocal


def _checked(
    predicted_rows: Sequence[int] | NDArray[np.integer], gold_rows: Sequence[int] | NDArray[np.integer]
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    predicted, gold = np.asarray(predicted_rows), np.asarray(gold_rows)
    for noun, rows in (("predicted", predicted), ("gold", gold)):
        if rows.ndim != 1:
            raise ValueError(f"The {noun} rows have shape {list(rows.shape)}; [Q] is expected, one row a query.")
    check_lengths(len(predicted), len(gold))
    for noun, rows in (("predicted", predicted), ("gold", gold)):
        if not np.issubdtype(rows.dtype, np.integer):
            raise ValueError(f"The {noun} rows are {rows.dtype}; row numbers are integers.")
    if (gold < 0).any():
        raise ValueError(f"Gold row {int(gold.min())} is negative; rows count from 0.")
    return predicted, gold
