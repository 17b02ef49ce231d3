"""Power: the smallest difference that a test of `Draws.estimate` would have seen, and the seeds that a difference needs.

The test calls a difference more than chance if it exceeds the half-width of its interval, which joins the error of the test rows
(normal) and that of the seeds (Student's t as wide as the seeds' standard error). A true difference exceeds it as often as a
noncentral t with the degrees of freedom of both errors together says, which is exact where the rows make no difference.

Source: Cohen 1988, Statistical power analysis; Card et al. 2020, With little power comes great responsibility (EMNLP); Welch 1947.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from toolkit.statistics.estimates import LEVEL, Error, Estimate

POWER = 0.8
MOST_SEEDS = 1000
_MANY = 1e6  # degrees of freedom from which Student's t is the normal distribution


def smallest_effect(error: Error, *, level: float = LEVEL, power: float = POWER) -> float | None:
    """Return the smallest true difference that a test with this error calls more than chance with a given probability.

    Args:
        error: of the difference.
        level: probability of calling no difference one, two-sided.
        power: probability of seeing the difference.

    Returns:
        A positive number in the unit of the error; None if it cannot be said: with one seed nothing is known of others.

    Example:
        >>> round(smallest_effect(Error(rows=0.0, seeds=1.0, degrees=4.0)), 2)
        3.76
        >>> smallest_effect(Error(rows=1.0)) is None
        True
    """
    if not error.seeds or not math.isfinite(error.seeds + error.rows):
        return None
    unit = error.whole  # in units of the whole error, so that like tests are computed once
    found = _smallest(round(error.rows / unit, 9), round(error.seeds / unit, 9), round(error.degrees, 9), level, power)
    return found * unit


def smallest_seen(estimate: Estimate) -> float | None:
    """Return the smallest effect of a difference's own test: at the level that Holm's strictest step leaves its family."""
    return None if estimate.error is None else smallest_effect(estimate.error, level=LEVEL / estimate.tests)


def power_of(effect: float, error: Error, *, level: float = LEVEL) -> float:
    """Return how often a test with this error calls a true difference more than chance, in [0, 1].

    Example:
        >>> round(power_of(3.76, Error(rows=0.0, seeds=1.0, degrees=4.0)), 2)
        0.8
    """
    if not error.whole:
        return float(effect > 0)
    return _exceeds(half_width(error, level=level) / error.whole, effect / error.whole, error.all_degrees)


def half_width(error: Error, *, level: float = LEVEL) -> float:
    """Return the half-width of the interval that the test gives a difference with this error.

    Example:
        >>> round(half_width(Error(rows=1.0)), 2), round(half_width(Error(rows=0.0, seeds=1.0, degrees=4.0)), 2)
        (1.96, 2.78)
    """
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import ndtri, stdtr, stdtrit

    normal = -float(ndtri(level / 2)) * error.rows
    student = -float(stdtrit(error.degrees, level / 2)) * error.seeds if error.seeds else 0.0
    if not normal or not student:
        return normal + student
    z = np.linspace(-8.0, 8.0, 1601)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()

    def excess(half: float) -> float:
        beyond = 2 * stdtr(error.degrees, (error.rows * z - half) / error.seeds)  # symmetric: both tails are equal
        return float(weights @ beyond) - level

    return float(brentq(excess, max(normal, student) * 0.999, normal + student, rtol=1e-9))


@dataclass(frozen=True)
class Need:
    """What a difference needs to be seen.

    Attributes:
        seeds: of each of the two compositions; None if no number up to `MOST_SEEDS` is enough.
        rows_alone: the smallest difference that could be seen if seeds made none.
    """

    seeds: int | None
    rows_alone: float


def seeds_needed(
    effect: float, spread: float, *, rows: float = 0.0, level: float = LEVEL, power: float = POWER
) -> Need:
    """Return how many seeds of each of two compositions a difference between them needs to be seen.

    Args:
        effect: the true difference, positive.
        spread: standard deviation of a composition's score over seeds.
        rows: standard error of the difference that comes from the choice of test rows; more seeds do not lower it.
        level, power: as for `smallest_effect`.

    Example:
        >>> seeds_needed(2.0, 1.0).seeds, seeds_needed(2.0, 1.0, rows=1.0).seeds
        (6, None)
    """
    from scipy.special import ndtri

    rows_alone = rows * float(ndtri(1 - level / 2) + ndtri(power))

    def sees(seeds: int) -> bool:
        found = smallest_effect(Error(rows, spread * math.sqrt(2 / seeds), 2.0 * (seeds - 1)), level=level, power=power)
        return found is None or found <= effect

    if rows_alone >= effect or not sees(MOST_SEEDS):
        return Need(None, rows_alone)
    low, high = 1, 2
    while not sees(high):
        low, high = high, min(2 * high, MOST_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if sees(middle) else (middle, high)
    return Need(high, rows_alone)


@lru_cache(maxsize=4096)
def _smallest(rows: float, seeds: float, degrees: float, level: float, power: float) -> float:
    from scipy.optimize import brentq

    error = Error(rows, seeds, degrees)
    reach, freedom = half_width(error, level=level) / error.whole, error.all_degrees
    high = reach
    while _exceeds(reach, high, freedom) < power:
        high *= 1.5
    found = brentq(lambda shift: _exceeds(reach, shift, freedom) - power, 0.0, high, xtol=1e-6)
    return float(found) * error.whole


def _exceeds(reach: float, shift: float, degrees: float) -> float:
    """Return the probability that a noncentral t of this shift is beyond `reach` on either side."""
    from scipy.special import nctdtr, ndtr

    if degrees >= _MANY:
        return float(ndtr(shift - reach) + ndtr(-shift - reach))
    wrong_side = float(nctdtr(degrees, shift, -reach))  # scipy 1.17 gives NaN where it is too small to compute
    return 1 - float(nctdtr(degrees, shift, reach)) + (0.0 if math.isnan(wrong_side) else wrong_side)
