"""Columns of a sweep: its resampled scores by row, target and setting, and contrasts between them with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.languages import low_resource
from toolkit.statistics.draws import Draws, Resampled, mean_draws
from toolkit.statistics.estimates import Estimate, holm
from toolkit.sweeps import Cell, SweepResults

NOISE = "noise.apply"


@dataclass(frozen=True)
class Contrast:
    """A difference between scores, or between means of scores.

    Attributes:
        name: of the difference, `mnli - baseline`.
        targets: the tasks that it is a mean over.
        estimate: a fraction; p is corrected over the contrasts of its section.
        about: the languages, if they are not all.
    """

    name: str
    targets: tuple[str, ...]
    estimate: Estimate
    about: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the table at one point of the axis `settings`."""

    name: str
    group: str
    method: str
    members: tuple[str, ...]
    is_baseline: bool


def label(row: str, variant: str) -> str:
    """Return a row's name in the report: its label, and its point on the axis `settings` if there is one."""
    return f"{row} ({variant})" if variant else row


class Columns:
    """Resampled scores of a sweep, from which contrasts are made.

    Args:
        results: the sweep.
        drawn: (target, variant) -> resampled scores of compositions by their `label`.
        done: (label, target) of the cells that have all their seeds; no contrast uses the others.
    """

    def __init__(
        self, results: SweepResults, drawn: Mapping[tuple[str, str], Resampled], done: frozenset[tuple[str, str]]
    ) -> None:
        self.targets = results.sweep.targets
        self.variants = results.sweep.variants
        self._drawn, self._done = drawn, done
        cells: dict[str, Cell] = {}
        noise: dict[str, str] = {}
        for each in results.cells:
            cells.setdefault(each.cell.row, each.cell)
            noise[each.cell.variant] = each.cell.settings.get(NOISE, "")
        self.rows = tuple(Row(c.row, c.group, c.method, c.members, c.is_baseline) for c in cells.values())
        has_noise = any(noise.values())
        clean = [variant for variant in self.variants if not noise[variant]]
        self.reference = clean[0] if has_noise and clean else self.variants[0]
        """The point of `settings` that others are compared with: the first without noise, else the first."""
        self.noises = tuple(variant for variant in self.variants if noise[variant]) if has_noise and clean else ()

    @property
    def baseline(self) -> Row | None:
        """The row that others are compared with."""
        return next((row for row in self.rows if row.is_baseline), None)

    def of(self, group: str) -> tuple[Row, ...]:
        """Return the rows of an axis."""
        return tuple(row for row in self.rows if row.group == group)

    def languages(self, task: str, variant: str | None = None) -> tuple[str, ...]:
        """Return the languages that a target was scored in."""
        found = self._drawn.get((task, self.reference if variant is None else variant))
        return found.languages if found is not None else ()

    def draws(
        self, row: Row, task: str, *, variant: str | None = None, languages: Sequence[str] | None = None
    ) -> Draws | None:
        """Return a row's mean over languages on a target; None unless it is complete."""
        point = self.reference if variant is None else variant
        name, found = label(row.name, point), self._drawn.get((task, point))
        if found is None or name not in found.observed or (name, task) not in self._done:
            return None
        some = found.languages if languages is None else languages
        return found.draws(name, some) if some else None

    def mean(
        self, rows: Sequence[Row], task: str, *, variant: str | None = None, languages: Sequence[str] | None = None
    ) -> Draws | None:
        """Return the mean over rows; None unless all of them are complete."""
        return mean_of([self.draws(row, task, variant=variant, languages=languages) for row in rows])

    def change(self, row: Row, task: str, variants: Sequence[str]) -> Draws | None:
        """Return the mean difference of points of `settings` to the reference; None unless all have the same test rows."""
        here = self._drawn.get((task, self.reference))
        if any(self._drawn.get((task, variant)) is not here for variant in variants):
            return None
        return less(mean_of([self.draws(row, task, variant=variant) for variant in variants]), self.draws(row, task))

    def mean_change(self, rows: Sequence[Row], task: str) -> Draws | None:
        """Return the mean change under noise over rows and noises; None unless all of them are complete."""
        return mean_of([self.change(row, task, self.noises) for row in rows])

    def low(self, task: str) -> tuple[str, ...]:
        """Return the low-resource languages that a target was scored in."""
        return low_resource(self.languages(task))


def mean_of(some: Sequence[Draws | None]) -> Draws | None:
    """Return the mean of numbers; None if one of them is absent, or all are."""
    found = [each for each in some if each is not None]
    return mean_draws(found) if found and len(found) == len(some) else None


def less(one: Draws | None, other: Draws | None) -> Draws | None:
    """Return the difference of two numbers; None if one of them is absent."""
    return None if one is None or other is None else one - other


def contrasts(
    columns: Columns, lines: Mapping[str, Callable[[str], Draws | None]], *, about: str = ""
) -> tuple[Contrast, ...]:
    """Return every line as the mean over targets, and with several targets also on each of them.

    Holm's correction covers the means of all lines, and apart from them the single targets of all lines.

    Args:
        columns: the sweep.
        lines: name of a difference -> its draws on a target; None if they are absent.
        about: the languages, if they are not all.
    """
    means: list[Contrast] = []
    singles: list[Contrast] = []
    for name, draws_on in lines.items():
        found = {task: draws for task in columns.targets if (draws := draws_on(task)) is not None}
        if not found:
            continue
        means.append(Contrast(name, tuple(found), mean_draws(list(found.values())).estimate, about))
        if len(columns.targets) > 1:
            singles += [Contrast(name, (task,), draws.estimate, about) for task, draws in found.items()]
    return (*_corrected(means), *_corrected(singles))


def _corrected(some: Sequence[Contrast]) -> tuple[Contrast, ...]:
    adjusted = holm([each.estimate.p for each in some])
    return tuple(
        replace(each, estimate=replace(each.estimate, adjusted=p, tests=len(some)))
        for each, p in zip(some, adjusted, strict=True)
    )
