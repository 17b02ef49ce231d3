"""Predictors beside controls: means, intervals by a plain loop, pairs, verdicts, and by calibration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.similarity import BEATS, CANNOT_TELL, DOES_NOT, MEASURES, measures, random_values, validate
from toolkit.similarity.validation import FEWEST_TARGETS, RANDOM

SOURCES = ("nli", "qa", "pos", "ccg", "cola")


def world(n_targets, seed=0):
    rng = np.random.default_rng(seed)
    return {f"t{i}": dict(zip(SOURCES, rng.normal(0, 0.02, 5).tolist(), strict=True)) for i in range(n_targets)}


def noisy(gains, noise, seed):
    rng = np.random.default_rng(seed)
    return {t: {s: value + rng.normal(0, noise) for s, value in found.items()} for t, found in gains.items()}


def test_a_value_is_the_mean_over_targets_and_random_is_beside_it():
    gains = world(7)
    predicted = noisy(gains, 0.02, 1)
    found = validate({"text": predicted}, gains, n_resamples=50)
    for measure in MEASURES:
        by_target = {t: measures(predicted[t], gains[t])[measure] for t in gains}
        each = found.of("text", measure)
        assert each.estimate.by_target == by_target
        assert each.estimate.value == pytest.approx(np.mean(list(by_target.values())), abs=1e-12)
        assert each.random == pytest.approx(np.mean([random_values(gains[t])[measure] for t in gains]), abs=1e-12)


def test_the_interval_is_that_of_a_plain_loop_over_resampled_targets():
    gains = world(8)
    predicted = noisy(gains, 0.02, 1)
    ours = validate({"text": predicted}, gains, n_resamples=20_000).of("text", "spearman").estimate
    rng = np.random.default_rng(99)
    means = []
    for _ in range(20_000):
        targets = [f"t{i}" for i in rng.integers(0, 8, 8)]
        means.append(np.mean([ours.by_target[t] for t in targets]))
    assert (ours.low, ours.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.015)


def test_a_difference_is_paired_and_points_up_where_the_predictor_is_better():
    gains = world(9)
    good, bad = noisy(gains, 0.001, 1), noisy(gains, 1.0, 2)
    found = validate({"good": good, "size": bad}, gains, controls=["size"], n_resamples=500)
    for measure, sign in (("spearman", 1), ("ndcg", 1), ("regret@1", -1), ("regret@3", -1)):
        against = found.of("good", measure).against["size"]
        for t in gains:
            expected = sign * (measures(good[t], gains[t])[measure] - measures(bad[t], gains[t])[measure])
            assert against.by_target[t] == pytest.approx(expected, abs=1e-12)
    assert found.of("good", "spearman").verdict == BEATS and found.of("good", "spearman").beats_controls
    assert found.of("size", "spearman").verdict is None


def test_the_p_value_counts_all_flips_of_signs():
    gains = world(6, seed=4)
    found = validate({"text": noisy(gains, 0.02, 5)}, gains, n_resamples=50).of("text", "ndcg").against[RANDOM]
    values = list(found.by_target.values())
    means = [abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in product((1, -1), repeat=6)]
    assert found.p == pytest.approx(np.mean([mean >= abs(sum(values)) - 1e-12 for mean in means]))


def test_many_targets_are_flipped_at_random_to_the_same_p_value():
    gains = world(14, seed=4)
    found = validate({"text": noisy(gains, 0.05, 5)}, gains, n_resamples=50).of("text", "spearman").against[RANDOM]
    values = np.array(list(found.by_target.values()))
    signs = np.array(list(product((1, -1), repeat=14)))
    exact = np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-12)
    assert found.p == pytest.approx(exact, abs=0.02)


def test_with_few_targets_nothing_can_be_told_however_right_the_predictor():
    few = world(FEWEST_TARGETS - 1)
    right = validate({"right": few}, few, n_resamples=200)
    assert right.of("right", "spearman").estimate.value == pytest.approx(1.0, abs=1e-12)
    assert right.of("right", "spearman").estimate.is_rough
    assert right.of("right", "spearman").verdict == CANNOT_TELL
    enough = world(FEWEST_TARGETS)
    assert validate({"right": enough}, enough, n_resamples=200).of("right", "spearman").verdict == BEATS


def test_one_target_has_no_interval():
    one = world(1)
    each = validate({"right": one}, one).of("right", "ndcg").estimate
    assert each.value == pytest.approx(1.0, abs=1e-12)
    assert (each.low, each.high, each.n_targets) == (None, None, 1)


def test_a_predictor_no_better_than_a_control_does_not_beat_it():
    gains = world(8)
    found = validate({"size": gains, "copy": gains}, gains, controls=["size"], n_resamples=200)
    assert found.of("copy", "spearman").against["size"].value == 0
    assert {found.of("copy", measure).verdict for measure in MEASURES} == {DOES_NOT}


def test_a_predictor_that_says_nothing_has_no_correlation_and_does_not_beat_chance():
    gains = world(8)
    nothing = {t: dict.fromkeys(found, 1.0) for t, found in gains.items()}
    each = validate({"nothing": nothing}, gains, n_resamples=200).of("nothing", "spearman")
    assert each.estimate.value is None and each.estimate.low is None
    assert each.against[RANDOM].value == 0 and each.verdict == DOES_NOT


def test_sources_without_a_prediction_are_left_out_and_named_and_pairs_use_what_both_have():
    gains = world(7)
    part = {t: {s: v for s, v in found.items() if s != "cola"} for t, found in noisy(gains, 0.02, 1).items()}
    part["t3"]["ccg"] = None
    part["t5"] = {"nli": 1.0}
    control = noisy(gains, 0.02, 2)
    found = validate({"part": part, "size": control}, gains, controls=["size"], n_resamples=200)
    assert found.left_out["part"]["t0"] == ("cola",) and found.left_out["part"]["t3"] == ("ccg", "cola")
    assert found.left_out["part"]["t5"] == SOURCES and "size" not in found.left_out
    each = found.of("part", "ndcg")
    assert "t5" not in each.estimate.by_target and each.estimate.n_targets == 6
    kept = ("nli", "qa", "pos")
    mine, theirs, observed = ({s: at["t3"][s] for s in kept} for at in (part, control, gains))
    expected = measures(mine, observed)["ndcg"] - measures(theirs, observed)["ndcg"]
    assert each.against["size"].by_target["t3"] == pytest.approx(expected, abs=1e-12)


def test_a_target_with_as_many_sources_as_are_tried_says_nothing_of_regret():
    gains = {t: {s: found[s] for s in SOURCES[:3]} for t, found in world(7).items()}
    each = validate({"right": gains}, gains, n_resamples=100).of("right", "regret@3")
    assert each.estimate.value is None and each.random is None and each.verdict == CANNOT_TELL


def test_the_same_seed_gives_the_same_numbers_and_another_one_others():
    gains = world(14)
    predicted = {"text": noisy(gains, 0.2, 1)}
    first, again, other = (validate(predicted, gains, n_resamples=500, seed=seed) for seed in (3, 3, 4))
    assert first == again
    one, another = (found.of("text", "ndcg").estimate for found in (first, other))
    # Sums of 14 real numbers of which no two are equal: a resample comes twice only if it draws every target as often,
    # which at most 14! of 14^14 do, 8 in a million. (Sums of tenths, as Spearman's correlations are, meet by chance.)
    assert len(set(one.by_target.values())) == 14
    assert (one.low, one.high) != (another.low, another.high) and one.value == another.value


@pytest.mark.parametrize("n_targets", [8, 15])  # all flips of signs, and some at random
def test_the_order_of_targets_changes_no_number(n_targets):
    gains = world(n_targets)
    predicted = {"text": noisy(gains, 0.2, 1), "size": noisy(gains, 0.5, 2)}
    turned = dict(reversed(gains.items()))
    first, second = (validate(predicted, some, controls=["size"], n_resamples=200) for some in (gains, turned))
    assert first.measured == second.measured


@pytest.mark.parametrize("n_worlds", [40, pytest.param(120, marks=pytest.mark.slow)])
def test_guesses_beat_a_random_control_no_more_often_than_the_level_allows(n_worlds):
    wrong = 0
    for seed in range(n_worlds):
        gains = world(7, seed)
        guesses = {"guess": noisy(gains, 1e6, seed + 1000), "size": noisy(gains, 1e6, seed + 2000)}
        found = validate(guesses, gains, controls=["size"], n_resamples=200, seed=seed)
        wrong += found.of("guess", "spearman").verdict == BEATS
    assert wrong <= 0.05 * n_worlds  # the draws are fixed


def test_a_good_predictor_is_found_out_on_enough_targets():
    found = 0
    for seed in range(20):
        gains = world(10, seed)
        predictions = {"good": noisy(gains, 0.01, seed + 1000), "size": noisy(gains, 1e6, seed + 2000)}
        found += validate(predictions, gains, controls=["size"], n_resamples=200).of("good", "spearman").beats_controls
    assert found >= 16


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: validate({"a": {}}, {}), "over no target"),
        (lambda: validate({"a": world(2)}, world(2), controls=["size"]), "The control 'size' has no predictions"),
        (lambda: validate({"a": world(2)}, world(2)).of("b", "ndcg"), "'b' by 'ndcg'; predictors are a, measures"),
        (
            lambda: validate({"a": {"t": {"x": 1.0, "y": float("inf"), "z": 0.0}}}, {"t": {"x": 1.0, "y": 0, "z": 2}}),
            "'y'",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(DataError, match=sentence):
        call()
