"""Tables of a sweep's report, and its numbers as CSV."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.languages import low_resource
from toolkit.report.compare import LOW, MEAN, ZERO_SHOT, mark, marks_note, points
from toolkit.report.sweep.columns import Contrast, label
from toolkit.report.sweep.entries import CONTAMINATED, Entry
from toolkit.report.sweep.report import SweepReport
from toolkit.report.sweep.section import Section, interval, smallest_text
from toolkit.report.table import Cell, Table
from toolkit.safe_text import csv_text
from toolkit.statistics.estimates import Estimate
from toolkit.statistics.power import smallest_seen

OVERALL = "mean of targets"
SMALLEST_NOTE = (
    "smallest seen: the smallest true difference that this test would have called more than chance four times in five, with the spread of "
    "the seeds and rows at hand; with one seed it cannot be said."
)
_PAGE_MEANS = (ZERO_SHOT, LOW)


def cell_text(entry: Entry | None) -> str:
    """Return the text of a cell: score, spread, difference and marks; or its state."""
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
    return text + (f" [{seeds_text(entry)}]" if entry.state == "partial" else "")


def seeds_text(entry: Entry) -> str:
    """Return how many seeds a cell has so far."""
    return f"{len(entry.seeds)} seed{'' if len(entry.seeds) == 1 else 's'}"


def overall_text(report: SweepReport, row: str) -> str:
    """Return a row's mean difference over its targets, and their number if they are not all."""
    found = report.overall.get(row)
    if found is None:
        return ""
    some = "" if len(found.targets) == len(report.targets) else f" ({len(found.targets)} of {len(report.targets)})"
    return f"{points(found.estimate.value)}{mark(found.estimate)}{some}"


def main_table(report: SweepReport) -> Table:
    """Return the table: rows down, targets across, and the mean difference over targets."""
    rows = []
    for row in report.lines:
        cells: list[Cell] = [row, *(cell_text(report.entry(row, *column)) for column in report.columns)]
        rows.append((*cells, overall_text(report, row)) if report.overall else tuple(cells))
    title = f"{report.title or report.name}{' (partial)' if report.lacks else ''}"
    columns = ("", *(label(*column) for column in report.columns), *([OVERALL] if report.overall else []))
    return Table(title, columns, tuple(rows), (*report.lacks[:1], *report.notes), named=1)


def page_means(report: SweepReport, task: str) -> tuple[str, ...]:
    """Return the further means that a target's page has a column for: zero-shot, low-resource."""
    some = [entry for (_, target), entry in report.entries.items() if target == task]
    return tuple(name for name in _PAGE_MEANS if any(name in entry.groups for entry in some))


def page_languages(report: SweepReport, task: str) -> tuple[str, ...]:
    """Return the languages that any row was scored in on a target."""
    some = [entry for (_, target), entry in report.entries.items() if target == task]
    return tuple(dict.fromkeys(code for entry in some for code in entry.by_language))


def page_table(report: SweepReport, task: str) -> Table:
    """Return a target's page: rows down, languages across, and the means."""
    some = [report.entries[row, task] for row in report.rows if (row, task) in report.entries]
    languages, means = page_languages(report, task), page_means(report, task)
    rows = []
    for entry in some:
        cells: list[Cell] = [entry.row, cell_text(entry)]
        cells += [_scored(entry.over(name), entry.differences.get(name)) for name in means]
        cells.append(f"{entry.worst} {points(entry.by_language[entry.worst], is_signed=False)}" if entry.worst else "")
        cells += [_scored(entry.by_language.get(code), entry.differences.get(code)) for code in languages]
        rows.append(tuple(cells))
    notes = [sentence for entry in some for sentence in entry.contamination]
    metric = next((entry.metric for entry in some if entry.metric), "")
    if LOW in means:
        notes.append(f"{LOW}: {', '.join(low_resource(languages))} (less than 3 GiB in CC-100).")
    columns = ("", MEAN, *means, "worst", *languages)
    return Table(f"{task}, {metric} in %", columns, tuple(rows), tuple(dict.fromkeys(notes)), named=1)


def _scored(score: float | None, difference: Estimate | None) -> str:
    if score is None:
        return ""
    change = f" ({points(difference.value)}{mark(difference)})" if difference else ""
    return points(score, is_signed=False) + change


def order_table(report: SweepReport) -> Table:
    """Return the spread of orders, with its part that is due to seeds and test rows."""
    # With one set of members, the lowest and the highest order name them all.
    has_sets = len({one.members for one in report.orders}) > 1
    columns = (
        *("target", "method", *(["members"] if has_sets else []), "of the", "orders", "mean", "lowest", "highest"),
        *("spread of orders", "by chance", "beyond chance", "spread of seeds"),
    )
    rows: list[tuple[Cell, ...]] = []
    for one in report.orders:
        spread = one.spread
        tested, chance = "not tested", ""
        if spread is not None:
            own = [points(each, is_signed=False) for each in (spread.own, spread.low, spread.high)]
            tested = f"{own[0]} [{own[1]}, {own[2]}]{mark(spread)}"
            chance = points(spread.by_chance, is_signed=False)
        is_score = one.what.startswith("score")
        rows.append(
            (
                one.task,
                one.method,
                *([", ".join(one.members)] if has_sets else []),
                one.what,
                str(one.orders),
                points(one.mean, is_signed=not is_score),
                f"{points(one.low, is_signed=not is_score)} {one.worst}",
                f"{points(one.high, is_signed=not is_score)} {one.best}",
                points(one.deviation, is_signed=False),
                chance,
                tested,
                "" if one.seed_spread is None else points(one.seed_spread, is_signed=False),
            )
        )
    notes = (
        "Spreads are standard deviations in points. By chance: the part due to test rows and seeds alone. Beyond chance: the rest, "
        f"due to order itself, with its 95 % interval; {marks_note()}",
    )
    return Table("Orders", columns, tuple(rows), notes, named=4 if has_sets else 3)


