"""Agreement of predictions with gains against plain loops, ties among them over all orders."""

from __future__ import annotations

import math
from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from scipy.stats import spearmanr

from toolkit.errors import DataError
from toolkit.similarity import MEASURES, measures, ndcg, random_values, regret, relative_regret, spearman


def named(values):
    return {f"s{i}": float(value) for i, value in enumerate(values)}


def orders(predicted):
    """Every ranking that the predictions allow."""
    for order in permutations(range(len(predicted))):
        if all(predicted[a] >= predicted[b] for a, b in pairwise(order)):
            yield order


def plain_ndcg(predicted, gains):
    relevance = [gain - min(gains) for gain in gains]

    def dcg(order):
        return sum(relevance[i] / math.log2(rank + 1) for rank, i in enumerate(order, start=1))

    best = dcg(sorted(range(len(gains)), key=lambda i: -gains[i]))
    return np.mean([dcg(order) for order in orders(predicted)]) / best


def plain_regret(predicted, gains, k):
    return np.mean([max(gains) - max(gains[i] for i in order[:k]) for order in orders(predicted)])


CASES = [
    ([0.9, 0.5, 0.1], [0.02, 0.03, -0.01]),
    ([3, 3, 1, 1, 2], [0.1, -0.2, 0.0, 0.3, 0.1]),
    ([1, 1, 1, 1], [0.0, 0.1, 0.2, 0.4]),
    ([5, 1, 1, 1, 1, 0], [0.01, 0.2, 0.2, -0.1, 0.15, 0.5]),
    ([-1e6, 1e-9, 0, 2e-9], [-0.5, -0.4, -0.3, -0.2]),
]


@pytest.mark.parametrize(("predicted", "gains"), CASES)
def test_ndcg_and_regret_are_means_over_all_orders_of_what_ties(predicted, gains):
    assert ndcg(named(predicted), named(gains)) == pytest.approx(plain_ndcg(predicted, gains), abs=1e-12)
    for k in range(1, len(gains) + 2):
        expected = plain_regret(predicted, gains, k)
        assert regret(named(predicted), named(gains), k) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_spearman_agrees_with_scipy_ties_included(seed):
    rng = np.random.default_rng(seed)
    predicted, gains = rng.integers(0, 4, 12), rng.integers(0, 5, 12)
    expected = spearmanr(predicted, gains).statistic
    assert spearman(named(predicted), named(gains)) == pytest.approx(expected, abs=1e-12)


def test_sources_are_matched_by_name_and_not_by_place():
    predicted = {"a": 1.0, "b": 2.0, "c": 3.0}
    gain = {"c": 0.3, "b": 0.2, "a": 0.1}
    found = measures(predicted, gain)
    assert found.pop("ndcg") == pytest.approx(
        1.0, abs=1e-12
    )  # a quotient of two sums: no processor promises the last bit
    assert found == {"spearman": 1.0, "regret@1": 0.0, "regret@3": None}


def test_the_opposite_order_is_as_wrong_as_can_be():
    gain = named([0.0, 0.1, 0.2, 0.4])
    backwards = {name: -value for name, value in gain.items()}
    assert spearman(backwards, gain) == pytest.approx(-1.0, abs=1e-12)
    assert regret(backwards, gain, 1) == pytest.approx(0.4) and regret(backwards, gain, 3) == pytest.approx(0.2)


def test_a_predictor_that_says_the_same_of_all_has_no_correlation_and_is_a_random_ranking():
    gain = named([0.0, 0.1, 0.2, 0.4, 0.1])
    constant = dict.fromkeys(gain, 7.0)
    found, expected = measures(constant, gain), random_values(gain)
    assert found["spearman"] is None and expected["spearman"] == 0.0
    for name in ("ndcg", "regret@1", "regret@3"):
        assert found[name] == pytest.approx(expected[name], abs=1e-12)


def test_a_random_ranking_is_worth_the_mean_over_all_rankings():
    gains = [0.0, 0.1, -0.2, 0.4, 0.1]
    found = random_values(named(gains))
    rankings = [dict(zip(named(gains), order, strict=True)) for order in permutations(map(float, range(5)))]
    every = [measures(ranking, named(gains)) for ranking in rankings]
    for name in MEASURES:
        assert found[name] == pytest.approx(np.mean([each[name] for each in every]), abs=1e-12)


def test_equal_gains_leave_nothing_to_rank():
    gain = named([0.1, 0.1, 0.1, 0.1])
    predicted = named([1, 2, 3, 4])
    expected = {"spearman": None, "ndcg": None, "regret@1": 0.0, "regret@3": 0.0}
    assert measures(predicted, gain) == pytest.approx(expected, abs=1e-12)
    assert random_values(gain)["spearman"] is None


def test_neither_a_shift_of_the_gains_nor_any_rising_function_of_the_predictions_matters():
    predicted, gains = np.array([0.9, 0.5, 0.1, 0.7]), np.array([0.02, 0.03, -0.01, 0.5])
    first = measures(named(predicted), named(gains))
    second = measures(named(np.exp(9 * predicted)), named(gains + 3))
    for name in MEASURES:
        assert first[name] == pytest.approx(second[name], abs=1e-12)


def test_regret_at_k_never_rises_with_k():
    rng = np.random.default_rng(3)
    predicted, gain = named(rng.integers(0, 4, 8)), named(rng.normal(size=8))
    values = [regret(predicted, gain, k) for k in range(1, 9)]
    assert values == sorted(values, reverse=True) and values[-1] == 0


def test_the_best_of_the_tied_is_drawn_as_often_as_its_share():
    gains = [0.5, 0.4, 0.3, 0.2]
    drawn = [max(pair) for pair in combinations(gains, 2)]
    assert regret(named([1, 1, 1, 1]), named(gains), 2) == pytest.approx(0.5 - np.mean(drawn), abs=1e-12)


def test_relative_regret_is_a_share_of_the_best_score():
    predicted, gain = named([1, 2]), named([0.10, -0.10])
    assert relative_regret(predicted, gain, 1, baseline=0.40) == pytest.approx(0.20 / 0.50)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: spearman({"a": 1.0, "b": 2.0}, {"a": 1.0}),
            "2 sources were predicted and 1 observed, 'b' not in both",
        ),
        (lambda: ndcg({"a": 1.0}, {"a": 1.0}), "over 1 sources; a ranking needs two"),
        (lambda: regret({"a": math.nan, "b": 1.0}, {"a": 1.0, "b": 0.0}), "of 'a' is not a finite number"),
        (lambda: regret({"a": 2.0, "b": 1.0}, {"a": 1.0, "b": 0.0}, 0), "best 0 sources"),
        (lambda: relative_regret({"a": 2.0, "b": 1.0}, {"a": -0.5, "b": -0.6}, baseline=0.5), "a score above 0"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(DataError, match=sentence):
        call()
