"""Validation of predictors: their agreement with the observed gains, compared with that of the controls.

The unit is the target: a measure is taken on each target and averaged over targets, and an interval comes from drawing targets with
replacement, the same draws for all predictors. Two predictors are compared on the targets, and on each of them on the sources,
that both have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from toolkit.errors import DataError
from toolkit.similarity.agreement import MEASURES, Values, measures, random_values
from toolkit.similarity.checks import Floats

RESAMPLES = 10_000
LEVEL = 0.05
FEWEST_TARGETS = 6
"""With fewer targets no difference can be distinguished from chance: even one with the same sign on all T of them comes about in 2 of 2^T
ways to flip the signs, which is more than 5 % below 6. Intervals on fewer are to be called rough."""
LEAST_SOURCES = 3
"""Targets with fewer predicted sources are left out: a coin ranks two sources right half of the time."""
RANDOM = "random"
_EXACT = 13  # targets whose 8,192 flips of signs are all computed
_TIE = 1e-12

Verdict = Literal["beats the controls", "does not beat the controls", "cannot be told"]
BEATS: Final[Verdict] = "beats the controls"
DOES_NOT: Final[Verdict] = "does not beat the controls"
CANNOT_TELL: Final[Verdict] = "cannot be told"


@dataclass(frozen=True)
class Interval:
    """A mean over targets.

    Attributes:
        value: the mean over `by_target`; None if the measure is undefined on every target.
        low, high: 95 % bootstrap interval over targets; None with fewer than two targets.
        by_target: target -> number, if there is one.
        p: of a difference: the share of all ways to flip the signs of its targets that bring a mean as far from 0, two-sided:
            an exact test, which holds for few targets too, for which a bootstrap interval is too narrow.
    """

    value: float | None
    low: float | None
    high: float | None
    by_target: Mapping[str, float]
    p: float | None = None

    @property
    def n_targets(self) -> int:
        """How many targets the mean is over."""
        return len(self.by_target)

    @property
    def is_rough(self) -> bool:
        """Whether the interval rests on so few targets that it is called rough."""
        return self.n_targets < FEWEST_TARGETS


@dataclass(frozen=True)
class Measured:
    """One predictor by one measure.

    Attributes:
        predictor: its name.
        measure: one of `MEASURES`.
        estimate: the mean over targets.
        random: mean of a random ranking of the same sources on the same targets; None if undefined.
        against: control -> the mean paired difference, positive if the predictor is better, for every measure. `random`
            is one of the controls.
        verdict: `BEATS`, `DOES_NOT` or `CANNOT_TELL`; None for a control.
    """

    predictor: str
    measure: str
    estimate: Interval
    random: float | None
    against: Mapping[str, Interval]
    verdict: Verdict | None

    @property
    def beats_controls(self) -> bool:
        """Whether it is better than every control by more than chance."""
        return self.verdict == BEATS


@dataclass(frozen=True)
class Validation:
    """Every predictor by every measure.

    Attributes:
        measured: predictor by predictor, measure by measure.
        left_out: predictor -> target -> the sources without a number of it, or that it is not scored on.
        n_targets: how many targets there were.
    """

    measured: tuple[Measured, ...]
    left_out: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    n_targets: int = 0

    def of(self, predictor: str, measure: str) -> Measured:
        """Return one predictor by one measure.

        Raises:
            DataError: no such predictor or measure.
        """
        for each in self.measured:
            if (each.predictor, each.measure) == (predictor, measure):
                return each
        names = ", ".join(dict.fromkeys(each.predictor for each in self.measured))
        raise DataError(
            f"Nothing was measured for '{predictor}' by '{measure}'; predictors are {names}, measures {', '.join(MEASURES)}."
        )


def validate(
    predictions: Mapping[str, Mapping[str, Mapping[str, float | None]]],
    gains: Mapping[str, Values],
    *,
    controls: Sequence[str] = (),
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Validation:
    """Return how well predictors rank the sources of some targets, with intervals, compared with the controls.

    Args:
        predictions: predictor -> target -> source -> predicted value, None or absent if the predictor gives none.
        gains: target -> source -> observed gain.
        controls: predictors that every other one has to beat; a random ranking is always a control.
        n_resamples: B.
        seed: of the draws.

    Returns:
        A predictor beats the controls if it is better than each of them in the mean, with an interval of the paired difference
        above 0 and `p` at most 5 %, which needs `FEWEST_TARGETS` targets. It does not beat them if its mean is no better than
        that of some control. Otherwise the verdict is that this cannot be told.

    Raises:
        DataError: no target, a control that is not a predictor, a number that is not finite.

    Example:
        >>> gains = {f"target{i}": {"a": 0.03, "b": 0.01 * (i % 2), "c": -0.01} for i in range(8)}
        >>> right = {target: dict(found) for target, found in gains.items()}
        >>> wrong = {target: {name: -value for name, value in found.items()} for target, found in gains.items()}
        >>> found = validate({"right": right, "wrong": wrong}, gains, controls=["wrong"], n_resamples=200)
        >>> found.of("right", "spearman").estimate.value, found.of("right", "spearman").verdict
        (1.0, 'beats the controls')
    """
    if not gains:
        raise DataError("A validation was asked over no target; targets with observed gains are expected.")
    if odd := [name for name in controls if name not in predictions]:
        raise DataError(
            f"The control '{odd[0]}' has no predictions; predictors are {', '.join(predictions) or 'none'}."
        )
    # One draw of targets for everything, so that differences are paired: how often each target is drawn, [B, T]. They are
    # drawn by name: their order in `gains` changes no number.
    targets = sorted(gains)
    drawn = np.random.default_rng(seed).integers(0, len(targets), size=(n_resamples, len(targets)))
    weights = np.stack([(drawn == t).sum(axis=1) for t in range(len(targets))], axis=1).astype(np.float64)
    known = {name: _known(found, gains) for name, found in predictions.items()}
    found: list[Measured] = []
    for name in predictions:
        scored = _scores(known[name], gains)
        by_chance = {target: random_values(_only(gains[target], known[name][target])) for target in scored}
        rivals = {control: known[control] for control in controls if control != name}
        paired = {control: _paired(known[name], other, gains) for control, other in rivals.items()}
        paired[RANDOM] = {target: (scored[target], by_chance[target]) for target in scored}
        for measure, is_higher_better in MEASURES.items():
            sign = 1.0 if is_higher_better else -1.0
            estimate = _interval(_defined(scored, measure), targets, weights)
            chance = _defined({target: by_chance[target] for target in estimate.by_target}, measure)
            against = {
                control: _tested(_interval(_differences(pairs, measure, sign), targets, weights), seed)
                for control, pairs in paired.items()
            }
            verdict = None if name in controls else _verdict(against)
            mean = math.fsum(chance.values()) / len(chance) if chance else None
            found.append(Measured(name, measure, estimate, mean, against, verdict))
    left_out = {
        name: {
            target: missing for target in gains if (missing := tuple(s for s in gains[target] if s not in at[target]))
        }
        for name, at in known.items()
    }
    return Validation(tuple(found), {name: at for name, at in left_out.items() if at}, len(targets))


_ByTarget = Mapping[str, Mapping[str, float]]
_Measures = Mapping[str, float | None]


def _known(
    predicted: Mapping[str, Mapping[str, float | None]], gains: Mapping[str, Values]
) -> dict[str, dict[str, float]]:
    """Return target -> source -> prediction, of the sources that have both; nothing for a target with too few of them."""
    found = {}
    for target, observed in gains.items():
        given = predicted.get(target, {})
        both = {source: value for source in observed if (value := given.get(source)) is not None}
        found[target] = both if len(both) >= LEAST_SOURCES else {}
    return found


def _only(values: Values, sources: Mapping[str, float]) -> dict[str, float]:
    return {source: value for source, value in values.items() if source in sources}


def _scores(predicted: _ByTarget, gains: Mapping[str, Values]) -> dict[str, _Measures]:
    return {target: measures(given, _only(gains[target], given)) for target, given in predicted.items() if given}


def _paired(one: _ByTarget, other: _ByTarget, gains: Mapping[str, Values]) -> dict[str, tuple[_Measures, _Measures]]:
    """Return both predictors' measures on the sources that both have."""
    found: dict[str, tuple[_Measures, _Measures]] = {}
    for target in gains:
        common = {source: value for source, value in one[target].items() if source in other[target]}
        if len(common) >= LEAST_SOURCES:
            observed = _only(gains[target], common)
            found[target] = (measures(common, observed), measures(_only(other[target], common), observed))
    return found


