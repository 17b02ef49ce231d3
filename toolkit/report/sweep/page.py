"""HTML page of a sweep's report; it needs no other file: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from toolkit.report.compare import MEAN, mark, points
from toolkit.report.sweep.colours import LEAST_SCALE, scale_of, shade
from toolkit.report.sweep.columns import Contrast
from toolkit.report.sweep.entries import CONTAMINATED, Entry
from toolkit.report.sweep.extra import Aside, inline_svg
from toolkit.report.sweep.report import SweepReport
from toolkit.report.sweep.section import Section, interval, smallest_text
from toolkit.report.sweep.tables import (
    OVERALL,
    main_table,
    noise_table,
    order_table,
    page_languages,
    page_means,
    page_table,
    place,
    section_table,
    seeds_text,
)
from toolkit.report.sweep.verdicts import answers, verdicts
from toolkit.report.table import Table
from toolkit.safe_text import html_text
from toolkit.statistics.estimates import Estimate

_FOREST = 240  # px


def report_page(report: SweepReport, asides: Sequence[Aside] = ()) -> str:
    """Return the page: the answer, what helps, the table in colour, orders, noise, contrasts, a section for each target."""
    scale = scale_of(report)
    title = html_text(report.title or report.name)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_style()}</style></head><body>",
        f'<h1>{title}</h1><p class="question">{html_text(report.question)}</p>',
    ]
    if report.is_generated:
        made = sorted({entry.task for entry in report.entries.values() if entry.is_generated})
        which = "" if set(made) == set(report.targets) else f" ({html_text(', '.join(made))})"
        warning = "These numbers are not benchmark results."
        parts.append(f'<p class="band generated"><b>Generated rows{which}.</b> {warning}</p>')
    if report.lacks:
        parts.append(f'<div class="band partial"><b>{html_text(report.lacks[0])}</b>{_missing(report.lacks[1:])}</div>')
    if said := answers(report):
        items = "".join(f"<li>{html_text(line)}</li>" for line in said)
        parts.append(f'<section class="answer"><h2>Answer</h2><ul>{items}</ul></section>')
    if report.baseline:
        parts += [
            '<h2>What helps</h2><ul class="verdicts">',
            *(f"<li>{_linked(line)}</li>" for line in verdicts(report)),
        ]
        parts += ["</ul>", f"<h2>Differences to {html_text(report.baseline)}</h2>", _legend(scale)]
    else:
        parts.append("<h2>Scores</h2>")
    parts += [_main(report, scale), _notes(main_table(report).notes)]
    if report.noise:
        table = noise_table(report)
        parts += [f"<h2>{html_text(table.title)}</h2>", _noise(report), _notes(table.notes)]
    if report.orders:
        table = order_table(report)
        parts += [f"<h2>{html_text(table.title)}</h2>", _plain(table), _notes(table.notes)]
    parts += [_section(section) for section in report.sections if section.contrasts]
    parts += [_aside(aside) for aside in asides]
    for task in report.targets:
        page = page_table(report, task)
        parts += [f'<h2 id="{html_text(task)}">{html_text(page.title)}</h2>', _languages(report, task, scale)]
        parts.append(_notes(page.notes))
    return "\n".join([*parts, "</body></html>"]) + "\n"


@cache
def _style() -> str:
    return files("toolkit.report").joinpath("page.css").read_text(encoding="utf-8")


def _main(report: SweepReport, scale: float) -> str:
    head = "".join(
        f'<th scope="col"><a href="#{html_text(task)}">{html_text(task)}</a>{f"<br>{html_text(variant)}" if variant else ""}</th>'
        for task, variant in report.columns
    )
    head += f'<th scope="col">{OVERALL}</th>' if report.overall else ""
    rows = []
    for row in report.lines:
        cells = [_cell(report.entry(row, *column), scale) for column in report.columns]
        if report.overall:
            cells.append(_overall(report, row, scale))
        rows.append(_row(row, cells, is_baseline=row == report.baseline))
    return _wrapped(f"<th></th>{head}", rows)


def _row(name: str, cells: Sequence[str], *, is_baseline: bool = False) -> str:
    kind = ' class="baseline"' if is_baseline else ""
    return f'<tr{kind}><th scope="row">{html_text(name)}</th>{"".join(cells)}</tr>'


def _cell(entry: Entry | None, scale: float) -> str:
    if entry is None:
        return '<td class="none"></td>'
    if entry.mean is None:
        return f'<td class="none" title="{html_text(entry.error)}">{html_text(entry.state)}</td>'
    score = points(entry.mean, is_signed=False) + (f" ± {100 * entry.spread:.1f}" if entry.spread is not None else "")
    extra = f" {CONTAMINATED}" if entry.contamination else ""
    extra += f" ({seeds_text(entry)})" if entry.state == "partial" else ""
    if entry.gain is None:
        return f"<td>{score}{extra}</td>"
    return _coloured(entry.gain, entry.estimate, scale, [*_range(entry.estimate), f"{score}{extra}"])


def _overall(report: SweepReport, row: str, scale: float) -> str:
    found = report.overall.get(row)
    if found is None:
        return '<td class="none mean"></td>'
    count = f"{len(found.targets)} of {len(report.targets)}"
    return _coloured(found.estimate.value, found.estimate, scale, [*_range(found.estimate), count], kind="mean")


def _range(estimate: Estimate | None) -> list[str]:
    return [] if estimate is None else [f"{points(estimate.low)} to {points(estimate.high)}"]


def _coloured(gain: float, estimate: Estimate | None, scale: float, below: Sequence[str], *, kind: str = "") -> str:
    back, is_deep = shade(gain, scale, estimate)
    is_sure = estimate is not None and estimate.is_significant
    names = " ".join(name for name, holds in ((kind, kind), ("sure", is_sure), ("deep", is_deep)) if holds)
    title = "not tested"
    marks = ""
    if estimate is not None:
        marks = mark(estimate)
        p = estimate.corrected
        title = f"95 % interval {points(estimate.low)} to {points(estimate.high)}; p {p:.4f} after Holm"
    small = "".join(f"<small>{html_text(line)}</small>" for line in below if line)
    named = f' class="{names}"' if names else ""
    return f'<td{named} style="background:{back}" title="{html_text(title)}">{points(gain)}{marks}{small}</td>'


def _languages(report: SweepReport, task: str, scale: float) -> str:
    means, languages = page_means(report, task), page_languages(report, task)
    rows = []
    for entry in (report.entries[row, task] for row in report.rows if (row, task) in report.entries):
        worst = f"{entry.worst} {points(entry.by_language[entry.worst], is_signed=False)}" if entry.worst else ""
        cells = [_cell(entry, scale)]
        cells += [_scored(entry.over(name), entry.differences.get(name), scale) for name in means]
        cells.append(f"<td>{html_text(worst)}</td>")
        cells += [_scored(entry.by_language.get(code), entry.differences.get(code), scale) for code in languages]
        rows.append(_row(entry.row, cells, is_baseline=entry.is_baseline))
    return _wrapped(_head(["", MEAN, *means, "worst", *languages]), rows)


def _scored(score: float | None, difference: Estimate | None, scale: float) -> str:
    if score is None:
        return "<td></td>"
    shown = points(score, is_signed=False)
    return f"<td>{shown}</td>" if difference is None else _coloured(difference.value, difference, scale, [shown])


def _noise(report: SweepReport) -> str:
    """Return rows down and noises across: the share that is left, and in colour how much less is lost than of the baseline."""
    variants = list(dict.fromkeys(one.variant for one in report.noise))
    spared = [abs(one.spared.value) for one in report.noise if one.spared is not None]
    scale = max([LEAST_SCALE, *spared])
    has_targets = len(report.targets) > 1
    rows = []
    for task, row in dict.fromkeys((one.task, one.row) for one in report.noise):
        own = {one.variant: one for one in report.noise if (one.task, one.row) == (task, row)}
        cells = [f"<td>{points(next(iter(own.values())).clean, is_signed=False)}</td>"]
        for variant in variants:
            one = own.get(variant)
            if one is None:
                cells.append('<td class="none"></td>')
                continue
            left = "" if one.left is None else f"{100 * one.left:.0f} % left"
            below = [f"{left}, {points(one.change.value)}{mark(one.change)}"]
            if one.spared is None:
                cells.append(
                    f"<td>{html_text(left)}<small>{html_text(f'{interval(one.change)}{mark(one.change)}')}</small></td>"
                )
            else:
                cells.append(_coloured(one.spared.value, one.spared, scale, [*_range(one.spared), *below]))
        rows.append(_row(f"{row} on {task}" if has_targets else row, cells, is_baseline=row == report.baseline))
    legend = "In colour: points that the row loses less than the baseline. Below: the share of the clean score that is left, and the change."
    return f'{_wrapped(_head(["", "clean", *variants]), rows)}<p class="notes">{legend}</p>'


def _section(section: Section) -> str:
    """Return a section's contrasts, each with its interval drawn on a common scale."""
    ends = [end for one in section.contrasts for end in (one.estimate.low, one.estimate.high, 0.0)]
    low, high = min(ends), max(ends)
    rows = []
    for one in section.contrasts:
        verdict = "more than chance" if one.estimate.is_significant else "may be chance"
        weight = ' class="sure"' if one.estimate.is_significant else ""
        cells = [f"<td>{html_text(place(one))}</td>", f"<td>{_forest(one, low, high)}</td>"]
        rows.append(
            _row(
                one.name,
                [
                    *cells,
                    f"<td{weight}>{interval(one.estimate)}{mark(one.estimate)}</td>",
                    f"<td>{verdict}</td>",
                    f"<td>{smallest_text(one.estimate)}</td>",
                ],
            )
        )
    table = _wrapped(_head(["difference", "on", "", "points, 95 % interval", "", "smallest seen"]), rows)
    return f"<h2>{html_text(section.title)}</h2>{table}{_notes(section_table(section).notes)}"


