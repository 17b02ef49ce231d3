"""Bounds of every bounded measure of similarity and agreement, on random and on perfect inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, strategies

from tests.bounds import ROUNDING, awkward, hundred, reals, seeds, tenths, thirty
from toolkit.similarity import (
    cosine,
    fisher_similarity,
    linear_cka,
    measures,
    ndcg,
    random_values,
    regret,
    spearman,
    transrate,
    validate,
    vocabulary_overlap,
)
from toolkit.similarity.ranks import K, ranks, reciprocal_rank_fusion

numbers = strategies.one_of(tenths, awkward, reals)
rankings = strategies.lists(strategies.tuples(numbers, numbers), min_size=2, max_size=12)


def named(values):
    return {f"s{i}": value for i, value in enumerate(values)}


@given(rankings)
@thirty
def test_agreement_is_within_its_bounds(pairs):
    predicted, gain = (named(values) for values in zip(*pairs, strict=True))
    found = measures(predicted, gain)
    assert found["spearman"] is None or -1 <= found["spearman"] <= 1
    assert found["ndcg"] is None or 0 <= found["ndcg"] <= 1
    span = max(gain.values()) - min(gain.values())
    for k in range(1, len(gain) + 1):
        assert 0 <= regret(predicted, gain, k) <= span
    by_chance = random_values(gain)
    assert by_chance["ndcg"] is None or 0 <= by_chance["ndcg"] <= 1
    assert 0 <= by_chance["regret@1"] <= span


@given(strategies.lists(numbers, min_size=2, max_size=12), strategies.booleans())
@hundred
def test_a_perfect_ranking_is_exact(gains, is_tied):
    assume(len(set(gains)) > 1)
    # Sources of equal gain in any order, or tied: either is perfect.
    places = sorted(range(len(gains)), key=lambda i: gains[i])
    values = gains if is_tied else [places.index(i) for i in range(len(gains))]
    predicted, gain = named(map(float, values)), named(gains)
    assert ndcg(predicted, gain) == 1.0
    assert all(regret(predicted, gain, k) == 0.0 for k in range(1, len(gains) + 1))
    if is_tied or len(set(gains)) == len(gains):
        assert spearman(predicted, gain) == 1.0
        assert spearman({name: -value for name, value in predicted.items()}, gain) == -1.0


@given(strategies.permutations(range(6)))
@hundred
def test_no_other_order_is_worth_one(order):
    assert (ndcg(named(map(float, order)), named([0.0, 0.1, 0.2, 0.3, 0.5, 0.7])) == 1.0) == (
        list(order) == sorted(order)
    )


@pytest.mark.parametrize("n", [10, 40])
def test_a_thousand_perfect_rankings_are_exactly_one(n):
    rng = np.random.default_rng(n)
    for gains in rng.normal(0, 0.02, (500, n)).tolist():
        assert ndcg(named(gains), named(gains)) == 1.0


@given(seeds)
@hundred
def test_cka_is_at_most_one(seed):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(4, 12)), int(rng.integers(1, 6))
    a = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-3, 4)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    for b in (rng.normal(size=(n, d + 1)), a, 3 * a @ rotation + 7, -a):
        assert 0 <= linear_cka(a, b) <= 1
    assert linear_cka(a, a) == 1.0
    assert linear_cka(a, 3 * a @ rotation + 7) == pytest.approx(1, abs=1e-9)


@given(seeds)
@hundred
def test_cosines_are_within_their_bounds(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, int(rng.integers(1, 9)))) * 10.0 ** rng.integers(-200, 150)
    assert -1 <= cosine(a, b) <= 1
    assert cosine(a, 0.3 * a) == pytest.approx(1, abs=ROUNDING) and cosine(a, 0.3 * a) <= 1
    assert cosine(a, -a) == pytest.approx(-1, abs=ROUNDING) and cosine(a, -a) >= -1
    fisher = {"up": a**2 if np.abs(a).max() < 1e100 else np.abs(a), "down": np.abs(b)}
    other = {"up": np.abs(b), "down": np.abs(a)}
    assert 0 <= fisher_similarity(fisher, other) <= 1
    assert (
        fisher_similarity(fisher, fisher) == pytest.approx(1, abs=ROUNDING) and fisher_similarity(fisher, fisher) <= 1
    )


counts = strategies.dictionaries(strategies.integers(0, 20), strategies.integers(1, 10**6), min_size=1, max_size=20)
weights = strategies.dictionaries(strategies.integers(0, 20), strategies.floats(1e-3, 1e6), min_size=1, max_size=20)


@given(strategies.one_of(counts, weights), strategies.one_of(counts, weights))
@hundred
def test_vocabulary_overlap_is_within_its_bounds(a, b):
    assert 0 <= vocabulary_overlap(a, b) <= 1
    assert vocabulary_overlap(a, b) == vocabulary_overlap(b, a)
    assert vocabulary_overlap(a, a) == 1.0


@given(counts, strategies.integers(2, 99))
@hundred
def test_equal_shares_of_different_numbers_overlap_by_exactly_one(a, factor):
    assert vocabulary_overlap(a, {token: factor * count for token, count in a.items()}) == 1.0


@given(seeds)
@hundred
def test_transrate_is_not_negative(seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(12, int(rng.integers(1, 5))))
    assert transrate(features, np.arange(12) % int(rng.integers(2, 5))) >= 0


@given(strategies.lists(strategies.lists(numbers, min_size=4, max_size=4), min_size=1, max_size=4))
@hundred
def test_joined_rankings_are_within_the_first_and_the_last_place(values):
    found = reciprocal_rank_fusion([named(each) for each in values])
    assert all(1 / (K + 4) * (1 - ROUNDING) <= value <= 1 / (K + 1) * (1 + ROUNDING) for value in found.values())
    assert all(1 <= place <= 4 for place in ranks(named(values[0])).values())


@given(seeds)
@thirty
def test_a_validation_of_bounded_measures_is_bounded(seed):
    rng = np.random.default_rng(seed)
    gains = {f"t{t}": named(rng.integers(-3, 4, 4) / 10) for t in range(int(rng.integers(1, 5)))}
    noise = {t: {s: float(rng.integers(0, 3)) for s in found} for t, found in gains.items()}
    validation = validate({"right": gains, "noise": noise}, gains, controls=["noise"], n_resamples=5)
    for each in validation.measured:
        low, high = {"spearman": (-1, 1), "ndcg": (0, 1)}.get(each.measure, (0, 1))
        numbers = [each.estimate.value, each.estimate.low, each.estimate.high, each.random]
        assert all(low <= number <= high for number in numbers if number is not None), (each.measure, numbers)
        for against in each.against.values():
            assert against.p is None or 0 < against.p <= 1
    right = validation.of("right", "ndcg").estimate
    assert right.value is None or (right.value == 1.0 and right.low in (None, 1.0) and right.high in (None, 1.0))
