"""A sweep as the paper's kind of table: intermediates down, targets across, differences to the baseline row."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from toolkit.languages import low_resource
from toolkit.report.compare import MEAN, Comparison, mark, marks_note, points
from toolkit.report.table import GENERATED_NOTE, Cell, Table
from toolkit.score import Score, mean
from toolkit.significance import Estimate, holm
from toolkit.sweeps import CellResult, SweepResults

CONTAMINATED = "!"


@dataclass(frozen=True)
class Entry:
    """One cell of the table, over its seeds.

    Attributes:
        row, task: where it stands.
        state: `done`, `partial` (some seeds), `failed`, `blocked`, `running` or `waiting`.
        error: why, where it failed.
        seeds: the seeds scored.
        metric: what is measured.
        by_language: language -> mean over the seeds.
        spread: standard deviation over seeds of the mean over languages; None below two seeds.
        gain: difference to the baseline of the mean over languages; None without a baseline to compare with.
        estimate: the same with its interval, and p corrected over the whole table; None without predictions.
        differences: the same by language, corrected over the target's page.
        contamination: sentences about training rows that overlap with the rows scored.
        is_baseline, is_generated: what it is.
    """

    row: str
    task: str
    state: str
    error: str = ""
    seeds: tuple[int, ...] = ()
    metric: str = ""
    by_language: Mapping[str, float] = field(default_factory=dict)
    spread: float | None = None
    gain: float | None = None
    estimate: Estimate | None = None
    differences: Mapping[str, Estimate] = field(default_factory=dict)
    contamination: tuple[str, ...] = ()
    is_baseline: bool = False
    is_generated: bool = False

    @property
    def mean(self) -> float | None:
        """The mean over languages and seeds."""
        return mean(self.by_language.values())

    @property
    def low(self) -> float | None:
        """The mean over low-resource languages."""
        return mean(self.by_language[code] for code in low_resource(self.by_language))

    @property
    def worst(self) -> str | None:
        """The language of the lowest score."""
        return min(self.by_language, key=self.by_language.__getitem__) if self.by_language else None


@dataclass(frozen=True)
class OrderVariance:
    """How much the order of the same members moves a score.

    Attributes:
        task, method: of the column; how the members are put together.
        members: which, in alphabetical order.
        orders: how many orders were scored.
        mean, low, high: over the orders' means.
        best, worst: the rows of the highest and the lowest.
        spread: standard deviation over orders; `seed_spread`: mean standard deviation over seeds, None with one seed.
    """

    task: str
    method: str
    members: tuple[str, ...]
    orders: int
    mean: float
    low: float
    high: float
    best: str
    worst: str
    spread: float
    seed_spread: float | None


@dataclass(frozen=True)
class SweepReport:
    """Everything a report shows.

    Attributes:
        name, title, question: of the sweep.
        rows, targets: labels in order.
        baseline: the row the others are compared with; empty without one.
        entries: (row, target) -> Entry.
        orders: of sweeps over orders.
        lacks: sentences about what is not there yet.
        notes: sentences below the tables.
    """

    name: str
    title: str
    question: str
    rows: tuple[str, ...]
    targets: tuple[str, ...]
    baseline: str
    entries: Mapping[tuple[str, str], Entry]
    orders: tuple[OrderVariance, ...] = ()
    lacks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_generated(self) -> bool:
        """Whether any number comes from generated rows."""
        return any(entry.is_generated for entry in self.entries.values())


def label(row: str, variant: str) -> str:
    """Return a row's name in the report: its label, and the point on the axis `settings` where there is one."""
    return f"{row} ({variant})" if variant else row


