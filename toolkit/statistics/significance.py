"""Whether a difference between compositions is more than chance: a paired bootstrap over the rows scored.

Every score here is a ratio of two sums over rows. A mean (accuracy, a question's F1 or EM) has 1 in each denominator; a
corpus-level F1 has `2 tp` over `2 tp + fp + fn`. A resample draws as many rows as there are, with replacement, the same ones
for all compositions, and sums again. The definitions, and why, are in docs/decisions/0020-significance.md.

Source: Koehn 2004, Statistical significance tests for machine translation evaluation; Berg-Kirkpatrick, Burkett and Klein
2012, An empirical investigation of statistical significance in NLP; Holm 1979; for seeds Satterthwaite 1946, Welch 1947.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DataError

RESAMPLES = 10_000
LEVEL = 0.05
_CHUNK = 250  # resamples whose weights are in memory at once
_TIE = 1e-12  # two ratios of the same counts may differ by rounding

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """What one composition's answers are worth, row by row, in one language.

    Args:
        ids: N ids, in the order of the rows.
        numerators: float64 [R, N], one line for each training seed.
        denominators: float64 [R, N], not negative; a ratio of 0 to 0 counts as 0.
    """

    ids: tuple[str, ...]
    numerators: Floats
    denominators: Floats

    def __post_init__(self) -> None:
        shape = (self.numerators.shape[0], len(self.ids))
        if self.numerators.ndim != 2 or self.numerators.shape != shape or self.denominators.shape != shape:
            raise ValueError(
                f"Outcomes of {len(self.ids)} rows need two arrays [R, {len(self.ids)}], not "
                f"{self.numerators.shape} and {self.denominators.shape}."
            )
        if not self.ids:
            raise ValueError("Outcomes need at least one row.")

    @property
    def value(self) -> float:
        """The score: the mean over seeds of the ratio of sums."""
        return float(self.by_seed.mean())

    @property
    def by_seed(self) -> Floats:
        """The score of each seed: float64 [R]."""
        return _ratio(self.numerators.sum(1), self.denominators.sum(1))


class Tested:
    """What was tested against chance.

    Attributes:
        p: before any correction.
        adjusted: after Holm's correction for all tests of the same family; None before that.
    """

    p: float
    adjusted: float | None

    @property
    def corrected(self) -> float:
        """Its p, after the correction where that was done."""
        return self.p if self.adjusted is None else self.adjusted

    @property
    def is_significant(self) -> bool:
        """Whether it is more than chance at the level of 5 %, corrected where that was done."""
        return self.corrected <= LEVEL


@dataclass(frozen=True)
class Estimate(Tested):
    """A number and how sure it is.

    Attributes:
        value: a fraction; of a difference in [-1, 1].
        low, high: the interval that covers the true number in 95 of 100 test sets.
        p: of a difference: the share of resamples that deviate from it by as much as it deviates from 0, two-sided; the
            interval leaves out 0 exactly where `p` is at most 0.05.
        adjusted: `p` after Holm's correction for all tests of the same family; None before that.
    """

    value: float
    low: float
    high: float
    p: float
    adjusted: float | None = None


Training = tuple[str, str]
"""The draw of test rows that it was scored on, and what was trained."""


@dataclass(frozen=True)
class Draws:
    """A number, and what it would have been on resampled test sets; sums of such numbers are such numbers.

    Attributes:
        value: the number observed.
        replicates: float64 [B], on other rows; what other seeds do to it is apart.
        seeds: training -> float64 [R], by how much each of its seeds deviates from their mean, as part of this number.

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
        """The number with its interval, and p for what is a difference.

        To each replicate comes a draw from Student's t, as wide as the standard error that the seeds have, with the degrees of
        freedom of Welch (1947) and Satterthwaite (1946): two or three seeds know little of their own spread.
        """
        spread, degrees = _seed_error(self.seeds)
        if not spread:
            return estimate(self.value, self.replicates)
        noise = np.random.default_rng(0).standard_t(degrees, len(self.replicates))
        return estimate(self.value, self.replicates + spread * noise)

    def resampled(self, key: int) -> Floats:
        """Return float64 [B]: the replicates with other seeds as well, for what is made of several numbers.

        Of R seeds each replicate takes the mean over R - 1, drawn with replacement, which gives the variance of a mean over R
        (Rao and Wu 1988).

        Args:
            key: numbers with different keys are drawn independently of each other.
        """
        out = self.replicates.copy()
        for number, deviations in enumerate(self.seeds.values()):
            n, rng = len(deviations), np.random.default_rng((key, number))
            out += deviations[rng.integers(0, n, size=(len(out), n - 1))].mean(1)
        return out


