"""Effect of the order of the same members: the spread of their scores, and its part that is due to seeds and test rows."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.report.sweep.columns import Columns, Row, label
from toolkit.results.summary import mean
from toolkit.statistics.draws import Draws
from toolkit.statistics.estimates import LEVEL, Tested, holm

CHANGE = "change under noise"
_GRID = 400


@dataclass(frozen=True)
class Spread(Tested):
    """Standard deviation of several scores, and its part that is not due to chance.

    Attributes:
        observed: standard deviation of the scores observed.
        by_chance: root mean square of the standard deviation that test rows and seeds alone cause.
        own: the rest, at least 0: the standard deviation of the scores that unlimited rows and seeds would give.
        low, high: the interval of `own`; `low` is above 0 exactly where `p` is at most 0.05.
        p: twice the share of resamples without any difference that spread as much, at most 1.
        adjusted: after Holm's correction; None before it.
    """

    observed: float
    by_chance: float
    own: float
    low: float
    high: float
    p: float
    adjusted: float | None = None


@dataclass(frozen=True)
class OrderVariance:
    """Effect of the order of the same members on a score.

    Attributes:
        task, method: of the column; how the members are combined.
        what: `score`, or another number of each order: `change under noise`.
        members: which, in alphabetical order.
        orders: how many orders were scored.
        mean, low, high: over the orders' means.
        best, worst: the rows of the highest and the lowest.
        spread: of the orders, with its interval; None without outcomes by row.
        seed_spread: mean standard deviation over the seeds of an order; None with one seed.
        deviation: standard deviation over orders.
    """

    task: str
    method: str
    what: str
    members: tuple[str, ...]
    orders: int
    mean: float
    low: float
    high: float
    best: str
    worst: str
    deviation: float
    seed_spread: float | None
    spread: Spread | None


def spread_of(some: Sequence[Draws]) -> Spread:
    """Return the spread of scores, and how much of it is more than chance.

    With x_o the scores and x_ob those of resample b, e_ob = x_ob - x_o is the effect of chance on score o. In resample b,
    scores without any difference have the variance V_b(0) over o of e_ob; p is twice the share of V_b(0) that reach the
    variance observed. Scores with t times the observed differences have V_b(t), the variance of t x_o + e_ob; the interval
    has the t for which the variance observed is between the percentiles 2.5 and 97.5 of V_b(t).

    Args:
        some: at least two scores, drawn together.

    Example:
        >>> import numpy as np
        >>> noise = np.random.default_rng(0).normal(0, 0.01, (3, 2000))
        >>> found = spread_of([Draws(x, x + e) for x, e in zip((0.5, 0.6, 0.7), noise)])
        >>> round(found.observed, 3), found.is_significant, found.low < 0.1 < found.high
        (0.1, True, True)
    """
    scores = np.array([each.value for each in some])
    errors = np.stack([each.resampled() for each in some], axis=1) - scores  # [B, O]
    centred = scores - scores.mean()
    errors = errors - errors.mean(1, keepdims=True)
    degrees = len(some) - 1
    between = float((centred**2).sum() / degrees)
    by_chance = (errors**2).sum(1) / degrees  # [B]
    p = min(1.0, 2 * (1 + int((by_chance >= between * (1 - 1e-12)).sum())) / (len(errors) + 1))
    noise = float(by_chance.mean())
    own = max(0.0, between - noise) ** 0.5
    if between <= 1e-18:  # no direction to follow; any pair of scores will do
        centred = np.array([0.5, -0.5, *[0.0] * (len(some) - 2)])
    along = (errors @ centred) / degrees  # [B]
    unit = float((centred**2).sum() / degrees)
    low, high = None, 0.0
    for sigma in np.linspace(0.0, between**0.5 + 6 * noise**0.5, _GRID):
        t = sigma / unit**0.5
        resampled = t * t * unit + 2 * t * along + by_chance
        above = (1 + int((resampled >= between * (1 - 1e-12)).sum())) / (len(errors) + 1)
        below = (1 + int((resampled <= between * (1 + 1e-12)).sum())) / (len(errors) + 1)
        if low is None and above > LEVEL / 2:
            low = float(sigma)
        if below > LEVEL / 2:
            high = float(sigma)
    found = 0.0 if low is None else low
    return Spread(between**0.5, noise**0.5, own, found, max(high, found), p)


def orders_of(
    columns: Columns, numbers: Mapping[tuple[str, str], tuple[float, float | None]]
) -> tuple[OrderVariance, ...]:
    """Return the effect of order on each target's score and on its change under noise, for each method and set of members.

    Args:
        columns: the sweep.
        numbers: (label, target) -> score and standard deviation over seeds, of the cells that are done.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
    for row in columns.of("orders"):
        if len(row.members) > 1:
            groups.setdefault((row.method, tuple(sorted(row.members))), []).append(row)
    found = []
    for task in columns.targets:
        for (method, members), rows in groups.items():
            shown = [variant for variant in columns.variants if variant not in columns.noises]
            for variant in shown:
                what = "score" + (f" ({variant})" if len(shown) > 1 else "")
                there = [row for row in rows if (label(row.name, variant), task) in numbers]
                own = {row.name: numbers[label(row.name, variant), task] for row in there}
                draws = [columns.draws(row, task, variant=variant) for row in there]
                found.append(_variance(task, method, what, members, own, draws))
            changes = {row.name: columns.change(row, task, columns.noises) for row in rows} if columns.noises else {}
            some = {name: (each.value, None) for name, each in changes.items() if each is not None}
            found.append(_variance(task, method, CHANGE, members, some, [changes[name] for name in some]))
    kept = [one for one in found if one is not None]
    tested = [one.spread for one in kept if one.spread is not None]
    adjusted = iter(holm([spread.p for spread in tested]))
    return tuple(
        one if one.spread is None else replace(one, spread=replace(one.spread, adjusted=next(adjusted))) for one in kept
    )


def _variance(
    task: str,
    method: str,
    what: str,
    members: tuple[str, ...],
    numbers: Mapping[str, tuple[float, float | None]],
    draws: Sequence[Draws | None],
) -> OrderVariance | None:
    if len(numbers) < 2:
        return None
    ranked = sorted(numbers, key=lambda name: numbers[name][0])
    values = [numbers[name][0] for name in ranked]
    there = [each for each in draws if each is not None]
    return OrderVariance(
        task=task,
        method=method,
        what=what,
        members=members,
        orders=len(numbers),
        mean=sum(values) / len(values),
        low=values[0],
        high=values[-1],
        best=ranked[-1],
        worst=ranked[0],
        deviation=statistics.stdev(values),
        seed_spread=mean(spread for _, spread in numbers.values() if spread is not None),
        spread=spread_of(there) if len(there) == len(numbers) else None,
    )