def _defined(scored: Mapping[str, _Measures], measure: str) -> dict[str, float]:
    return {target: value for target, each in scored.items() if (value := each[measure]) is not None}


def _differences(pairs: Mapping[str, tuple[_Measures, _Measures]], measure: str, sign: float) -> dict[str, float]:
    """Return how much better the first is, by target.

    A correlation is undefined for a predictor that is constant over all sources. Against another one such a predictor counts as
    a random ranking, 0, since otherwise it could never be beaten.
    """
    found = {}
    for target, (first, second) in pairs.items():
        a, b = first[measure], second[measure]
        if measure == "spearman" and (a is None) != (b is None):
            a, b = a or 0.0, b or 0.0
        if a is not None and b is not None:
            found[target] = sign * (a - b)
    return found


def _interval(by_target: Mapping[str, float], targets: Sequence[str], weights: Floats) -> Interval:
    """Return the mean with the percentile interval of its resamples; a resample without any of these targets is not one."""
    if not by_target:
        return Interval(None, None, None, {})
    there = sorted(by_target)
    values = np.array([by_target[target] for target in there])
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, None, None, dict(by_target))
    at = weights[:, [targets.index(target) for target in there]]  # [B, targets with a number]
    counts = at.sum(axis=1)
    replicates = (at @ values)[counts > 0] / counts[counts > 0]
    low, high = np.quantile(replicates, [LEVEL / 2, 1 - LEVEL / 2])
    return Interval(mean, float(low), float(high), dict(by_target))


def _tested(difference: Interval, seed: int) -> Interval:
    """Return a mean difference with its p-value: all 2^T flips of signs, or `RESAMPLES` of them at random if these are too many."""
    values = np.array([difference.by_target[target] for target in sorted(difference.by_target)])
    if not len(values):
        return difference
    if len(values) <= _EXACT:
        signs = 1.0 - 2.0 * ((np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(RESAMPLES, len(values)))
        signs[0] = 1.0  # what was observed is one of the ways
    means = np.abs(signs @ values)
    return replace(difference, p=float((means >= abs(values.sum()) - _TIE).mean()))


def _verdict(against: Mapping[str, Interval]) -> Verdict:
    if any(each.value is not None and each.value <= 0 for each in against.values()):
        return DOES_NOT
    is_sure = all(each.low is not None and each.low > 0 and (each.p or 0.0) <= LEVEL for each in against.values())
    return BEATS if is_sure else CANNOT_TELL
