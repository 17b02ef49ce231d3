"""A sweep's report as one HTML page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from toolkit.report.compare import mark, points
from toolkit.report.sweep import (
    CONTAMINATED,
    Entry,
    SweepReport,
    main_table,
    order_table,
    page_table,
    verdicts,
)
from toolkit.report.table import Table
from toolkit.significance import Estimate

# Blue for better, orange for worse: told apart by colour-blind readers, and every cell has its number.
BETTER, WORSE = (33, 102, 172), (179, 88, 6)
_LEAST_SCALE = 0.01  # a table of tiny differences stays pale

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; color: #1a1a1a; }
h1 { margin-bottom: 0; } h1 + p { margin-top: .2rem; font-size: 1.1rem; }
.band { padding: .5rem .8rem; border-left: 4px solid; margin: .7rem 0; }
.generated { background: #f3eefb; border-color: #6a3d9a; } .partial { background: #fff5d6; border-color: #a67c00; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0; }
th, td { padding: .3rem .6rem; border: 1px solid #d0d0d0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; font-weight: 600; }
thead th { background: #f4f4f4; } tr.baseline td { border-bottom: 2px solid #1a1a1a; background: #fafafa; }
td small { display: block; font-size: .8rem; } td.sure { font-weight: 700; outline: 2px solid #1a1a1a; outline-offset: -2px; }
td.none { color: #767676; font-style: italic; }
.legend span { display: inline-block; padding: .1rem .6rem; margin-right: .3rem; border: 1px solid #d0d0d0; }
.notes { color: #444; font-size: .9rem; } a { color: #1d4f91; } a:focus-visible { outline: 3px solid #d55e00; }
@media print { .scroll { overflow: visible; } body { max-width: none; } }
"""


@dataclass(frozen=True)
class Section:
    """What else a page shows: sentences, a picture (the text of an SVG file, or empty), tables."""

    heading: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...]
    picture: str = ""


def report_page(report: SweepReport, sections: Sequence[Section] = ()) -> str:
    """Return the page: what helps, the table in colour, orders, other sections, a section for each target, what is missing."""
    scale = scale_of(report)
    title = escape(report.title or report.name)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1><p>{escape(report.question)}</p>",
    ]
    if report.is_generated:
        made = sorted({entry.task for entry in report.entries.values() if entry.is_generated})
        which = "" if set(made) == set(report.targets) else f" ({escape(', '.join(made))})"
        told = "These numbers are no benchmark results."
        parts.append(f'<p class="band generated"><b>Generated rows{which}.</b> {told}</p>')
    if report.lacks:
        parts.append(f'<div class="band partial"><b>{escape(report.lacks[0])}</b>{_missing(report.lacks[1:])}</div>')
    parts += ["<h2>What helps</h2><ul>", *(f"<li>{_linked(line)}</li>" for line in verdicts(report)), "</ul>"]
    parts += [f"<h2>Differences to {escape(report.baseline)}</h2>" if report.baseline else "<h2>Scores</h2>"]
    parts += [_legend(scale) if report.baseline else "", _main(report, scale), _notes(main_table(report).notes)]
    if report.orders:
        table = order_table(report)
        parts += ["<h2>Order</h2>", _plain(table), _notes(table.notes)]
    for section in sections:
        parts += [
            f"<h2>{escape(section.heading)}</h2><ul>",
            *(f"<li>{escape(line)}</li>" for line in section.lines),
            "</ul>",
        ]
        parts += [inline_svg(section.picture)] if section.picture else []
        for each in section.tables:
            parts += [f"<h3>{escape(each.title)}</h3>", _plain(each), _notes(each.notes)]
    for task in report.targets:
        page = page_table(report, task)
        parts += [f'<h2 id="{escape(task)}">{escape(page.title)}</h2>', _languages(report, task, page, scale)]
        parts.append(_notes(page.notes))
    return "\n".join([*parts, "</body></html>"]) + "\n"


def inline_svg(text: str) -> str:
    """Return an SVG file as it may stand within a page: without prolog, metadata, and references to the outside.

    Example:
        >>> inline_svg('<?xml version="1.0"?><!DOCTYPE svg><svg width="9pt"><metadata>x</metadata><g clip-path="url(#a)"/></svg>')
        '<svg role="img" width="9pt"><g/></svg>'
    """
    found = text[text.index("<svg") :]
    found = re.sub(r"<metadata>.*?</metadata>\s*", "", found, flags=re.DOTALL)
    found = re.sub(r"\s*clip-path=\"url\([^)]*\)\"", "", found)
    found = re.sub(r"\s*<style[^>]*>.*?</style>", "", found, flags=re.DOTALL)
    return found.replace("<svg", '<svg role="img"', 1).strip()


