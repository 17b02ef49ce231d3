"""Retrieval scored by the first row found."""

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
        ValueError: the shapes differ or are not [Q], there is nothing to score, the rows are no integers, or a
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
