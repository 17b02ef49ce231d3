"""Renderer of tables: text for the terminal, Markdown, CSV or LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from toolkit.registry import unknown
from toolkit.report.table import Cell, Table

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
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(table.columns, *rows, strict=True)]
    is_text = [_holds_text(table, place) for place in range(len(table.columns))]
    # The columns of text identify a row, so every block begins with them.
    named = table.named
    if named is None:
        named = next((place for place, is_name in enumerate(is_text) if not is_name), len(is_text))
    lines = [table.title] if table.title else []
    for number, block in enumerate(_blocks(widths, named, width)):
        if number:
            lines.append("")
        for cells in [list(table.columns), *rows]:
            padded = [cells[i].ljust(widths[i]) if is_text[i] else cells[i].rjust(widths[i]) for i in block]
            lines.append("  ".join(padded).rstrip())
    return "\n".join([*lines, *table.notes]) + "\n"


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
    lines = [f"**{_escaped(table.title)}**", ""] if table.title else []
    lines.append(f"| {' | '.join(map(_escaped, table.columns))} |")
    lines.append(f"|{'|'.join('---' if is_name else '---:' for is_name in is_text)}|")
    lines += [f"| {' | '.join(_escaped(_cell(cell)) for cell in row)} |" for row in table.rows]
    for note in table.notes:
        lines += ["", _escaped(note)]
    return "\n".join(lines) + "\n"


def _csv(table: Table) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(
        ["" if cell is None else f"{cell:.2f}" if isinstance(cell, float) else cell for cell in row]
        for row in table.rows
    )
    return buffer.getvalue()


def _latex(table: Table) -> str:
    is_text = [_holds_text(table, place) for place in range(len(table.columns))]
    named = 1 if table.named is None else table.named
    columns = "".join("l" if is_name and place < named else "r" for place, is_name in enumerate(is_text))
    rows = [" & ".join(latex_escaped(_cell(cell)) for cell in row) + r" \\" for row in table.rows]
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
        " & ".join(map(latex_escaped, table.columns)) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}" + ("}" if is_wide else ""),
        rf"\caption{{{latex_escaped(' '.join([table.title + '.', *table.notes]))}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


_LATEX_WIDTH = 90  # characters that fit into a line of an article
_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "…": r"\dots{}",
    "≤": r"$\leq$",
}
_MINUS = re.compile(r"(?<![A-Za-z0-9}])-(?=[0-9])")


def latex_escaped(text: str) -> str:
    """Return a text escaped for LaTeX.

    Example:
        >>> print(latex_escaped("fuse[a_b,c] 5 %"))
        fuse[a\\_b,c] 5 \\%
        >>> print(latex_escaped("a-1 -2.5"))
        a-1 $-$2.5
    """
    escaped = "".join(_LATEX.get(sign, sign) for sign in text.replace("<=", "≤"))
    return _MINUS.sub("$-$", escaped)


def _cell(cell: Cell) -> str:
    if cell is None:
        return NOTHING
    return cell if isinstance(cell, str) else f"{cell:.1f}"


def _holds_text(table: Table, place: int) -> bool:
    return any(isinstance(row[place], str) for row in table.rows)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
