from __future__ import annotations

import numpy as np
import pytest

from toolkit.retrieval import exact_search


def by_hand(queries, corpus, k):
    """Compare every pair in double precision with Python's own sort."""
    out = []
    for query in queries.astype("f8"):
        scores = [float(query @ row) for row in corpus.astype("f8")]
        out.append(sorted(range(len(corpus)), key=lambda i: (-scores[i], i))[:k])
    return np.array(out)


@pytest.mark.parametrize("k", [1, 3, 40])
def test_the_oracle_agrees_with_a_sort_by_hand_where_scores_are_whole_numbers(k):
    rng = np.random.default_rng(k)
    corpus = rng.integers(-2, 3, (40, 5)).astype("f4")  # many repeats and many ties
    queries = rng.integers(-2, 3, (15, 5)).astype("f4")
    assert np.array_equal(exact_search(queries, corpus, k)[1], by_hand(queries, corpus, k))


def test_the_size_of_a_block_changes_nothing():
    rng = np.random.default_rng(0)
    corpus, queries = rng.integers(-3, 4, (50, 6)).astype("f4"), rng.integers(-3, 4, (23, 6)).astype("f4")
    for block in (1, 7, 23, 1000):
        for one, other in zip(
            exact_search(queries, corpus, 5), exact_search(queries, corpus, 5, block=block), strict=True
        ):
            assert np.array_equal(one, other)


def test_repeated_rows_score_equal_to_the_last_bit_and_come_in_order():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(3, 37)).astype("f4")
    corpus = base[np.array([0, 1, 2] * 101)]
    scores, rows = exact_search(base[:1], corpus, 101)
    assert (scores == scores[0, 0]).all()
    assert rows[0].tolist() == list(range(0, 303, 3))