def _forest(contrast: Contrast, low: float, high: float) -> str:
    width = max(high - low, 1e-9)

    def x(value: float) -> str:
        return f"{8 + (_FOREST - 16) * (value - low) / width:.1f}"

    e = contrast.estimate
    sure = ' class="sure"' if e.is_significant else ""
    return (
        f'<svg class="forest" role="img" aria-label="{html_text(interval(e))}" width="{_FOREST}" height="18">'
        f'<line class="zero" x1="{x(0.0)}" x2="{x(0.0)}" y1="0" y2="18"/>'
        f'<line class="range" x1="{x(e.low)}" x2="{x(e.high)}" y1="9" y2="9"/><circle{sure} cx="{x(e.value)}" cy="9" r="4"/></svg>'
    )


def _aside(aside: Aside) -> str:
    items = "".join(f"<li>{html_text(line)}</li>" for line in aside.lines)
    parts = [f"<h2>{html_text(aside.heading)}</h2><ul>{items}</ul>"]
    parts += [f'<div class="scroll">{inline_svg(aside.picture)}</div>'] if aside.picture else []
    for table in aside.tables:
        parts += [f"<h3>{html_text(table.title)}</h3>", _plain(table), _notes(table.notes)]
    return "\n".join(parts)


def _plain(table: Table) -> str:
    rows = [
        _row(str(row[0] or ""), [f"<td>{html_text(str(cell or ''))}</td>" for cell in row[1:]]) for row in table.rows
    ]
    return _wrapped(_head(table.columns), rows, kind="words")


def _head(names: Sequence[str]) -> str:
    return "".join(f'<th scope="col">{html_text(name)}</th>' for name in names)


def _wrapped(head: str, rows: list[str], *, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    table = f"<table{named}><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>'


def _legend(scale: float) -> str:
    steps = []
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        back, is_deep = shade(share * scale, scale)
        named = ' class="deep"' if is_deep else ""
        steps.append(f'<span{named} style="background:{back}">{points(share * scale)}</span>')
    meaning = "points more or less than the baseline; below it the 95 % interval and the score"
    sure = '<span class="sure">framed</span> more than chance (* 0.05, ** 0.01, *** 0.001, Holm), pale: may be chance.'
    return f'<p class="legend">{"".join(steps)} {meaning}. {sure}</p>'


def _missing(lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{html_text(line)}</li>" for line in lines)
    return f"<details><summary>What is missing</summary><ul>{items}</ul></details>"


def _linked(line: str) -> str:
    task, _, rest = line.partition(": ")
    return f'<a href="#{html_text(task)}">{html_text(task)}</a>: {html_text(rest)}'


def _notes(notes: tuple[str, ...]) -> str:
    return f'<p class="notes">{"<br>".join(map(html_text, notes))}</p>' if notes else ""
