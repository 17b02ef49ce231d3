r"""Texts of strangers, made safe: escapes of everything that is printed, drawn or exported for people.

A label, a description, a row or a file's name may hold anything. On its way to a terminal, a spreadsheet, a page or a
picture it passes one function of this file (docs/decisions/0035-output.md). Files for machines
(`*.jsonl`, `*.json`, `*.tsv`) keep every text exactly.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

# Control characters, line and paragraph separators, what turns the direction of all that follows, halves of surrogate
# pairs. Not among them: joiners, combining marks and the marks that right-to-left text is written with.
_TURNING = "\u202a-\u202e\u2066-\u2069"
_UNSEEN = rf"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_TURNING}\u206a-\u206f\ufff9-\ufffb\ud800-\udfff"
_IN_LINES = re.compile(f"[{_UNSEEN}]")
_IN_A_LINE = re.compile(rf"[{_UNSEEN}\t\n]")
_IN_JSON = re.compile(rf"[\x7f-\x9f\u2028\u2029{_TURNING}\u206a-\u206f\ufff9-\ufffb\ud800-\udfff]")
_LONG = re.compile(r"\S{301,}")
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def visible(text: str) -> str:
    r"""Return a text of one or more lines as a terminal may show it: what would act on the terminal is written as an escape.

    Line breaks and tabs stay. Text in any script stays as it is, with its joiners, marks and right-to-left order.

    Example:
        >>> print(visible("red \x1b[31m, turned \u202e, cleared \r, Persian \u0645\u06cc\u200c\u0634\u0648\u062f"))
        red \x1b[31m, turned \u202e, cleared \r, Persian می‌شود
    """
    return _IN_LINES.sub(_escape, text)


def one_line(text: str) -> str:
    r"""Return a text as `visible` does, in one line: a cell, a label, a name.

    Example:
        >>> print(one_line("a\nb"))
        a\nb
    """
    return _IN_A_LINE.sub(_escape, text)


def short_words(text: str) -> str:
    """Return a text whose words have at most 300 characters, and all together 4,000: what quotes what was given stays short.

    Example:
        >>> len(short_words("No task named '" + "x" * 5000 + "'.")), short_words("a sentence")
        (255, 'a sentence')
    """
    text = _LONG.sub(lambda found: f"{found[0][:200]}… ({len(found[0])} characters) …{found[0][-20:]}", text)
    return text if len(text) <= 4000 else f"{text[:3000]} … ({len(text):,} characters) … {text[-500:]}"


def _escape(found: re.Match[str]) -> str:
    sign = found[0]
    if sign in _SHORT:
        return _SHORT[sign]
    # Above ASCII in the form that JSON has as well: what is printed as JSON stays JSON.
    return f"\\x{ord(sign):02x}" if sign < "\x80" else f"\\u{ord(sign):04x}"


# -- files for machines -----------------------------------------------------------------------------------------------


def json_text(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> str:
    r"""Return a value as JSON that reads back exactly, in which nothing acts on a terminal.

    Example:
        >>> print(json_text({"label": "ja \u202e 是"}))
        {"label": "ja \u202e 是"}
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=sort_keys)
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # such characters are inside strings only


# -- spreadsheets -----------------------------------------------------------------------------------------------------

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four are their wide forms
_GUARDED = re.compile("''*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf|nan)"
# A number, one with its interval and marks of significance (`-1.5 [-2.0, -1.0] *`), and the dash of an empty cell.
_HARMLESS = re.compile(rf"{_NUMBER}(?: ?\[{_NUMBER}, {_NUMBER}\])? ?(?:\*{{0,3}}|[+?-])|-")


def csv_cell(value: object) -> object:
    """Return a cell that a spreadsheet takes as what it is: a text that it would compute is preceded by an apostrophe.

    Example:
        >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell(-0.5), csv_cell("mnli")
        ("'=1+1", '-0.5', -0.5, 'mnli')
    """
    if not isinstance(value, str):
        return value
    is_computed = _FORMULA.match(value) and not _HARMLESS.fullmatch(value)
    return visible(f"'{value}" if is_computed else value)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return a table as CSV with a header; None is an empty cell. `csv_rows` reads it.

    Example:
        >>> csv_text(["label", "value"], [["@sum", -0.5], ["mnli", None]])
        "label,value\n'@sum,-0.5\nmnli,\n"
    """
    return csv_lines([columns, *rows])


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    r"""Return rows as lines of CSV, for tables that are written in pieces.

    Example:
        >>> csv_lines([["@sum", None], ["mnli", 1]])
        "'@sum,\nmnli,1\n"
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([csv_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def csv_rows(text: str) -> list[dict[str, str]]:
    r"""Return the rows of what `csv_text` wrote, with the cells as they were.

    Example:
        >>> csv_rows("label,value\n'@sum,-0.5\n")
        [{'label': '@sum', 'value': '-0.5'}]
    """
    read = [[cell[1:] if _GUARDED.match(cell) else cell for cell in row] for row in csv.reader(io.StringIO(text))]
    return [dict(zip(read[0], row, strict=True)) for row in read[1:] if row]


# -- pages ------------------------------------------------------------------------------------------------------------

# `<` where a tag or an address could begin, `&` where an entity does, `]` where an address follows it, `_` where it is
# no part of a word; so that names of compositions stay as they are.
_MARKDOWN = re.compile(
    r"(?P<signs>[\\`*|]|(?<!\w)_|_(?!\w)|\](?=[(\[:]))|(?P<less><(?=[A-Za-z/!?]))|(?P<and>&(?=\#?\w+;))"
)


def markdown_text(text: str) -> str:
    r"""Return a text as Markdown shows it: no tag, no link, no emphasis, no end of a cell or line.

    Example:
        >>> print(markdown_text("<b>a|b</b> [x](http://y) fuse[mnli,rte_x]"))
        &lt;b>a\|b&lt;/b> [x\](http://y) fuse[mnli,rte_x]
    """

    def escaped(found: re.Match[str]) -> str:
        return {"less": "&lt;", "and": "&amp;"}.get(found.lastgroup or "", f"\\{found[0]}")

    return _MARKDOWN.sub(escaped, visible(" ".join(text.split("\n"))))


def html_text(text: str) -> str:
    """Return a text as HTML shows it, also inside an attribute.

    Example:
        >>> html_text('<a href="x">')
        '&lt;a href=&quot;x&quot;&gt;'
    """
    return html.escape(visible(text))


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


def latex_text(text: str) -> str:
    r"""Return a text as LaTeX sets it.

    Example:
        >>> print(latex_text("fuse[a_b,c] 5 %"))
        fuse[a\_b,c] 5 \%
        >>> print(latex_text("a-1 -2.5"))
        a-1 $-$2.5
    """
    escaped = "".join(_LATEX.get(sign, sign) for sign in one_line(text).replace("<=", "≤"))
    # At the beginning of a row these would belong to the line break before it.
    return ("{}" if escaped[:1] in ("[", "*") else "") + _MINUS.sub("$-$", escaped)