def sweep_report(
    results: SweepResults, comparisons: Mapping[tuple[str, str], Comparison], main: Mapping[str, str]
) -> SweepReport:
    """Join a sweep's results and the paired tests.

    Args:
        results: the sweep's folder as values, finished or not.
        comparisons: (target, variant) -> the test of that column; the compositions are called by their row labels.
        main: target -> its main measure.
    """
    sweep = results.sweep
    places = dict.fromkeys((cell.cell.row, cell.cell.variant) for cell in results.cells)
    entries: dict[tuple[str, str], Entry] = {}
    for row, variant in places:
        for task in sweep.targets:
            cells = results.at(row, task, variant=variant)
            if cells:
                entry = _entry(label(row, variant), task, cells, main[task])
                entries[entry.row, task] = _compared(entry, comparisons.get((task, variant)))
    for (row, task), entry in entries.items():
        variant = next(v for r, v in places if label(r, v) == row)
        base = next(
            (e for e in entries.values() if e.task == task and e.is_baseline and e.row == _base(results, variant)), None
        )
        entries[row, task] = _with_gain(entry, base)
    tested = [key for key, entry in entries.items() if entry.estimate is not None]
    adjusted = holm([entries[key].estimate.p for key in tested])  # type: ignore[union-attr]
    for key, p in zip(tested, adjusted, strict=True):
        estimate = entries[key].estimate
        assert estimate is not None
        entries[key] = replace(entries[key], estimate=replace(estimate, adjusted=p))
    baseline = next((entry.row for entry in entries.values() if entry.is_baseline), "")
    report = SweepReport(
        name=sweep.name,
        title=sweep.title,
        question=sweep.question,
        rows=tuple(label(*place) for place in places),
        targets=sweep.targets,
        baseline=baseline,
        entries=entries,
        orders=_orders(results, entries),
        lacks=_lacks(results),
    )
    return replace(report, notes=_notes(report, results))


def _base(results: SweepResults, variant: str) -> str:
    found = next((c.cell for c in results.cells if c.cell.is_baseline and c.cell.variant == variant), None)
    return label(found.row, variant) if found else ""


def _entry(row: str, task: str, cells: Sequence[CellResult], metric: str) -> Entry:
    done = [cell for cell in cells if cell.state == "done"]
    first = cells[0].cell
    state = "done" if len(done) == len(cells) else "partial" if done else cells[0].state
    error = next((cell.error for cell in cells if cell.error), "")
    scores = [[score for score in cell.scores if score.metric == metric] for cell in done]
    languages = list(dict.fromkeys(score.language for some in scores for score in some))
    by_language = {code: mean(_value(some, code) for some in scores) or 0.0 for code in languages}
    means = [mean(score.value for score in some) or 0.0 for some in scores]
    return Entry(
        row=row,
        task=task,
        state=state,
        error=error,
        seeds=tuple(cell.cell.seed for cell in done),
        metric=metric,
        by_language=by_language,
        spread=statistics.stdev(means) if len(means) > 1 else None,
        contamination=tuple(dict.fromkeys(sentence for cell in cells for sentence in cell.contamination)),
        is_baseline=first.is_baseline,
        is_generated=any(score.is_generated for some in scores for score in some),
    )


def _value(scores: Sequence[Score], language: str) -> float:
    return next(score.value for score in scores if score.language == language)


def _compared(entry: Entry, found: Comparison | None) -> Entry:
    if found is None or entry.row not in found.differences:
        return entry
    differences = found.differences[entry.row]
    headline = MEAN if MEAN in found.means else found.languages[0]
    by_language = {code: differences[code] for code in found.languages}
    return replace(entry, estimate=replace(differences[headline], adjusted=None), differences=by_language)


def _with_gain(entry: Entry, base: Entry | None) -> Entry:
    same = base is not None and not entry.is_baseline and entry.mean is not None and base.mean is not None
    # Means over different languages, or over different seeds, have no difference worth a colour.
    if not same or base is None or list(base.by_language) != list(entry.by_language):
        return replace(entry, estimate=None)
    return replace(entry, gain=(entry.mean or 0.0) - (base.mean or 0.0))