def noise_table(report: SweepReport) -> Table:
    """Return the share of each row's clean score that noise leaves, and how much less it loses than the baseline."""
    columns = ("target", "row", "noise", "clean", "under noise", "left", "change", "spared")
    rows: list[tuple[Cell, ...]] = []
    for one in report.noise:
        left = "" if one.left is None else f"{100 * one.left:.0f} %"
        tested = ["" if each is None else interval(each) + mark(each) for each in (one.change, one.spared)]
        scores = (points(one.clean, is_signed=False), points(one.noisy, is_signed=False))
        rows.append((one.task, one.row, one.variant, *scores, left, *tested))
    notes = (
        f"left: share of the clean score; change: score under noise minus clean score; spared: its change minus that of "
        f"'{report.baseline}', above 0 if the row loses less. {marks_note()}",
    )
    return Table("Scores under noise", columns, tuple(rows), notes, named=3)


def section_table(section: Section) -> Table:
    """Return a section's contrasts."""
    columns = ("difference", "on", "points", "95 % interval", "p (Holm)", "", "smallest seen")
    rows: list[tuple[Cell, ...]] = []
    for one in section.contrasts:
        e = one.estimate
        p = e.corrected
        found = "more than chance" if e.is_significant else "may be chance"
        rows.append((one.name, place(one), points(e.value), f"{points(e.low)} to {points(e.high)}", f"{p:.4f}", found))
        rows[-1] += (smallest_text(e),)
    notes = (*([section.note] if section.note else []), SMALLEST_NOTE)
    return Table(section.title, columns, tuple(rows), notes, named=2)


def place(contrast: Contrast) -> str:
    """Return the place of a contrast: the target, or their number; and the languages if they are not all."""
    n = len(contrast.targets)
    where = contrast.targets[0] if n == 1 else f"{n} targets"
    return f"{where}, {contrast.about}" if contrast.about else where


def report_csv(report: SweepReport) -> str:
    """Return every number of the tables as tidy CSV, in fractions."""
    header = (
        "row target metric language state seeds score spread_over_seeds difference low high p p_holm is_significant "
        "smallest_effect is_generated contamination"
    )
    rows: list[Sequence[object]] = []
    for entry in report.entries.values():
        for what in (MEAN, *(name for name in _PAGE_MEANS if name in entry.groups), *entry.by_language):
            is_mean = what == MEAN
            estimate = entry.estimate if is_mean else entry.differences.get(what)
            score = entry.mean if is_mean else entry.by_language.get(what, entry.over(what))
            gain = entry.gain if is_mean else estimate.value if estimate else None
            rows.append(
                (
                    *(entry.row, entry.task, entry.metric, what, entry.state, len(entry.seeds)),
                    *(score, entry.spread if is_mean else None, gain, *_tested(estimate)),
                    *(entry.is_generated, " ".join(entry.contamination)),
                )
            )
    return csv_text(header.split(), rows)


def contrasts_csv(report: SweepReport) -> str:
    """Return every contrast, spread of orders and effect of noise as tidy CSV, in fractions."""
    rows: list[Sequence[object]] = []
    for row, overall in report.overall.items():
        name = f"{row} - {report.baseline}"
        rows.append((OVERALL, name, " ".join(overall.targets), "", overall.estimate.value, *_tested(overall.estimate)))
    for section in report.sections:
        for one in section.contrasts:
            on = " ".join(one.targets)
            rows.append((section.title, one.name, on, one.about, one.estimate.value, *_tested(one.estimate)))
    for order in report.orders:
        if (s := order.spread) is not None:
            name = f"{order.method}, {order.what}: standard deviation beyond chance"
            rows.append(("Orders", name, order.task, "", s.own, s.low, s.high, s.p, s.adjusted, s.is_significant, None))
    for effect in report.noise:
        for what, estimate in (("change", effect.change), ("spared", effect.spared)):
            if estimate is not None:
                name = f"{effect.row}, {effect.variant}: {what}"
                rows.append(("Noise", name, effect.task, "", estimate.value, *_tested(estimate)))
    return csv_text(
        [
            "section",
            "difference",
            "targets",
            "languages",
            "value",
            "low",
            "high",
            "p",
            "p_holm",
            "is_significant",
            "smallest_effect",
        ],
        rows,
    )


def _tested(estimate: Estimate | None) -> tuple[object, ...]:
    if estimate is None:
        return (None,) * 6
    tested = (estimate.low, estimate.high, estimate.p, estimate.adjusted, estimate.is_significant)
    smallest = smallest_seen(estimate)
    # Found to about six digits: the others would be those of a processor's rounding.
    return (*tested, None if smallest is None else round(smallest, 6))
