"""Overlap of the vocabularies of two tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping

from toolkit.errors import DataError


def vocabulary_overlap(counts_a: Mapping[int, float], counts_b: Mapping[int, float]) -> float:
    """Return the weighted Jaccard similarity of two distributions over tokens, in [0, 1].

    With p and q the relative frequencies, sum min(p, q) / sum max(p, q): symmetric, 1 for equal distributions whatever the
    number of rows, 0 without a common token. Frequent tokens weigh more, as they do in the text.

    Args:
        counts_a: token id -> how often it occurs, not negative.
        counts_b: the same of the other task, by the same tokenizer.

    Raises:
        DataError: no token at all, or a count that is negative or not finite.

    Example:
        >>> vocabulary_overlap({5: 1, 6: 1}, {5: 10, 7: 10})
        0.3333333333333333
    """
    total_a, total_b = _total(counts_a, "first"), _total(counts_b, "second")
    # Both shares times both totals: whole for whole counts, so that equal distributions come to exactly 1, and no sum of
    # smaller numbers is above that of the larger ones.
    pairs = [(counts_a.get(token, 0) * total_b, counts_b.get(token, 0) * total_a) for token in {**counts_a, **counts_b}]
    return math.fsum(map(min, pairs)) / math.fsum(map(max, pairs))


def _total(counts: Mapping[int, float], which: str) -> float:
    if any(not 0 <= count < math.inf for count in counts.values()):
        raise DataError(f"The {which} task's token counts hold a negative or infinite number; counts are expected.")
    total = math.fsum(counts.values())
    if not total:
        raise DataError(f"The {which} task's token counts are empty; a task with text is expected.")
    return total
