"""Draws: a number with its values on resampled test sets; sums and differences of draws are draws.

Source: Rao and Wu 1988 for resampled seeds; Satterthwaite 1946 and Welch 1947 for the error that seeds add.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from toolkit.statistics.estimates import TIE, Error, Estimate, estimate
from toolkit.statistics.generators import generator
from toolkit.statistics.outcomes import Floats

Training = tuple[str, str]
"""A training: the draw of test rows that it was scored on, and a name of what was trained."""


@dataclass(frozen=True)
class Draws:
    """A number with its values on resampled test sets; sums and multiples of draws are draws.

    Attributes:
        value: the number observed.
        replicates: float64 [B], the number on other rows; the effect of other seeds is kept in `seeds`.
        seeds: training -> float64 [R], the deviation of each of its seeds from their mean, as part of this number.

    Example:
        >>> one = Draws(0.5, np.array([0.4, 0.6]))
        >>> (one - one * 0.5).value
        0.25
    """

    value: float
    replicates: Floats
    seeds: Mapping[Training, Floats] = field(default_factory=dict)

    def __add__(self, other: Draws) -> Draws:
        seeds = dict(self.seeds)
        for training, deviations in other.seeds.items():
            seeds[training] = seeds[training] + deviations if training in seeds else deviations
        return Draws(self.value + other.value, self.replicates + other.replicates, seeds)

    def __sub__(self, other: Draws) -> Draws:
        return self + other * -1.0

    def __mul__(self, factor: float) -> Draws:
        seeds = {training: deviations * factor for training, deviations in self.seeds.items()}
        return Draws(self.value * factor, self.replicates * factor, seeds)

    @property
    def estimate(self) -> Estimate:
        """The number with its interval, and the p-value of a difference.

        Each replicate gets a draw from Student's t, as wide as the standard error of the seeds, with the degrees of
        freedom of Welch (1947) and Satterthwaite (1946): two or three seeds estimate their own spread poorly.
        """
        spread, degrees = _seed_error(self.seeds)
        error = Error(float(self.replicates.std()), spread, degrees)
        if not spread:
            return replace(estimate(self.value, self.replicates), error=error)
        noise = np.random.default_rng(0).standard_t(degrees, len(self.replicates))
        return replace(estimate(self.value, self.replicates + spread * noise), error=error)

    def resampled(self) -> Floats:
        """Return float64 [B]: the replicates with resampled seeds, for statistics of several numbers.

        Of R seeds each replicate takes the mean over R - 1, drawn with replacement, which gives the variance of a mean over R
        (Rao and Wu 1988). Trainings are drawn independently of each other; one that several numbers share takes the same
        seeds in all of them.
        """
        out = self.replicates.copy()
        for training, deviations in sorted(self.seeds.items(), key=lambda item: item[0]):
            n, rng = len(deviations), generator(training)
            out += deviations[rng.integers(0, n, size=(len(out), n - 1))].mean(1)
        return out


def mean_draws(some: Sequence[Draws]) -> Draws:
    """Return the mean of one or more numbers; their order changes no bit of it.

    Example:
        >>> mean_draws([Draws(1.0, np.ones(2))] * 49).value
        1.0
    """
    seeds: dict[Training, list[Floats]] = {}
    for each in some:
        for training, deviations in each.seeds.items():
            seeds.setdefault(training, []).append(deviations)
    n = len(some)
    return Draws(
        math.fsum(each.value for each in some) / n,
        _sum([each.replicates for each in some]) / n,
        {training: _sum(found) / n for training, found in seeds.items()},
    )


def _sum(arrays: Sequence[Floats]) -> Floats:
    """Return the sum of arrays, added up from the smallest number to the largest, so that their order changes no bit."""
    total: Floats = np.sort(np.stack(arrays), axis=0).sum(axis=0)
    return total


@dataclass(frozen=True)
class Resampled:
    """Scores of several compositions on the same resampled test sets.

    Attributes:
        languages: L codes.
        observed: composition -> float64 [L, R], of each training seed.
        replicates: composition -> float64 [B, L], means over seeds; row b is the same draw of test rows for all of them.
        trainings: composition -> the training that it comes from.
    """

    languages: tuple[str, ...]
    observed: Mapping[str, Floats]
    replicates: Mapping[str, Floats]
    trainings: Mapping[str, Training]

    def draws(self, name: str, languages: Sequence[str]) -> Draws:
        """Return the mean of a composition over languages."""
        places = [self.languages.index(code) for code in languages]
        by_seed = self.observed[name][places].mean(0)
        seeds = {self.trainings[name]: by_seed - by_seed.mean()} if len(by_seed) > 1 else {}
        return Draws(float(by_seed.mean()), self.replicates[name][:, places].mean(1), seeds)

    def score(self, name: str, languages: Sequence[str]) -> Estimate:
        """Return the mean score of a composition over languages, its interval within [0, 1]; its `p` has no meaning."""
        found = self.draws(name, languages).estimate
        return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))

    def difference(self, name: str, baseline: str, languages: Sequence[str]) -> Estimate:
        """Return the difference of two compositions, in the mean over languages."""
        return (self.draws(name, languages) - self.draws(baseline, languages)).estimate


def _seed_error(seeds: Mapping[Training, Floats]) -> tuple[float, float]:
    """Return the standard error of a number that comes from the seeds of its trainings, and its degrees of freedom."""
    variances = [(float((found**2).sum()) / (len(found) - 1) / len(found), len(found) - 1) for found in seeds.values()]
    whole = math.fsum(variance for variance, _ in variances)
    if whole <= TIE**2:
        return 0.0, 1.0
    return whole**0.5, whole**2 / math.fsum(variance**2 / degrees for variance, degrees in variances)