def mean_draws(some: Sequence[Draws]) -> Draws:
    """Return the mean of numbers, at least one."""
    first, *others = some
    for each in others:
        first = first + each
    return first * (1 / len(some))


@dataclass(frozen=True)
class Resampled:
    """Scores of several compositions on the same resampled test sets.

    Attributes:
        languages: L codes.
        observed: composition -> float64 [L, R], of each training seed.
        replicates: composition -> float64 [B, L], means over seeds; row b is the same draw of test rows for all of them.
        trainings: composition -> what was trained for it.
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
        """Return the mean of a composition over languages; its `p` has no meaning."""
        return self.draws(name, languages).estimate

    def difference(self, name: str, baseline: str, languages: Sequence[str]) -> Estimate:
        """Return how much better a composition is than another, in the mean over languages."""
        return (self.draws(name, languages) - self.draws(baseline, languages)).estimate


def resample(
    systems: Mapping[str, Mapping[str, Outcomes]],
    *,
    is_parallel: bool,
    n_resamples: int = RESAMPLES,
    seed: int | Sequence[int] = 0,
    trained: Mapping[str, str] | None = None,
) -> Resampled:
    """Draw test sets from the rows, and score every composition on each of them.

    Languages are resampled each for itself. Where the rows of all languages are translations of the same examples, an
    example is drawn in all languages together: its 15 translations are one observation and not 15. What a
    composition's seeds make of it is kept apart (`Draws`).

    Args:
        systems: composition -> language -> outcomes; all with the same languages and the same rows.
        is_parallel: whether an id means the same example in every language.
        n_resamples: B.
        seed: of the draws; several numbers where several test sets are drawn and are to be independent.
        trained: composition -> what was trained for it; those of one training (scored on clean and on noisy rows, say) are given the
            same seeds, which cancel in their difference. None: each has a training of its own.

    Raises:
        DataError: the compositions were not scored on the same rows.

    Example:
        >>> import numpy as np
        >>> def answers(right): return Outcomes(("a", "b", "c", "d"), np.array([right], float), np.ones((1, 4)))
        >>> both = {"x": {"de": answers([1, 1, 1, 0])}, "y": {"de": answers([1, 0, 0, 0])}}
        >>> found = resample(both, is_parallel=False, n_resamples=1000).difference("x", "y", ["de"])
        >>> found.value, found.low <= 0 < found.high, found.p > 0.05
        (0.5, True, True)
    """
    names = list(systems)
    languages = tuple(systems[names[0]])
    for name in names[1:]:
        _require_same_rows(names[0], systems[names[0]], name, systems[name])
    rows_rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    by_seed = {name: np.empty((n_resamples, len(languages), _n_seeds(systems[name])), np.float64) for name in names}
    for group in [languages] if is_parallel else [(code,) for code in languages]:
        columns, slots = _columns(systems, group)
        for first in range(0, n_resamples, _CHUNK):
            n = min(_CHUNK, n_resamples - first)
            sums = _weights(rows_rng, n, columns.shape[0]) @ columns  # [n, columns]
            for (name, code), at in slots.items():
                numerators, denominators = np.split(sums[:, at], 2, axis=1)  # each [n, R]
                by_seed[name][first : first + n, languages.index(code)] = _ratio(numerators, denominators)
    replicates = {name: values.mean(2) for name, values in by_seed.items()}
    observed = {name: np.stack([systems[name][code].by_seed for code in languages]) for name in names}
    trainings = {name: (repr(seed), (trained or {}).get(name, name)) for name in names}
    return Resampled(languages, observed, replicates, trainings)


def estimate(observed: float, replicates: Floats, *, level: float = LEVEL) -> Estimate:
    """Return a number with its interval and its p-value from resamples of it.

    With d the number observed and d_b that of resample b, `p` is (1 + the count of |d_b - d| >= |d|) / (B + 1), and the
    interval is d +- the k-th largest |d_b - d|, k = floor(level * (B + 1)): the two say the same.

    Args:
        observed: d.
        replicates: float64 [B], d_b.
        level: one minus the interval's coverage.
    """
    deviations = np.abs(replicates - observed)
    k = int(np.floor(level * (len(deviations) + 1)))
    half = float(np.partition(deviations, -k)[-k]) if k else np.inf
    p = (1 + int((deviations >= abs(observed) - _TIE).sum())) / (len(deviations) + 1)
    return Estimate(observed, observed - half, observed + half, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that one wrong claim among all of them is as rare as the level says (Holm 1979).

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


def _require_same_rows(first: str, expected: Mapping[str, Outcomes], name: str, found: Mapping[str, Outcomes]) -> None:
    if list(expected) != list(found):
        raise DataError(
            f"'{first}' was scored in {', '.join(expected)} and '{name}' in {', '.join(found)}; a paired test needs the "
            "same languages: name them with --languages."
        )
    for code, outcomes in expected.items():
        if outcomes.ids != found[code].ids:
            raise DataError(
                f"'{first}' and '{name}' were not scored on the same rows in {code} ({len(outcomes.ids)} and "
                f"{len(found[code].ids)} of them); a paired test needs them equal: score both again with one --data-root "
                "and one eval.limit."
            )


def _n_seeds(system: Mapping[str, Outcomes]) -> int:
    counts = {outcomes.numerators.shape[0] for outcomes in system.values()}
    if len(counts) > 1:
        raise DataError("The languages of a composition were scored with different seeds; score each with all of them.")
    return counts.pop()


def _columns(
    systems: Mapping[str, Mapping[str, Outcomes]], group: Sequence[str]
) -> tuple[Floats, dict[tuple[str, str], list[int]]]:
    """Return [units, columns] of what is summed, and for each composition and language its columns: R and R more.

    A unit is what is drawn: a row, or where languages are drawn together an id with its rows in all of them.
    """
    some = next(iter(systems.values()))
    if len(group) == 1:
        n_units, unit_of = len(some[group[0]].ids), {group[0]: np.arange(len(some[group[0]].ids))}
    else:
        number = {key: i for i, key in enumerate(dict.fromkeys(key for code in group for key in some[code].ids))}
        n_units, unit_of = len(number), {code: np.array([number[key] for key in some[code].ids]) for code in group}
    columns: list[Floats] = []
    slots: dict[tuple[str, str], list[int]] = {}
    for name, system in systems.items():
        for code in group:
            slots[name, code] = []
            for values in (*system[code].numerators, *system[code].denominators):
                slots[name, code].append(len(columns))
                columns.append(np.bincount(unit_of[code], weights=values, minlength=n_units).astype(np.float64))
    return np.stack(columns, axis=1), slots


def _weights(rng: np.random.Generator, n: int, n_units: int) -> Floats:
    """Return how often each unit is drawn in each of `n` resamples: float64 [n, units], every line sums to `n_units`."""
    drawn = rng.integers(0, n_units, size=(n, n_units))
    drawn += np.arange(n)[:, None] * n_units
    return np.bincount(drawn.ravel(), minlength=n * n_units).reshape(n, n_units).astype(np.float64)


def _seed_error(seeds: Mapping[Training, Floats]) -> tuple[float, float]:
    """Return the standard error that trainings' seeds give a number, and its degrees of freedom."""
    variances = [(float((found**2).sum()) / (len(found) - 1) / len(found), len(found) - 1) for found in seeds.values()]
    whole = sum(variance for variance, _ in variances)
    if whole <= _TIE**2:
        return 0.0, 1.0
    return whole**0.5, whole**2 / sum(variance**2 / degrees for variance, degrees in variances)


def _ratio(numerators: Floats, denominators: Floats) -> Floats:
    return np.divide(numerators, denominators, out=np.zeros_like(numerators), where=denominators > 0)