def colours(difference: float, scale: float) -> tuple[str, str]:
    """Return background and text colour of a difference, as CSS.

    Example:
        >>> colours(0.0, 0.05), colours(0.05, 0.05)
        (('#ffffff', '#000'), ('#2166ac', '#fff'))
    """
    share = min(abs(difference) / scale, 1.0)
    end = BETTER if difference > 0 else WORSE
    rgb = [round(255 + (full - 255) * share) for full in end]
    luminance = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
    return "#" + "".join(f"{part:02x}" for part in rgb), "#000" if luminance > 140 else "#fff"


def scale_of(report: SweepReport) -> float:
    """Return the difference that has the full colour, a fraction."""
    gains = [abs(entry.gain) for entry in report.entries.values() if entry.gain is not None]
    return max([_LEAST_SCALE, *gains])


def _main(report: SweepReport, scale: float) -> str:
    head = "".join(f'<th scope="col"><a href="#{escape(task)}">{escape(task)}</a></th>' for task in report.targets)
    rows = []
    for row in report.rows:
        cells = [_cell(report.entries.get((row, task)), scale) for task in report.targets]
        is_base = any(e.is_baseline for (name, _), e in report.entries.items() if name == row)
        kind = ' class="baseline"' if is_base else ""
        rows.append(f"<tr{kind}><td>{escape(row)}</td>{''.join(cells)}</tr>")
    return _wrapped(f"<th></th>{head}", rows)


def _cell(entry: Entry | None, scale: float) -> str:
    if entry is None:
        return '<td class="none"></td>'
    if entry.mean is None:
        return f'<td class="none" title="{escape(entry.error)}">{escape(entry.state)}</td>'
    score = points(entry.mean, is_signed=False) + (f" ± {100 * entry.spread:.1f}" if entry.spread is not None else "")
    extra = f" {CONTAMINATED}" if entry.contamination else ""
    extra += f" ({len(entry.seeds)} seeds)" if entry.state == "partial" else ""
    if entry.gain is None:
        return f"<td>{score}{extra}</td>"
    return _coloured(entry.gain, entry.estimate, scale, f"{score}{extra}")


def _coloured(gain: float, estimate: Estimate | None, scale: float, score: str) -> str:
    back, text = colours(gain, scale)
    sure = ' class="sure"' if estimate is not None and estimate.is_significant else ""
    told = "not tested"
    marks = ""
    if estimate is not None:
        marks = mark(estimate)
        p = estimate.p if estimate.adjusted is None else estimate.adjusted
        told = f"95 % interval {points(estimate.low)} to {points(estimate.high)}; p {p:.4f} after Holm"
    return (
        f'<td{sure} style="background:{back};color:{text}" title="{escape(told)}">'
        f"{points(gain)}{marks}<small>{score}</small></td>"
    )


def _languages(report: SweepReport, task: str, page: Table, scale: float) -> str:
    first = page.columns.index("worst") + 1
    rows = []
    entries = [report.entries[row, task] for row in report.rows if (row, task) in report.entries]
    for entry, cells in zip(entries, page.rows, strict=True):
        found = []
        for column, cell in zip(page.columns[1:first], cells[1:first], strict=True):
            found.append(_cell(entry, scale) if column == "mean" else f"<td>{escape(str(cell or ''))}</td>")
        for code in page.columns[first:]:
            estimate = entry.differences.get(code)
            score = points(entry.by_language[code], is_signed=False) if code in entry.by_language else ""
            found.append(_coloured(estimate.value, estimate, scale, score) if estimate else f"<td>{score}</td>")
        kind = ' class="baseline"' if entry.is_baseline else ""
        rows.append(f"<tr{kind}><td>{escape(entry.row)}</td>{''.join(found)}</tr>")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in page.columns)
    return _wrapped(head, rows)


def _plain(table: Table) -> str:
    lines = [[escape(str(cell or "")) for cell in row] for row in table.rows]
    rows = [f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines]
    return _wrapped("".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns), rows)


def _wrapped(head: str, rows: list[str]) -> str:
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _legend(scale: float) -> str:
    steps = []
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        back, text = colours(share * scale, scale)
        steps.append(f'<span style="background:{back};color:{text}">{points(share * scale)}</span>')
    meaning = (
        "points more or less than the baseline; framed and bold: more than chance (* 0.05, ** 0.01, *** 0.001, Holm)"
    )
    return f'<p class="legend">{"".join(steps)} {meaning}</p>'


def _missing(lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<details><summary>What is missing</summary><ul>{items}</ul></details>"


def _linked(line: str) -> str:
    task, _, rest = line.partition(": ")
    return f'<a href="#{escape(task)}">{escape(task)}</a>: {escape(rest)}'


def _notes(notes: tuple[str, ...]) -> str:
    return f'<p class="notes">{"<br>".join(map(escape, notes))}</p>' if notes else ""
