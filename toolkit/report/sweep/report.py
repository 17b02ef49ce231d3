"""Report of a sweep as values: intermediates down, targets across, differences to the baseline row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from toolkit.report.sweep.columns import Columns, contrasts, label, less
from toolkit.report.sweep.contrasts import sections_of
from toolkit.report.sweep.entries import Entry, compared, correct, entry_of
from toolkit.report.sweep.expected import Check, checks_of
from toolkit.report.sweep.noise import NoiseEffect, noise_effects
from toolkit.report.sweep.notes import lacks_of, notes_of
from toolkit.report.sweep.orders import OrderVariance, orders_of
from toolkit.report.sweep.section import Section
from toolkit.statistics.draws import Resampled
from toolkit.statistics.estimates import Estimate
from toolkit.sweeps import SweepResults


@dataclass(frozen=True)
class Overall:
    """A row's mean difference over the targets that it is compared on."""

    estimate: Estimate
    targets: tuple[str, ...]


@dataclass(frozen=True)
class SweepReport:
    """Everything a report shows.

    Attributes:
        name, title, question: of the sweep.
        rows, targets: labels in order; with several points on the axis `settings` a row for each.
        places: (row, point on the axis `settings`) of each label of `rows`.
        baseline: the row the others are compared with; empty without one.
        entries: (row, target) -> Entry.
        overall: row -> its mean difference, of a sweep with several targets.
        sections: the answer to the question, axis by axis.
        orders: of sweeps over orders.
        noise: of sweeps with noise on the axis `settings`.
        unlearnt: target -> the score of guessing, if no row is better beyond chance.
        lacks: sentences about cells that are missing.
        notes: sentences below the tables.
        checks: what was expected, and whether the result agrees.
        scores: what all of it was computed from.
    """

    name: str
    title: str
    question: str
    rows: tuple[str, ...]
    targets: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    baseline: str
    entries: Mapping[tuple[str, str], Entry]
    scores: Columns = field(repr=False)
    overall: Mapping[str, Overall] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    orders: tuple[OrderVariance, ...] = ()
    noise: tuple[NoiseEffect, ...] = ()
    unlearnt: Mapping[str, float] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The rows without their points on the axis `settings`."""
        return tuple(dict.fromkeys(row for row, _ in self.places))

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(target, point on the axis `settings`) in order."""
        return tuple((task, variant) for task in self.targets for variant in dict.fromkeys(v for _, v in self.places))

    def entry(self, row: str, task: str, variant: str) -> Entry | None:
        """Return a cell; None if the grid does not have it."""
        return self.entries.get((label(row, variant), task))

    @property
    def is_generated(self) -> bool:
        """Whether any number comes from generated rows."""
        return any(entry.is_generated for entry in self.entries.values())


def sweep_report(
    results: SweepResults,
    drawn: Mapping[tuple[str, str], Resampled],
    main: Mapping[str, str],
    pivots: Mapping[str, str],
    guesses: Mapping[str, float],
) -> SweepReport:
    """Join a sweep's results and the scores that were resampled from their outcomes.

    Args:
        results: the sweep's folder as values, finished or not.
        drawn: (target, variant) -> resampled scores of compositions by their row labels; variants that were scored on the same
            rows share one value.
        main: target -> its main measure.
        pivots: target -> its training language.
        guesses: target -> the score of guessing, for targets whose score is known.
    """
    sweep = results.sweep
    places = dict.fromkeys((cell.cell.row, cell.cell.variant) for cell in results.cells)
    base = {c.cell.variant: label(c.cell.row, c.cell.variant) for c in results.cells if c.cell.is_baseline}
    entries: dict[tuple[str, str], Entry] = {}
    for row, variant in places:
        for task in sweep.targets:
            if cells := results.at(row, task, variant=variant):
                name = label(row, variant)
                entries[name, task] = entry_of(name, task, cells, main[task], pivots[task])
    columns = Columns(results, drawn, frozenset(key for key, entry in entries.items() if entry.state == "done"))
    variants = {label(*place): place[1] for place in places}
    for (name, task), entry in list(entries.items()):
        variant = variants[name]
        entries[name, task] = compared(entry, entries.get((base.get(variant, ""), task)), drawn.get((task, variant)))
    correct(entries, sweep.targets)
    numbers = {key: (entry.mean, entry.spread) for key, entry in entries.items() if entry.mean is not None}
    whole = {key: found for key, found in numbers.items() if entries[key].state == "done"}
    orders = orders_of(columns, whole)
    report = SweepReport(
        name=sweep.name,
        title=sweep.title,
        question=sweep.question,
        rows=tuple(label(*place) for place in places),
        targets=sweep.targets,
        places=tuple(places),
        baseline=columns.baseline.name if columns.baseline is not None else "",
        entries=entries,
        overall=_overall(columns) if len(sweep.targets) > 1 and len(sweep.variants) == 1 else {},
        sections=sections_of(columns, orders),
        orders=orders,
        noise=noise_effects(columns),
        unlearnt={task: guess for task, guess in guesses.items() if _is_unlearnt(columns, task, guess)},
        lacks=lacks_of(results),
        checks=checks_of(columns, results),
        scores=columns,
    )
    return replace(report, notes=notes_of(tuple(entries.values()), report.baseline, results))


def _is_unlearnt(columns: Columns, task: str, guess: float) -> bool:
    found = [draws.estimate for row in columns.rows if (draws := columns.draws(row, task)) is not None]
    return bool(found) and all(each.low <= guess for each in found)


def _overall(columns: Columns) -> dict[str, Overall]:
    base = columns.baseline
    if base is None:
        return {}
    others = [row for row in columns.rows if not row.is_baseline]
    lines = {
        row.name: lambda task, row=row: less(columns.draws(row, task), columns.draws(base, task)) for row in others
    }
    found: dict[str, Overall] = {}
    for one in contrasts(columns, lines):  # the means over targets come first
        found.setdefault(one.name, Overall(one.estimate, one.targets))
    return found
