"""Power by simulation of the reports' own test, and against plain t tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from toolkit.statistics.draws import Draws
from toolkit.statistics.estimates import Error
from toolkit.statistics.power import Need, half_width, power_of, seeds_needed, smallest_effect

TRIES = 600


def rejected(
    rng: np.random.Generator, effect: float, *, seeds: int, spread: float, rows: float, draws: int = 499
) -> int:
    """Return in how many of TRIES simulated comparisons the test of the reports calls the difference more than chance."""
    unit = rng.standard_normal(draws)
    unit = (unit - unit.mean()) / unit.std()
    count = 0
    for _ in range(TRIES):
        a, b = rng.normal(effect, spread, seeds), rng.normal(0.0, spread, seeds)
        value = float(a.mean() - b.mean() + rows * rng.standard_normal())
        found = Draws(value, value + rows * unit, {("d", "a"): a - a.mean(), ("d", "b"): b.mean() - b})
        count += found.estimate.is_significant
    return count


def bounds(share: float) -> tuple[float, float]:
    """Return the counts between which a binomial number of TRIES is in all but one of 10,000 cases."""
    low, high = stats.binom.interval(0.9999, TRIES, share)
    return float(low), float(high)


@pytest.mark.parametrize(("seeds", "rows"), [(3, 0.0), (5, 0.0), (3, 0.5), (5, 1.0)])
def test_no_difference_is_called_one_at_most_as_often_as_stated(seeds: int, rows: float) -> None:
    found = rejected(np.random.default_rng(seeds), 0.0, seeds=seeds, spread=1.0, rows=rows)
    assert found <= bounds(0.05)[1]


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_smallest_effect_of_seeds_is_seen_as_often_as_stated(seeds: int) -> None:
    effect = smallest_effect(Error(0.0, math.sqrt(2 / seeds), 2 * (seeds - 1)))
    assert effect is not None
    found = rejected(np.random.default_rng(7), effect, seeds=seeds, spread=1.0, rows=0.0)
    low, high = bounds(0.8)
    # The test takes its degrees of freedom from the seeds seen (Welch), which are fewer than the plan's 2 (R - 1).
    assert low - 0.06 * TRIES <= found <= high


@pytest.mark.parametrize("rows", [0.3, 1.0])
def test_the_smallest_effect_of_seeds_and_rows_is_seen_about_as_often_as_stated(rows: float) -> None:
    effect = smallest_effect(Error(rows, math.sqrt(2 / 4), 6.0))
    assert effect is not None
    found = rejected(np.random.default_rng(8), effect, seeds=4, spread=1.0, rows=rows)
    low, high = bounds(0.8)
    assert low - 0.06 * TRIES <= found <= high


@pytest.mark.parametrize("degrees", [2.0, 4.0, 9.5])
def test_without_rows_it_is_the_noncentral_t(degrees: float) -> None:
    error = Error(0.0, 2.0, degrees)
    effect = smallest_effect(error, level=0.01, power=0.9)
    assert effect is not None
    critical = stats.t.isf(0.005, degrees)
    assert half_width(error, level=0.01) == pytest.approx(2 * critical)
    assert stats.nct.sf(critical, degrees, effect / 2) == pytest.approx(0.9, abs=1e-5)
    assert power_of(0.0, error, level=0.01) == pytest.approx(0.01, abs=1e-6)


@pytest.mark.parametrize("seeds", [0.001, 0.2, 1.0, 5.0])
def test_the_half_width_is_that_of_the_intervals_drawn(seeds: float) -> None:
    rng = np.random.default_rng(3)
    drawn = rng.standard_normal(100_000) + seeds * rng.standard_t(4, 100_000)
    assert half_width(Error(1.0, seeds, 4.0)) == pytest.approx(float(np.quantile(np.abs(drawn), 0.95)), rel=0.03)


def test_one_seed_cannot_say() -> None:
    found = Draws(0.1, np.random.default_rng(0).normal(0.1, 0.01, 999)).estimate
    assert found.error is not None and smallest_effect(found.error) is None
    assert smallest_effect(Error(0.0, 0.0)) is None


def test_a_stricter_level_needs_a_larger_effect_also_in_the_far_tail() -> None:
    sizes = [smallest_effect(Error(0.1, 1.0, 2.0), level=0.05 / tests) for tests in (1, 10, 100, 1000)]
    assert all(one is not None for one in sizes)
    assert sizes == sorted(sizes, key=float) and len(set(sizes)) == 4


def test_the_seeds_that_a_difference_needs_are_the_fewest() -> None:
    for effect, spread, rows in ((2.0, 1.0, 0.0), (1.0, 1.0, 0.2), (5.0, 1.0, 1.0)):
        need = seeds_needed(effect, spread, rows=rows)
        assert need.seeds is not None and need.seeds >= 2

        def power(seeds: int, effect: float = effect, spread: float = spread, rows: float = rows) -> float:
            return power_of(effect, Error(rows, spread * math.sqrt(2 / seeds), 2 * (seeds - 1)))

        assert power(need.seeds) >= 0.8 - 1e-6
        assert need.seeds == 2 or power(need.seeds - 1) < 0.8
    assert seeds_needed(2.0, 1.0).seeds == 6


def test_no_number_of_seeds_makes_up_for_few_test_rows() -> None:
    assert seeds_needed(2.0, 1.0, rows=1.0) == Need(None, pytest.approx(2.80, abs=0.01))
