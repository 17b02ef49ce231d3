"""Comparison of compositions with a baseline: each difference with its interval, and a mark if it is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.languages import low_resource
from toolkit.report.plots import save
from toolkit.report.table import GENERATED_NOTE, Cell, Table
from toolkit.safe_text import csv_text
from toolkit.statistics.draws import Resampled
from toolkit.statistics.estimates import LEVEL, Estimate, Tested, holm

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Palette of Okabe and Ito, which colour-blind readers can distinguish."""

ZERO_SHOT, LOW, MEAN = "zero-shot", "low-resource", "mean"


@dataclass(frozen=True)
class Comparison:
    """Result of a paired test.

    Attributes:
        title: task, metric, split, backbone, protocol.
        baseline: the composition that the others are compared with.
        others: the other compositions, in order.
        means: name of a mean -> the languages it runs over.
        languages: the languages, in order.
        scores: composition -> mean or language -> score.
        differences: of the others to the baseline, in the same form, with Holm's correction.
        n: rows in each language.
        notes: sentences below the table.
    """

    title: str
    baseline: str
    others: tuple[str, ...]
    means: Mapping[str, tuple[str, ...]]
    languages: tuple[str, ...]
    scores: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Estimate]]
    n: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """Names of the means, then the languages."""
        return (*self.means, *self.languages)


def means_of(languages: Sequence[str], *, pivot_language: str = "en") -> dict[str, tuple[str, ...]]:
    """Return the means worth a line: zero-shot, low-resource, and all; none over a single language.

    Example:
        >>> list(means_of(["en", "de", "sw", "yo"]))
        ['zero-shot', 'low-resource', 'mean']
    """
    found = {}
    others = tuple(code for code in languages if code != pivot_language)
    if len(others) < len(languages):
        found[ZERO_SHOT] = others
    found[LOW] = low_resource(languages)
    found[MEAN] = tuple(languages)
    return {name: some for name, some in found.items() if len(some) > 1}


def comparison(
    resampled: Resampled,
    *,
    baseline: str,
    title: str,
    n: Mapping[str, int],
    is_generated: bool = False,
    is_parallel: bool = False,
    pivot_language: str = "en",
) -> Comparison:
    """Return the differences of all compositions to a baseline.

    Holm's correction runs over the compositions for each mean together, and over compositions and languages for the single
    languages (docs/decisions/0020-significance.md).
    """
    languages = resampled.languages
    means = means_of(languages, pivot_language=pivot_language)
    groups = {**means, **{code: (code,) for code in languages}}
    others = tuple(name for name in resampled.observed if name != baseline)
    scores = {name: {what: resampled.score(name, some) for what, some in groups.items()} for name in resampled.observed}
    raw = {name: {what: resampled.difference(name, baseline, some) for what, some in groups.items()} for name in others}
    differences: dict[str, dict[str, Estimate]] = {name: {} for name in others}
    for family in ([what] for what in means):
        _correct(differences, raw, family)
    _correct(differences, raw, languages)
    together = (
        "the rows are parallel: an example is drawn in all languages together"
        if is_parallel
        else "each language by itself"
    )
    resamples = len(next(iter(resampled.replicates.values())))
    notes = [
        f"Differences to '{baseline}' in points, with 95 % intervals: paired bootstrap over the test rows, {resamples:,} "
        f"resamples ({together}); {marks_note()}",
        "The intervals cover the choice of test rows, not the seed of the training.",
    ]
    if LOW in means:
        notes.append(f"low-resource: {', '.join(means[LOW])} (less than 3 GiB in CC-100).")
    if is_generated:
        notes.append(GENERATED_NOTE)
    return Comparison(title, baseline, others, means, languages, scores, differences, dict(n), tuple(notes))


def _correct(
    into: dict[str, dict[str, Estimate]], raw: Mapping[str, Mapping[str, Estimate]], family: Sequence[str]
) -> None:
    places = [(name, what) for name in raw for what in family]
    adjusted = holm([raw[name][what].p for name, what in places])
    for (name, what), p in zip(places, adjusted, strict=True):
        into[name][what] = replace(raw[name][what], adjusted=p)


