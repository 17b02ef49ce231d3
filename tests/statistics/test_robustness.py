from __future__ import annotations

import numpy as np
import pytest

from toolkit.statistics.outcomes import Outcomes
from toolkit.statistics.robustness import CLEAN, falls

RNG = np.random.default_rng(0)
N = 400


def _right(share: float) -> Outcomes:
    right = (RNG.permutation(N) < round(share * N)).astype(float)[None]
    return Outcomes(tuple(str(i) for i in range(N)), right, np.ones((1, N)))


def _outcomes(**noisy: float) -> dict:
    found = {}
    for name, share in noisy.items():
        found[name, CLEAN, 0.0] = {"en": _right(0.8), "de": _right(0.6)}
        found[name, "swap", 0.2] = {"en": _right(share), "de": _right(share - 0.2)}
    return found


def test_the_drop_is_the_mean_over_languages_of_clean_minus_noisy() -> None:
    (fall,) = falls(_outcomes(a=0.5), baseline="a", is_parallel=False, n_resamples=500)
    assert (fall.clean, fall.noisy) == (pytest.approx(0.7), pytest.approx(0.4))
    assert fall.drop.value == pytest.approx(0.3)
    assert fall.drop_rate == pytest.approx(0.3 / 0.7)
    assert fall.drop.low < 0.3 < fall.drop.high and fall.drop.is_significant
    assert fall.gain is None and fall.spared is None


def test_the_more_robust_of_two_is_spared_what_the_other_loses_more() -> None:
    base, other = falls(_outcomes(a=0.4, b=0.7), baseline="a", is_parallel=False, n_resamples=500)
    assert base.spared is None
    assert other.spared is not None and other.gain is not None
    assert other.spared.value == pytest.approx(0.3) == pytest.approx(other.gain.value)
    assert other.spared.is_significant


def test_two_that_fall_alike_are_not_told_apart() -> None:
    _, other = falls(_outcomes(a=0.5, b=0.5), baseline="a", is_parallel=False, n_resamples=500)
    assert other.spared is not None and not other.spared.is_significant


def test_a_language_without_the_perturbation_counts_in_neither_mean() -> None:
    found = _outcomes(a=0.5)
    del found["a", "swap", 0.2]["de"]
    (fall,) = falls(found, baseline="a", is_parallel=False, n_resamples=500)
    assert fall.languages == ("en",) and fall.clean == pytest.approx(0.8)


def test_p_values_are_corrected_for_all_tests_of_a_kind() -> None:
    found = _outcomes(a=0.7, b=0.72)
    for s in (0.3, 0.4, 0.5):
        for name in ("a", "b"):
            found[name, "swap", s] = {"en": _right(0.6), "de": _right(0.4)}
    fall = next(f for f in falls(found, baseline="a", is_parallel=False, n_resamples=500) if f.composition == "b")
    assert fall.spared is not None and fall.spared.adjusted is not None
    assert fall.spared.adjusted >= fall.spared.p
