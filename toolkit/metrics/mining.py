"""Quality of mined sentence pairs: F1, precision and recall against gold pairs."""

from __future__ import annotations

from collections.abc import Collection


def quality(pairs: Collection[tuple[str, str]], gold: Collection[tuple[str, str]]) -> dict[str, float]:
    """Return F1, precision and recall of pairs against gold pairs; all 0 if no pair was kept.

    Example:
        >>> quality([("a", "b"), ("c", "d")], [("a", "b")])["precision"]
        0.5
    """
    kept, wanted = set(pairs), set(gold)
    right = len(kept & wanted)
    return {
        "f1": 2 * right / (len(kept) + len(wanted)) if kept or wanted else 0.0,
        "precision": right / len(kept) if kept else 0.0,
        "recall": right / len(wanted) if wanted else 0.0,
    }
