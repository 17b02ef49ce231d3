"""Renderer of tables: text for the terminal, Markdown, CSV or LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.registry import unknown
from toolkit.report.table import Cell, Table
from toolkit.safe_text import csv_text, latex_text, markdown_text, one_line, visible

FORMATS = ("text", "markdown", "csv", "latex")
NOTHING = "-"


def render(table: Table, format: str = "text", *, width: int = 120) -> str:
    """Return a table as text that ends in a line break.

    Args:
        table: what to show; its percentages appear with one decimal (CSV: two).
        format: `text` (aligned columns), `markdown`, `csv` (header and rows only) or `latex` (booktabs, in a `table`).
        width: for `text`, the most characters in a line; further columns follow below, with the first repeated.

    Raises:
        ToolkitError: there is no such format.

    Example:
        >>> print(render(Table("xnli, accuracy in %", ("composition", "en", "de"), (("mnli", 64.04, None),))), end="")
        xnli, accuracy in %
        composition    en  de
        mnli         64.0   -
    """
    if format == "text":
        return _text(table, width)
    if format == "markdown":
        return _markdown(table)
    if format == "csv":
        return _csv(table)
    if format == "latex":
        return _latex(table)
    raise unknown("format", format, FORMATS)


def _text(table: Table, width: int) -> str:
    columns = [one_line(name) for name in table.columns]
    rows = [[one_line(_cell(cell)) for cell in row] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    is_text = [_holds_text(table, place) for place in range(len(table.columns))]
    # The columns of text identify a row, so every block begins with them.
    named = table.named
    if named is None:
        named = next((place for place, is_name in enumerate(is_text) if not is_name), len(is_text))
    lines = [visible(table.title)] if table.title else []
    for number, block in enumerate(_blocks(widths, named, width)):
        if number:
            lines.append("")
        for cells in [columns, *rows]:
            padded = [cells[i].ljust(widths[i]) if is_text[i] else cells[i].rjust(widths[i]) for i in block]
            lines.append("  ".join(padded).rstrip())
    return "\n".join([*lines, *map(visible, table.notes)]) + "\n"


def _blocks(widths: Sequence[int], named: int, width: int) -> list[list[int]]:
    """Return the columns of each block that fits into `width`; the first `named` are in all of them."""
    first = list(range(named))
    blocks: list[list[int]] = []
    block = list(first)
    for place in range(named, len(widths)):
        if len(block) > named and sum(widths[i] + 2 for i in [*block, place]) - 2 > width:
            blocks.append(block)
            block = list(first)
        block.append(place)
    return [*blocks, block]


def _markdown(table: Table) -> str:
    is_text = [_holds_text(table, place) for place in range(len(table.columns))]
    lines = [f"**{markdown_text(table.title)}**", ""] if table.title else []
    lines.append(f"| {' | '.join(map(markdown_text, table.columns))} |")
    lines.append(f"|{'|'.join('---' if is_name else '---:' for is_name in is_text)}|")
    lines += [f"| {' | '.join(markdown_text(_cell(cell)) for cell in row)} |" for row in table.rows]
    for note in table.notes:
        lines += ["", markdown_text(note)]
    return "\n".join(lines) + "\n"


def _csv(table: Table) -> str:
    rows = ([f"{cell:.2f}" if isinstance(cell, float) else cell for cell in row] for row in table.rows)
    return csv_text(table.columns, rows)


def _latex(table: Table) -> str:
    is_text = [_holds_text(table, place) for place in range(len(table.columns))]
    named = 1 if table.named is None else table.named
    columns = "".join("l" if is_name and place < named else "r" for place, is_name in enumerate(is_text))
    rows = [" & ".join(latex_text(_cell(cell)) for cell in row) + r" \\" for row in table.rows]
    widths = [
        max(map(len, column))
        for column in zip(table.columns, *([_cell(c) for c in r] for r in table.rows), strict=True)
    ]
    is_wide = sum(widths) + 3 * len(widths) > _LATEX_WIDTH
    lines = [
        rf"% needs \usepackage{{booktabs{',graphicx' if is_wide else ''}}}",
        r"\begin{table}",
        r"\centering",
        *([r"\resizebox{\linewidth}{!}{%"] if is_wide else []),
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(latex_text, table.columns)) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}" + ("}" if is_wide else ""),
        rf"\caption{{{latex_text(' '.join([table.title + '.', *table.notes]))}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


_LATEX_WIDTH = 90  # characters that fit into a line of an article


def _cell(cell: Cell) -> str:
    if cell is None:
        return NOTHING
    return cell if isinstance(cell, str) else f"{cell:.1f}"


def _holds_text(table: Table, place: int) -> bool:
    return any(isinstance(row[place], str) for row in table.rows)