def _orders(results: SweepResults, entries: Mapping[tuple[str, str], Entry]) -> tuple[OrderVariance, ...]:
    groups: dict[tuple[str, str, tuple[str, ...], str], list[Entry]] = {}
    for cell in dict.fromkeys(
        (c.cell.row, c.cell.method, c.cell.members, c.cell.group, c.cell.variant) for c in results.cells
    ):
        row, method, members, group, variant = cell
        for task in results.sweep.targets:
            entry = entries.get((label(row, variant), task))
            if group == "orders" and len(members) > 1 and entry is not None and entry.state == "done":
                groups.setdefault((task, method, tuple(sorted(members)), variant), []).append(entry)
    found = []
    for (task, method, members, variant), some in groups.items():
        if len(some) < 2:
            continue
        ranked = sorted(some, key=lambda entry: entry.mean or 0.0)
        means = [entry.mean or 0.0 for entry in ranked]
        spreads = [entry.spread for entry in some if entry.spread is not None]
        found.append(
            OrderVariance(
                task=task,
                method=label(method, variant),
                members=members,
                orders=len(some),
                mean=sum(means) / len(means),
                low=means[0],
                high=means[-1],
                best=ranked[-1].row,
                worst=ranked[0].row,
                spread=statistics.stdev(means),
                seed_spread=mean(spreads),
            )
        )
    return tuple(found)


def _lacks(results: SweepResults) -> tuple[str, ...]:
    missing = [cell for cell in results.cells if cell.state != "done"]
    if not missing:
        return ()
    by_state: dict[str, int] = {}
    for cell in missing:
        by_state[cell.state] = by_state.get(cell.state, 0) + 1
    counts = ", ".join(f"{n} {state}" for state, n in by_state.items())
    total = len(results.cells)
    lines = [f"Partial: {total - len(missing)} of {total} cells are scored ({counts})."]
    return (*lines, *(f"{cell.cell.name}: {cell.state}{': ' + cell.error if cell.error else ''}" for cell in missing))


def _notes(report: SweepReport, results: SweepResults) -> tuple[str, ...]:
    notes = ["Each number is the mean over the target's languages in %, of its main measure."]
    seeds = len(results.sweep.seeds)
    if seeds > 1:
        notes.append(f"± is the standard deviation over {seeds} seeds; intervals cover test rows and seeds.")
    else:
        notes.append("One seed: the intervals cover the choice of test rows only, not the seed of the training.")
    if report.baseline:
        notes.append(f"Differences to '{report.baseline}': paired bootstrap over the test rows; {marks_note()}")
    untested = [e for e in report.entries.values() if e.gain is not None and e.estimate is None]
    if untested:
        notes.append(
            f"{len(untested)} differences come without predictions by row, so that nothing says whether they are chance."
        )
    if any(entry.contamination for entry in report.entries.values()):
        notes.append(f"{CONTAMINATED}: training rows overlap with the rows scored; see the target's page.")
    if report.is_generated:
        notes.append(GENERATED_NOTE)
    return (*notes, *results.sweep.left_out)


def verdicts(report: SweepReport) -> list[str]:
    """Return for each target a sentence: what helps, what hurts, and what may be chance."""
    found = []
    for task in report.targets:
        entries = [e for (_, target), e in report.entries.items() if target == task and e.gain is not None]
        tested = sorted((e for e in entries if e.estimate is not None), key=lambda e: -(e.gain or 0.0))
        sure = [e for e in tested if e.estimate is not None and e.estimate.is_significant]
        parts = []
        for word, some in (
            ("helps", [e for e in sure if (e.gain or 0) > 0]),
            ("hurts", [e for e in sure if (e.gain or 0) < 0]),
        ):
            if some:
                parts.append(f"{word} more than chance: " + ", ".join(f"{e.row} ({points(e.gain or 0)})" for e in some))
        rest = len(tested) - len(sure)
        if rest:
            parts.append(f"{rest} of {len(tested)} differences may be chance")
        if len(entries) > len(tested):
            parts.append(f"{len(entries) - len(tested)} not tested")
        found.append(f"{task}: {'; '.join(parts) if parts else 'nothing to compare yet'}.")
    return found


def cell_text(entry: Entry | None) -> str:
    """Return what a cell of the table says: score, spread, difference, marks; or its state."""
    if entry is None:
        return ""
    if entry.mean is None:
        return entry.state
    text = points(entry.mean, is_signed=False)
    if entry.spread is not None:
        text += f" ±{100 * entry.spread:.1f}"
    if entry.gain is not None:
        text += f" ({points(entry.gain)}{mark(entry.estimate) if entry.estimate else ''})"
    if entry.contamination:
        text += f" {CONTAMINATED}"
    return text + (f" [{len(entry.seeds)} seeds]" if entry.state == "partial" else "")


