"""Vocabulary overlap against arrays over the whole vocabulary."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.similarity import vocabulary_overlap


def test_it_agrees_with_a_sum_over_the_vocabulary():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 30, 200), rng.integers(10, 50, 70)
    p, q = np.bincount(a, minlength=50) / 200, np.bincount(b, minlength=50) / 70
    expected = np.minimum(p, q).sum() / np.maximum(p, q).sum()
    assert vocabulary_overlap(Counter(a.tolist()), Counter(b.tolist())) == pytest.approx(expected, abs=1e-15)


def test_it_is_symmetric_one_for_the_same_shares_and_zero_without_a_common_token():
    a, b = {1: 2, 2: 1}, {2: 5, 3: 1}
    assert vocabulary_overlap(a, b) == vocabulary_overlap(b, a)
    assert vocabulary_overlap(a, {1: 20, 2: 10, 9: 0}) == pytest.approx(1, abs=1e-15)
    assert vocabulary_overlap(a, {7: 3}) == 0


@pytest.mark.parametrize(("counts", "sentence"), [({}, "empty"), ({1: 0}, "empty"), ({1: -1}, "negative or infinite")])
def test_bad_input_is_one_sentence(counts, sentence):
    with pytest.raises(DataError, match=f"The second task's token counts .*{sentence}"):
        vocabulary_overlap({1: 1}, counts)
