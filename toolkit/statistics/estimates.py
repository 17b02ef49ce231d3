"""Estimates: a number with its 95 % interval and its p-value, and Holm's correction of p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.statistics.outcomes import Floats

LEVEL = 0.05
TIE = 1e-12  # two ratios of the same counts may differ by rounding


class Tested:
    """A number that was tested against chance.

    Attributes:
        p: before any correction.
        adjusted: after Holm's correction for all tests of the same family; None before that.
    """

    p: float
    adjusted: float | None

    @property
    def corrected(self) -> float:
        """The p-value, after the correction if there was one."""
        return self.p if self.adjusted is None else self.adjusted

    @property
    def is_significant(self) -> bool:
        """Whether the number is more than chance at the level of 5 %, after the correction if there was one."""
        return self.corrected <= LEVEL


@dataclass(frozen=True)
class Error:
    """Standard error of a number, by what it comes from.

    Attributes:
        rows: of the choice of test rows.
        seeds: of the seeds of its trainings; 0 if none has several, or if they make no difference.
        degrees: of freedom of `seeds` (Welch 1947, Satterthwaite 1946).
    """

    rows: float
    seeds: float = 0.0
    degrees: float = 1.0

    @property
    def whole(self) -> float:
        """The standard error of both together."""
        return math.hypot(self.rows, self.seeds)

    @property
    def all_degrees(self) -> float:
        """The degrees of freedom of both together; that of the rows counts as known."""
        return self.degrees * (self.whole / self.seeds) ** 4 if self.seeds else math.inf


@dataclass(frozen=True)
class Estimate(Tested):
    """A number with its 95 % interval and its p-value.

    Attributes:
        value: a fraction; of a difference in [-1, 1].
        low, high: the interval that covers the true number in 95 of 100 test sets.
        p: of a difference: the share of resamples that deviate from it by as much as it deviates from 0, two-sided; the
            interval leaves out 0 exactly where `p` is at most 0.05.
        adjusted: `p` after Holm's correction for all tests of the same family; None before that.
        tests: how many tests the family has.
        error: of the number; None if it is not known.
    """

    value: float
    low: float
    high: float
    p: float
    adjusted: float | None = None
    tests: int = 1
    error: Error | None = None


def estimate(observed: float, replicates: Floats, *, level: float = LEVEL) -> Estimate:
    """Return a number with its interval and its p-value from resamples of it.

    With d the number observed and d_b that of resample b, `p` is (1 + the count of |d_b - d| >= |d|) / (B + 1), and the
    interval is d +- the k-th largest |d_b - d|, k = floor(level * (B + 1)): the interval leaves out 0 exactly where p <= level.

    Args:
        observed: d.
        replicates: float64 [B], d_b.
        level: one minus the interval's coverage.
    """
    deviations = np.abs(replicates - observed)
    k = int(np.floor(level * (len(deviations) + 1)))
    half = float(np.partition(deviations, -k)[-k]) if k else np.inf
    p = (1 + int((deviations >= abs(observed) - TIE).sum())) / (len(deviations) + 1)
    return Estimate(observed, observed - half, observed + half, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the chance of any wrong claim among them is at most the level (Holm 1979).

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