def main_table(report: SweepReport) -> Table:
    """Return the table: rows down, targets across; with low-resource mean and worst language where there are such."""
    rows = []
    for row in report.rows:
        cells: list[Cell] = [row, *(cell_text(report.entries.get((row, task))) for task in report.targets)]
        rows.append(tuple(cells))
    title = f"{report.title or report.name}{' (partial)' if report.lacks else ''}"
    return Table(title, ("", *report.targets), tuple(rows), (*report.lacks[:1], *report.notes), named=1)


def page_table(report: SweepReport, task: str) -> Table:
    """Return a target's page: rows down, languages across, and the means."""
    some = [report.entries[row, task] for row in report.rows if (row, task) in report.entries]
    languages = list(dict.fromkeys(code for entry in some for code in entry.by_language))
    has_low = bool(low_resource(languages))
    columns = ["", "mean", *(["low-resource"] if has_low else []), "worst", *languages]
    rows = []
    for entry in some:
        cells: list[Cell] = [entry.row, cell_text(entry)]
        if has_low:
            cells.append("" if entry.low is None else points(entry.low, is_signed=False))
        cells.append(f"{entry.worst} {points(entry.by_language[entry.worst], is_signed=False)}" if entry.worst else "")
        for code in languages:
            if code not in entry.by_language:
                cells.append("")
                continue
            d = entry.differences.get(code)
            change = f" ({points(d.value)}{mark(d)})" if d else ""
            cells.append(points(entry.by_language[code], is_signed=False) + change)
        rows.append(tuple(cells))
    notes = [sentence for entry in some for sentence in entry.contamination]
    metric = next((entry.metric for entry in some if entry.metric), "")
    if has_low:
        notes.append(f"low-resource: {', '.join(low_resource(languages))} (less than 3 GiB in CC-100).")
    return Table(f"{task}, {metric} in %", tuple(columns), tuple(rows), tuple(dict.fromkeys(notes)), named=1)


def order_table(report: SweepReport) -> Table:
    """Return how much the order moves the scores, beside what the seed does."""
    columns = (
        "target",
        "method",
        "members",
        "orders",
        "mean",
        "lowest",
        "highest",
        "spread of orders",
        "spread of seeds",
    )
    rows: list[tuple[Cell, ...]] = [
        (
            one.task,
            one.method,
            ", ".join(one.members),
            str(one.orders),
            points(one.mean, is_signed=False),
            f"{points(one.low, is_signed=False)} {one.worst}",
            f"{points(one.high, is_signed=False)} {one.best}",
            f"{100 * one.spread:.1f}",
            "" if one.seed_spread is None else f"{100 * one.seed_spread:.1f}",
        )
        for one in report.orders
    ]
    notes = ("Spread: standard deviation. Orders that spread no more than seeds do say nothing about order.",)
    return Table("Order", columns, tuple(rows), notes, named=1)


def report_csv(report: SweepReport) -> str:
    """Return every number of the report as tidy CSV, in fractions."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    header = (
        "row target metric language state seeds score spread_over_seeds difference low high p p_holm is_significant"
    )
    writer.writerow([*header.split(), "is_generated", "contamination"])
    for entry in report.entries.values():
        for code in ("mean", *entry.by_language):
            is_mean = code == "mean"
            estimate = entry.estimate if is_mean else entry.differences.get(code)
            writer.writerow(
                [
                    *(entry.row, entry.task, entry.metric, code, entry.state, len(entry.seeds)),
                    _blank(entry.mean if is_mean else entry.by_language[code]),
                    _blank(entry.spread if is_mean else None),
                    _blank(entry.gain if is_mean else estimate.value if estimate else None),
                    *((estimate.low, estimate.high, estimate.p, estimate.adjusted) if estimate else ("",) * 4),
                    estimate.is_significant if estimate else "",
                    entry.is_generated,
                    " ".join(entry.contamination),
                ]
            )
    return buffer.getvalue()


def _blank(value: float | None) -> float | str:
    return "" if value is None else value
