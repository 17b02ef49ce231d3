"""The share of rows answered right."""

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


def check_lengths(predictions: int, gold: int) -> None:
    """Refuse a metric over nothing, or over two lists that are not about the same rows.

    Raises:
        ValueError: `predictions` and `gold` differ, or are 0.
    """
    if predictions != gold:
        raise ValueError(f"{predictions} predictions for {gold} gold rows; a metric needs one for each.")
    if gold == 0:
        raise ValueError("No rows to score; a metric over nothing is undefined.")
