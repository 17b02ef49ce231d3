"""Accuracy: the share of rows answered right; and F1 of one label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray


def accuracy(predictions: Sequence[Any] | NDArray[Any], gold: Sequence[Any] | NDArray[Any]) -> dict[str, float]:
    """Return the share of `predictions` that equal `gold`.

    Args:
        predictions: N labels: integers, strings, or an integer array of shape [N].
        gold: N labels of the same type.

    Returns:
        `{"accuracy": float}`, in [0, 1].

    Raises:
        ValueError: the lengths differ, or there is nothing to score.

    Example:
        >>> accuracy([0, 1, 2, 0], [0, 1, 1, 0])
        {'accuracy': 0.75}
    """
    check_lengths(len(predictions), len(gold))
    right = sum(bool(found == expected) for found, expected in zip(predictions, gold, strict=True))
    return {"accuracy": right / len(gold)}


def accuracy_f1(
    predictions: Sequence[int] | NDArray[Any], gold: Sequence[int] | NDArray[Any], *, positive: int = 1
) -> dict[str, float]:
    """Return accuracy and the F1 of one label, as GLUE scores QQP.

    Source: `acc_and_f1` of the GLUE baselines: scikit-learn's binary `f1_score` (docs/decisions/0012-official-scoring.md).

    Args:
        predictions: N label indices.
        gold: N label indices.
        positive: the label whose F1 counts: 1, duplicate.

    Returns:
        `{"accuracy", "f1"}`, in [0, 1]; F1 is 0 if the label is neither predicted nor gold.

    Example:
        >>> accuracy_f1([1, 1, 0, 0], [1, 0, 1, 0])
        {'accuracy': 0.5, 'f1': 0.5}
    """
    measures = accuracy(predictions, gold)
    both = sum(bool(a == positive and b == positive) for a, b in zip(predictions, gold, strict=True))
    either = sum(bool(a == positive) for a in predictions) + sum(bool(b == positive) for b in gold)
    return {**measures, "f1": 2 * both / either if either else 0.0}


def check_lengths(predictions: int, gold: int) -> None:
    """Refuse a metric over nothing, or over two lists that are not about the same rows.

    Raises:
        ValueError: `predictions` and `gold` differ, or are 0.
    """
    if predictions != gold:
        raise ValueError(f"{predictions} predictions for {gold} gold rows; a metric needs one for each.")
    if gold == 0:
        raise ValueError("No rows to score; a metric over nothing is undefined.")
