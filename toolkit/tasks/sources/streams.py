"""Text files as tables without holding them: jsonl, csv, tsv and a text a line are read once, from the first row to the last.

What is not as expected is left to the readers of whole files (`formats`, `json_files`), which can say where and what.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import DataError
from toolkit.tasks.sources.batches import ROWS, Unlike, Writer
from toolkit.tasks.sources.json_files import rows_of_lines
from toolkit.tasks.sources.tables import Read

_LONGEST_CELL = 2**31 - 1  # csv stops at 131,072 characters otherwise
_CHARACTERS = 1 << 22  # of a batch of rows, about

# Yields the line and the values of each row; fills the list of the names of the columns on the way.
Rows = Callable[[Path, Iterable[str], Sequence[str], list[str]], Iterator[tuple[int, Mapping[str, Any]]]]


def streamed(file: Path, rows: Rows, columns: Sequence[str]) -> Read | None:
    """Read a file row by row; None where it cannot be read so.

    Args:
        file: UTF-8 text.
        rows: what its format makes of its lines.
        columns: the columns that are needed.

    Raises:
        DataError: a row is not what the format has.
    """
    names: list[str] = []
    lines = array("q")
    writer = Writer(columns)
    try:
        # CRLF and CR end a line too; `str.splitlines` would also cut at characters inside texts (U+2028, U+0085).
        with file.open(encoding="utf-8-sig", newline="\n" if rows is _texts else None) as text:
            for part in _parts(rows(file, text, columns, names), lines):
                writer.add({name: [row.get(name) for row in part] for name in columns}, len(part))
    except (Unlike, UnicodeDecodeError):
        return None
    return Read(writer.finished(list(columns) if set(columns) <= set(names) else names), lines)


def _parts(rows: Iterator[tuple[int, Mapping[str, Any]]], lines: array[int]) -> Iterator[list[Mapping[str, Any]]]:
    """Yield rows in parts of some size, and note their lines."""
    held: list[Mapping[str, Any]] = []
    size = 0
    for line, row in rows:
        lines.append(line)
        held.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(held) == ROWS or size > _CHARACTERS:
            yield held
            held, size = [], 0
    if held:
        yield held


def _objects(
    file: Path, text: Iterable[str], columns: Sequence[str], names: list[str]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the objects of a jsonl file."""
    known: dict[str, None] = {}
    for line, row in rows_of_lines(file, text, columns):
        if not row.keys() <= known.keys():
            known |= dict.fromkeys(row)
            names[:] = known
        yield line, row


def _texts(
    file: Path, text: Iterable[str], columns: Sequence[str], names: list[str]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield a text a line, also an empty one, cut at line feeds alone: another cut would move every line behind it."""
    names.append("0")
    for number, line in enumerate(text, 1):
        yield number, {"0": line.removesuffix("\n").removesuffix("\r")}


def _cells(*, is_tsv: bool) -> Rows:
    def rows(
        file: Path, text: Iterable[str], columns: Sequence[str], names: list[str]
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for line, cells in cells_of(file, text, columns, names, is_tsv=is_tsv):
            yield line, dict(zip(names, cells, strict=True))

    return rows


def cells_of(
    file: Path, text: Iterable[str], columns: Sequence[str], names: list[str], *, is_tsv: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the cells of each row of a csv or tsv file.

    Args:
        columns: if all are numbers, there is no header.
        names: filled with the names of the columns.

    Raises:
        DataError: a row with another number of cells, a column named twice, or quotes that do not close.
    """
    csv.field_size_limit(_LONGEST_CELL)
    if is_tsv:
        reader = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(text, strict=True)
    is_bare = bool(columns) and all(column.isdecimal() for column in columns)
    try:
        begins = 1
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not cells:
                continue
            if not names:
                names += [str(i) for i in range(len(cells))] if is_bare else [cell.strip() for cell in cells]
                if len(set(names)) != len(names):
                    raise DataError(f"{file}, line {line}: the header names a column twice; expected each once.")
                if not is_bare:
                    continue
            if len(cells) != len(names):
                raise DataError(f"{file}, line {line}: {len(cells)} cells; expected {len(names)} ({', '.join(names)}).")
            yield line, cells
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: {error}; expected well-formed csv.") from None


STREAMED: Mapping[str, Rows] = {
    "jsonl": _objects,
    "csv": _cells(is_tsv=False),
    "tsv": _cells(is_tsv=True),
    "lines": _texts,
}
