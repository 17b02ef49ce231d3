"""Bounds of scores, p-values and intervals, on random outcomes and on perfect ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies

from tests.bounds import ROUNDING, hundred, seeds, thirty
from toolkit.statistics.bootstrap import resample
from toolkit.statistics.draws import mean_draws
from toolkit.statistics.estimates import estimate, holm
from toolkit.statistics.outcomes import Outcomes
from toolkit.statistics.robustness import CLEAN, falls

B = 39


def outcomes(rng, n, n_seeds, *, right=None):
    """Return outcomes of whole counts, `2 tp` over `2 tp + fp + fn`; or all right."""
    most = rng.integers(1, 4, size=(n_seeds, n)).astype(float)
    found = most if right else np.minimum(rng.integers(0, 4, size=(n_seeds, n)), most).astype(float)
    return Outcomes(tuple(map(str, range(n))), found, most)


@given(strategies.lists(strategies.floats(0, 1), max_size=9))
@hundred
def test_corrected_p_values_are_no_smaller_and_at_most_one(p_values):
    adjusted = holm(p_values)
    assert all(p <= corrected <= 1 for p, corrected in zip(p_values, adjusted, strict=True))


@given(strategies.floats(-1, 1), strategies.lists(strategies.floats(-1, 1), min_size=1, max_size=99))
@hundred
def test_an_estimate_lies_within_its_interval_and_its_p_value_within_bounds(observed, replicates):
    found = estimate(observed, np.array(replicates))
    assert found.low <= found.value <= found.high
    assert 0 < found.p <= 1
    assert (found.low <= 0 <= found.high) == (found.p > 0.05) or abs(observed) <= ROUNDING


@given(seeds)
@thirty
def test_scores_are_fractions_and_perfect_ones_exactly_one(seed):
    rng = np.random.default_rng(seed)
    n, n_seeds, codes = int(rng.integers(1, 7)), int(rng.integers(1, 4)), ["en", "de", "sw"]
    systems = {
        "random": {code: outcomes(rng, n, n_seeds) for code in codes},
        "perfect": {code: outcomes(rng, n, n_seeds, right=True) for code in codes},
    }
    drawn = resample(systems, is_parallel=bool(rng.integers(2)), n_resamples=B, seed=seed)
    for name in systems:
        draws = drawn.draws(name, codes)
        assert 0 <= draws.value <= 1
        assert draws.replicates.min() >= 0 and draws.replicates.max() <= 1
        assert all(0 <= each.value <= 1 for each in systems[name].values())
        assert 0 <= mean_draws([drawn.draws(name, [code]) for code in codes] * int(rng.integers(1, 99))).value <= 1
        score = drawn.score(name, codes)
        assert 0 <= score.low <= score.value <= score.high <= 1
    assert mean_draws([drawn.draws("perfect", codes)] * int(rng.integers(1, 99))).value == 1.0
    assert drawn.draws("perfect", codes).value == 1.0 and set(drawn.draws("perfect", codes).replicates) == {1.0}
    difference = drawn.difference("random", "perfect", codes)
    assert -1 <= difference.value <= 0 and 0 < difference.p <= 1
    same = drawn.difference("random", "random", codes)
    assert (same.value, same.p) == (0.0, 1.0)


@given(seeds)
@thirty
def test_falls_are_at_most_the_clean_score(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    scored = {(name, p, s): {"en": outcomes(rng, n, 1)} for name in "ab" for p, s in ((CLEAN, 0.0), ("typos", 0.5))}
    for fall in falls(scored, baseline="a", is_parallel=False, n_resamples=B, seed=seed):
        assert 0 <= fall.noisy <= 1 and 0 <= fall.clean <= 1
        assert -1 <= fall.drop.value <= 1 and fall.drop_rate <= 1
        for tested in (fall.drop, fall.gain, fall.spared):
            assert tested is None or (tested.p <= tested.corrected <= 1 and -2 <= tested.value <= 2)
