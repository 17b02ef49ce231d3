"""Quality of mined sentence pairs: F1, precision and recall against gold pairs."""

from __future__ import annotations


def quality(right: int, kept: int, gold: int) -> dict[str, float]:
    """Return F1, precision and recall of mined pairs against gold pairs; all 0 if no pair was kept.

    Args:
        right: how many of the kept pairs are gold pairs.
        kept: how many pairs were kept, each once.
        gold: how many gold pairs there are.

    Example:
        >>> quality(1, 2, 1)["precision"]
        0.5
    """
    return {
        "f1": 2 * right / (kept + gold) if kept or gold else 0.0,
        "precision": right / kept if kept else 0.0,
        "recall": right / gold if gold else 0.0,
    }
