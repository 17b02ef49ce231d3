"""Noise in a sweep's report: the effect of each noise on each row, and the answer, both against the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from toolkit.report.compare import points
from toolkit.report.sweep.columns import Columns, Contrast, Row, contrasts, less, mean_of
from toolkit.report.sweep.section import Lines, Section, interval, listed, overall
from toolkit.statistics.draws import Draws
from toolkit.statistics.estimates import Estimate, holm

_CHANGE, _LEVEL = ", change", ", under noise"


@dataclass(frozen=True)
class NoiseEffect:
    """Effect of one noise on one row, on one target.

    Attributes:
        row, task, variant: its place; `variant` is the noise's name on the axis `settings`.
        clean, noisy: scores, fractions.
        change: noisy minus clean.
        spared: its change minus the baseline's, above 0 if it loses less; None for the baseline.
    """

    row: str
    task: str
    variant: str
    clean: float
    noisy: float
    change: Estimate
    spared: Estimate | None

    @property
    def left(self) -> float | None:
        """The share of the clean score that is left; None if the clean score is 0."""
        return self.noisy / self.clean if self.clean > 0 else None


def noise_effects(columns: Columns) -> tuple[NoiseEffect, ...]:
    """Return the effect of every noise on every row, with Holm's correction over all changes, and over all `spared`."""
    base = columns.baseline
    found = []
    for task in columns.targets:
        for row in columns.rows:
            for variant in columns.noises:
                change, clean = columns.change(row, task, [variant]), columns.draws(row, task)
                if change is None or clean is None:
                    continue
                other = None if base is None or row.is_baseline else columns.change(base, task, [variant])
                spared = less(change, other) if other is not None else None
                found.append(
                    NoiseEffect(
                        row.name,
                        task,
                        variant,
                        clean.value,
                        clean.value + change.value,
                        change.estimate,
                        None if spared is None else spared.estimate,
                    )
                )
    changes = iter(holm([one.change.p for one in found]))
    spares = iter(holm([one.spared.p for one in found if one.spared is not None]))
    return tuple(
        replace(
            one,
            change=replace(one.change, adjusted=next(changes)),
            spared=None if one.spared is None else replace(one.spared, adjusted=next(spares)),
        )
        for one in found
    )


def noise_answer(columns: Columns) -> Section | None:
    """Return the section about the noises of the axis `settings`; None without noises or without a baseline."""
    base = columns.baseline
    if not columns.noises or base is None:
        return None
    others = [row for row in columns.rows if not row.is_baseline]
    levels: Lines = {f"{row.name} - {base.name}{_LEVEL}": partial(_level, columns, row, base) for row in others}
    changes: Lines = {f"{row.name} - {base.name}{_CHANGE}": partial(_change, columns, row, base) for row in others}
    found = (*contrasts(columns, levels), *contrasts(columns, changes))
    if not found:
        return None
    tops = overall(found, columns)
    noises = "noise" if len(columns.noises) == 1 else f"the mean of {len(columns.noises)} noises"
    said = _kept(columns, base)
    for kind, none in ((_LEVEL, "scores higher or lower than"), (_CHANGE, "loses more or less of its score than")):
        own = [one for one in tops if one.name.endswith(kind)]
        sure = [one for one in own if one.estimate.is_significant]
        said += [f"Under {noises} {_sentence(one, base.name, kind)}, more than chance." for one in sure]
        if own and not sure:
            most = max(own, key=lambda one: abs(one.estimate.value))
            said.append(
                f"Under {noises} no row {none} '{base.name}' beyond chance; the largest difference: {_row_of(most)} "
                f"{interval(most.estimate)} points."
            )
    note = (
        f"Means of {', '.join(columns.noises)}. Change: score under noise minus score on clean rows ({columns.reference}); a "
        "positive difference means that the row loses less. A row that scores higher has more to lose: read the two together."
    )
    return Section("Under noise, against the baseline", tuple(said), found, note)


def _level(columns: Columns, row: Row, base: Row, task: str) -> Draws | None:
    return less(_noisy(columns, row, task), _noisy(columns, base, task))


def _noisy(columns: Columns, row: Row, task: str) -> Draws | None:
    return mean_of([columns.draws(row, task, variant=variant) for variant in columns.noises])


def _change(columns: Columns, row: Row, base: Row, task: str) -> Draws | None:
    return less(columns.change(row, task, columns.noises), columns.change(base, task, columns.noises))


def _sentence(contrast: Contrast, base: str, kind: str) -> str:
    """Return a significant difference in words; they have its direction, and the numbers have no sign."""
    found = contrast.estimate
    sign = -1 if found.value < 0 else 1
    by, *ends = (
        points(sign * each, is_signed=False) for each in (found.value, *sorted((found.low, found.high))[::sign])
    )
    verb, more, less_ = ("scores", "higher", "lower") if kind == _LEVEL else ("loses", "less", "more")
    return f"{_row_of(contrast)} {verb} {by} [{', '.join(ends)}] points {more if sign > 0 else less_} than '{base}'"


def _kept(columns: Columns, base: Row) -> list[str]:
    """Return the sentence about the share of the baseline's score that each noise leaves, in the mean over targets."""
    shares = []
    for variant in columns.noises:
        pairs = [(columns.draws(base, task), columns.change(base, task, [variant])) for task in columns.targets]
        there = [(clean.value, change.value) for clean, change in pairs if clean is not None and change is not None]
        whole = sum(clean for clean, _ in there)
        if whole > 0:
            shares.append(f"{100 * (whole + sum(change for _, change in there)) / whole:.0f} % under {variant}")
    return [f"'{base.name}' keeps {listed(shares)} of its clean score."] if shares else []


def _row_of(contrast: Contrast) -> str:
    return contrast.name.rpartition(" - ")[0]
