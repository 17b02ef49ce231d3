"""The paired bootstrap against independent implementations, and by calibration."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.statistics.bootstrap import resample
from toolkit.statistics.draws import Draws, mean_draws
from toolkit.statistics.estimates import estimate, holm
from toolkit.statistics.outcomes import Outcomes


def means(values, ids=None):
    values = np.atleast_2d(np.asarray(values, float))
    return Outcomes(tuple(ids or map(str, range(values.shape[1]))), values, np.ones_like(values))


def two(a, b, language="de"):
    return {"a": {language: a}, "b": {language: b}}


def right(rng, n, share):
    return (rng.random(n) < share).astype(float)


def test_a_mean_agrees_with_scipy():
    from scipy.stats import bootstrap

    rng = np.random.default_rng(1)
    a, b = right(rng, 300, 0.62), right(rng, 300, 0.55)
    ours = resample(two(means(a), means(b)), is_parallel=False, n_resamples=20000).difference("a", "b", ["de"])
    theirs = bootstrap(
        (a, b), lambda x, y, axis: x.mean(axis) - y.mean(axis), paired=True, vectorized=True, n_resamples=20000, rng=2
    )
    expected = estimate(float(a.mean() - b.mean()), theirs.bootstrap_distribution)
    assert ours.value == pytest.approx(a.mean() - b.mean(), abs=1e-12)
    # Monte Carlo error of an end of the interval at 20,000 resamples: about a fiftieth of the standard error.
    assert ours.low == pytest.approx(expected.low, abs=0.1 * theirs.standard_error)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.15 * theirs.standard_error)
    assert ours.p == pytest.approx(expected.p, abs=0.02)


def test_a_corpus_f1_agrees_with_a_plain_loop():
    rng = np.random.default_rng(3)
    gold = rng.integers(1, 12, 120)
    systems, plain = {}, {}
    for name, share in (("a", 0.8), ("b", 0.7)):
        tp = rng.binomial(gold, share)
        fp = rng.binomial(gold, 0.2)
        plain[name] = (tp, fp, gold - tp)
        numerators, denominators = (2.0 * tp)[None], (2.0 * tp + fp + gold - tp)[None]
        systems[name] = {"de": Outcomes(tuple(map(str, range(120))), numerators, denominators)}
    ours = resample(systems, is_parallel=False, n_resamples=4000).difference("a", "b", ["de"])

    def f1(name, rows):
        tp, fp, fn = (int(sum(counts[i] for i in rows)) for counts in plain[name])
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        return 2 * precision * recall / (precision + recall)

    observed = f1("a", range(120)) - f1("b", range(120))
    draws = []
    for _ in range(2000):
        rows = rng.integers(0, 120, 120)
        draws.append(f1("a", rows) - f1("b", rows))
    expected = estimate(observed, np.array(draws))
    assert ours.value == pytest.approx(observed, abs=1e-12)
    assert ours.low == pytest.approx(expected.low, abs=0.15 * np.std(draws))
    assert ours.high == pytest.approx(expected.high, abs=0.15 * np.std(draws))


def test_under_the_null_p_values_are_about_uniform():
    rng = np.random.default_rng(4)
    found = []
    for round in range(400):
        shared = right(rng, 150, 0.5)  # most rows both get right or wrong, as two compositions do
        a, b = (np.where(rng.random(150) < 0.7, shared, right(rng, 150, 0.5)) for _ in range(2))
        sampled = resample(two(means(a), means(b)), is_parallel=False, n_resamples=400, seed=round)
        found.append(sampled.difference("a", "b", ["de"]).p)
    # 400 rounds: two standard errors of a share of 0.05 are 0.022, of 0.5 they are 0.05.
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=2.6 * np.sqrt(level * (1 - level) / 400))


def test_the_interval_leaves_out_zero_exactly_where_p_is_at_most_five_percent():
    rng = np.random.default_rng(5)
    verdicts = set()
    for round in range(60):
        a, b = right(rng, 80, 0.6), right(rng, 80, 0.5)
        found = resample(two(means(a), means(b)), is_parallel=False, n_resamples=399, seed=round)
        d = found.difference("a", "b", ["de"])
        assert (d.low > 0 or d.high < 0) == (d.p <= 0.05), d
        verdicts.add(d.p <= 0.05)
    assert verdicts == {True, False}


def test_translations_of_the_same_examples_are_drawn_together():
    rng = np.random.default_rng(6)
    a, b = right(rng, 200, 0.6), right(rng, 200, 0.5)
    codes = ("de", "fr", "sw", "zh")
    same = {"a": {code: means(a) for code in codes}, "b": {code: means(b) for code in codes}}
    together = resample(same, is_parallel=True, n_resamples=4000).difference("a", "b", codes)
    apart = resample(same, is_parallel=False, n_resamples=4000).difference("a", "b", codes)
    single = resample({k: {"de": v["de"]} for k, v in same.items()}, is_parallel=True, n_resamples=4000)
    one = single.difference("a", "b", ["de"])
    # Four copies say no more than one: drawn apart they would look twice as sure.
    assert together.high - together.low == pytest.approx(one.high - one.low, rel=0.06)
    assert apart.high - apart.low == pytest.approx((one.high - one.low) / 2, rel=0.06)


def test_languages_that_share_only_some_ids_are_drawn_by_id():
    a = {"de": means([1, 0, 1], ["x", "y", "z"]), "fr": means([1, 1], ["x", "w"])}
    b = {"de": means([0, 0, 1], ["x", "y", "z"]), "fr": means([0, 1], ["x", "w"])}
    found = resample({"a": a, "b": b}, is_parallel=True, n_resamples=500)
    assert found.difference("a", "b", ["de", "fr"]).value == pytest.approx((1 / 3 + 1 / 2) / 2)


def test_a_composition_against_itself_differs_by_nothing_and_surely_so():
    a = means([1, 0, 1, 1])
    found = resample(two(a, a), is_parallel=False, n_resamples=200).difference("a", "b", ["de"])
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def seeded(scores, n=50):
    """Rows on which each seed scores exactly so much, whichever rows are drawn."""
    return means(np.repeat(np.asarray(scores, float)[:, None], n, axis=1))


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_where_only_seeds_differ_the_test_is_welchs(seeds):
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(7)
    for _ in range(5):
        a, b = rng.normal(0.6, 0.05, seeds), rng.normal(0.5, 0.02, seeds)
        found = resample(two(seeded(a), seeded(b)), is_parallel=False, n_resamples=20000).difference("a", "b", ["de"])
        welch = ttest_ind(a, b, equal_var=False)
        assert found.value == pytest.approx(a.mean() - b.mean())
        assert found.p == pytest.approx(welch.pvalue, abs=0.01)
        ends = welch.confidence_interval(0.95)
        assert found.high - found.low == pytest.approx(ends.high - ends.low, rel=0.06)


def test_rows_and_seeds_widen_the_interval_together():
    rng = np.random.default_rng(7)
    n, seeds = 4000, 6
    a = np.stack([right(rng, n, 0.6 + d) for d in np.linspace(-0.03, 0.03, seeds)])
    b = np.stack([right(rng, n, 0.6) for _ in range(seeds)])
    found = resample(two(means(a), means(b)), is_parallel=False, n_resamples=20000)
    difference = found.draws("a", ["de"]) - found.draws("b", ["de"])
    over_seeds = (np.var(a.mean(1), ddof=1) + np.var(b.mean(1), ddof=1)) / seeds
    assert difference.resampled().var() == pytest.approx(over_seeds + difference.replicates.var(), rel=0.05)
    alone = estimate(difference.value, difference.replicates)
    # Wider than rows alone make it, and than the normal quantile of both variances.
    assert difference.estimate.high - difference.estimate.low > 1.05 * (alone.high - alone.low)
    half = 1.96 * (over_seeds + difference.replicates.var()) ** 0.5
    assert half < difference.estimate.high - difference.value < 1.3 * half


@pytest.mark.parametrize("seeds", [2, 3])
def test_seeds_that_differ_for_no_reason_are_seldom_called_different(seeds):
    rng = np.random.default_rng(9)
    called = 0
    for round in range(400):
        a, b = (
            np.stack([right(rng, 100, min(1.0, max(0.0, share))) for share in rng.normal(0.5, 0.1, seeds)])
            for _ in "ab"
        )
        found = resample(two(means(a), means(b)), is_parallel=False, n_resamples=400, seed=round)
        called += found.difference("a", "b", ["de"]).is_significant
    assert called / 400 <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 400)


def test_what_shares_its_training_shares_its_seeds():
    scores = np.array([0.3, 0.5, 0.7])
    systems = {"clean": {"de": seeded(scores)}, "noisy": {"de": seeded(scores - 0.1)}}
    apart = resample(systems, is_parallel=False, n_resamples=500)
    shared = resample(systems, is_parallel=False, n_resamples=500, trained={"clean": "x", "noisy": "x"})
    assert not apart.difference("noisy", "clean", ["de"]).is_significant
    assert shared.difference("noisy", "clean", ["de"]).low == pytest.approx(-0.1)


def test_the_same_seed_draws_the_same():
    rng = np.random.default_rng(8)
    both = two(means(right(rng, 50, 0.6)), means(right(rng, 50, 0.5)))
    first, second, other = (resample(both, is_parallel=False, n_resamples=300, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first.replicates["a"], second.replicates["a"])
    assert not np.array_equal(first.replicates["a"], other.replicates["a"])


def reordered(outcomes, order):
    return Outcomes(
        tuple(outcomes.ids[i] for i in order), outcomes.numerators[:, order], outcomes.denominators[:, order]
    )


@pytest.mark.parametrize("is_parallel", [True, False])
def test_neither_the_order_of_languages_nor_that_of_rows_nor_that_of_compositions_changes_an_interval(is_parallel):
    rng, codes = np.random.default_rng(11), ["de", "sw", "en"]
    systems = {
        name: {code: means(right(rng, 60, 0.5 + shift)) for code in codes} for name, shift in (("a", 0.1), ("b", 0.0))
    }
    order = rng.permutation(60)
    turned = {name: {code: reordered(systems[name][code], order) for code in ("en", "de", "sw")} for name in ("b", "a")}
    first, second = (resample(some, is_parallel=is_parallel, n_resamples=300) for some in (systems, turned))
    for some in (["de"], ["sw"], ["en"], codes):
        one, other = (drawn.difference("a", "b", some) for drawn in (first, second))
        assert one.p == other.p
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_a_language_has_the_same_interval_whichever_languages_are_scored_with_it():
    rng = np.random.default_rng(12)
    systems = {name: {code: means(right(rng, 50, 0.5)) for code in ("de", "sw", "en")} for name in "ab"}
    alone = {name: {"sw": some["sw"]} for name, some in systems.items()}
    first, second = (resample(some, is_parallel=False, n_resamples=300) for some in (systems, alone))
    assert first.difference("a", "b", ["sw"]) == second.difference("a", "b", ["sw"])


def test_test_sets_of_other_names_are_drawn_independently():
    both = {name: {"de": means([1.0, 0.0, 1.0, 1.0])} for name in "ab"}
    first, second = (resample(both, is_parallel=False, n_resamples=300, seed=(0, name)) for name in ("xnli", "xquad"))
    assert not np.array_equal(first.replicates["a"], second.replicates["a"])


@pytest.mark.parametrize("n", [3, 6, 49, 98, 103])
def test_the_mean_of_perfect_numbers_is_exactly_one(n):
    found = mean_draws([Draws(1.0, np.ones(5))] * n)
    assert found.value == 1.0 and set(found.replicates) == {1.0}


def test_the_order_of_numbers_changes_no_bit_of_their_mean():
    rng = np.random.default_rng(13)
    some = [Draws(rng.random(), rng.random(40), {("xnli", name): rng.normal(size=3)}) for name in "abcabcab"]
    found, turned = mean_draws(some), mean_draws(some[::-1])
    assert found.estimate == turned.estimate
    assert found.estimate.value == pytest.approx(sum(each.value for each in some) / 8)
    assert np.array_equal(found.resampled(), turned.resampled())


def test_the_interval_of_a_score_is_within_its_bounds():
    systems = {"a": {"de": means([1.0] * 9 + [0.0])}, "b": {"de": means([0.0] * 9 + [1.0])}}
    drawn = resample(systems, is_parallel=False, n_resamples=300)
    high, low = drawn.score("a", ["de"]), drawn.score("b", ["de"])
    assert high.high == 1.0 and low.low == 0.0
    assert drawn.draws("a", ["de"]).estimate.high > 1.0


def test_rows_that_are_not_the_same_are_refused():
    with pytest.raises(DataError, match=r"not scored on the same rows in de \(3 and 2 of them\)"):
        resample(two(means([1, 0, 1]), means([1, 0])), is_parallel=False)
    with pytest.raises(DataError, match="needs the same languages"):
        resample({"a": {"de": means([1])}, "b": {"fr": means([1])}}, is_parallel=False)


def test_holm_is_never_below_the_p_value_and_keeps_the_order():
    p = [0.02, 0.9, 0.001, 0.04]
    adjusted = holm(p)
    assert adjusted == pytest.approx([0.06, 0.9, 0.004, 0.08])
    assert holm([]) == []


def test_ratios_of_nothing_to_nothing_are_zero():
    none = Outcomes(("x", "y"), np.zeros((1, 2)), np.zeros((1, 2)))
    assert none.value == 0.0