def mark(tested: Tested) -> str:
    """Return `*`, `**` or `***` for a corrected p of at most 0.05, 0.01, 0.001; empty for a difference that may be chance."""
    return "*" * sum(tested.corrected <= level for level in (LEVEL, 0.01, 0.001))


def marks_note() -> str:
    """Return the sentence that explains the marks."""
    return "* p <= 0.05, ** 0.01, *** 0.001, after Holm's correction."


def points(value: float, *, is_signed: bool = True) -> str:
    """Return a fraction in points.

    Example:
        >>> points(0.0149), points(-0.02), points(0.576, is_signed=False)
        ('+1.5', '-2.0', '57.6')
    """
    rounded = round(100 * value, 1) + 0.0  # no minus before a zero
    return f"{rounded:+.1f}" if is_signed else f"{rounded:.1f}"


def compare_table(found: Comparison) -> Table:
    """Return a comparison as a table: means and languages down, compositions across."""
    columns = ["", "rows", found.baseline]
    for name in found.others:
        columns += [name, "difference"]
    rows: list[tuple[Cell, ...]] = []
    for what in found.lines:
        row: list[Cell] = [
            what,
            str(found.n[what]) if what in found.n else "",
            100 * found.scores[found.baseline][what].value,
        ]
        for name in found.others:
            d = found.differences[name][what]
            row += [
                100 * found.scores[name][what].value,
                f"{points(d.value)} [{points(d.low)}, {points(d.high)}] {mark(d)}".rstrip(),
            ]
        rows.append(tuple(row))
    return Table(found.title, tuple(columns), tuple(rows), found.notes, named=1)


def compare_csv(found: Comparison) -> str:
    """Return a comparison as tidy CSV, in fractions with all their digits."""
    header = ["composition", "baseline", "what", "rows", "score", "score_low", "score_high"]
    header += ["difference", "low", "high", "p", "p_holm", "is_significant"]
    lines: list[list[object]] = []
    for name in (found.baseline, *found.others):
        for what in found.lines:
            s = found.scores[name][what]
            line = [name, found.baseline, what, found.n.get(what, ""), s.value, s.low, s.high]
            if name == found.baseline:
                lines.append([*line, *[None] * 6])
            else:
                d = found.differences[name][what]
                lines.append([*line, d.value, d.low, d.high, d.p, d.adjusted, d.is_significant])
    return csv_text(header, lines)


def compare_figure(found: Comparison, path: Path) -> None:
    """Draw the differences with their intervals, a line for each mean and language, as PNG or SVG.

    Filled points are more than chance, hollow ones may be chance.

    Raises:
        ToolkitError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n = len(found.others)
    step = 0.8 / n
    figure = Figure(figsize=(7.0, 1.6 + (0.22 + 0.1 * n) * len(found.lines)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.axvline(0, color="black", linewidth=0.8)
    for i, name in enumerate(found.others):
        colour = COLOURS[i % len(COLOURS)]
        for line, what in enumerate(found.lines):
            d = found.differences[name][what]
            y = line + (i - (n - 1) / 2) * step
            axes.plot([100 * d.low, 100 * d.high], [y, y], color=colour, linewidth=1.4)
            face = colour if d.is_significant else "white"
            axes.plot(100 * d.value, y, "o", color=colour, markerfacecolor=face, markersize=5, label="_nolegend_")
        axes.plot([], [], "o-", color=colour, label=name)
    if found.means:
        axes.axhline(len(found.means) - 0.5, color="grey", linewidth=0.6, linestyle=":")
    axes.set_yticks(range(len(found.lines)), found.lines, fontsize=8)
    axes.set_ylim(len(found.lines) - 0.4, -0.6)
    axes.set_xlabel(f"points more than '{found.baseline}'; filled: more than chance (Holm, 5 %)", fontsize=8)
    axes.set_title(found.title, fontsize=9, wrap=True)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8)
    save(figure, path)
