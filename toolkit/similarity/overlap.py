"""How much of two tasks' vocabulary is the same."""

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
    first, second = _frequencies(counts_a, "first"), _frequencies(counts_b, "second")
    both = math.fsum(min(share, second[token]) for token, share in first.items() if token in second)
    # max(p, q) = p + q - min(p, q), and each of the two sums to 1.
    return both / (2.0 - both)


def _frequencies(counts: Mapping[int, float], which: str) -> dict[int, float]:
    if any(not 0 <= count < math.inf for count in counts.values()):
        raise DataError(f"The {which} task's token counts hold a negative or infinite number; counts are expected.")
    total = math.fsum(counts.values())
    if not total:
        raise DataError(f"The {which} task's token counts are empty; a task with text is expected.")
    return {token: count / total for token, count in counts.items() if count}
