"""File formats as arrow tables: csv, tsv, jsonl, conll, parquet."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import DataError, SourceError
from toolkit.tasks.mirror.layout import read_parquet

if TYPE_CHECKING:
    import pyarrow

FORMATS = ("csv", "tsv", "jsonl", "conll", "parquet")
# A CoNLL-U line whose first cell is a range (`1-2`) or an empty node (`1.1`) does not count as a token.
_NO_TOKEN = re.compile(r"\d+[-.]\d+")
_LONGEST_CELL = 2**31 - 1  # csv stops at 131,072 characters otherwise


@dataclass(frozen=True)
class Read:
    """A table and, for text files, the line (from 1) that each row begins at."""

    table: pyarrow.Table
    lines: Sequence[int] | None = None


def read_file(file: Path, format: str, columns: Sequence[str]) -> Read:
    """Read a file.

    csv and tsv have a header, unless all of `columns` are numbers: then cells count from 0. tsv knows no quotes. conll has
    cells by number, separated by tabs or else spaces; an empty line ends a sentence, `# ` before one begins a comment.

    Args:
        file: UTF-8 if it is text; a byte-order mark and CRLF line ends are accepted.
        format: one of `FORMATS`.
        columns: the columns that are needed.

    Raises:
        SourceError: there is no such file.
        DataError: it cannot be read as `format`; the message names file, line and what was expected.
    """
    if not file.is_file():
        raise SourceError(
            f"The file {file} is not there; expected rows in {format}: correct the path in the task's YAML."
        )
    if format == "parquet":
        return Read(read_parquet([file], columns))
    text = _text(file)
    if format == "jsonl":
        return _jsonl(file, text, columns)
    if format == "conll":
        return _conll(file, text, columns)
    return _cells(file, text, columns, is_tsv=format == "tsv")


def _text(file: Path) -> io.StringIO:
    raw = file.read_bytes()
    try:
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(
            f"{file}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; expected UTF-8 text: convert the file."
        ) from None
    # Translates CRLF and CR; str.splitlines would also cut at characters that occur inside texts (U+2028, U+0085).
    return io.StringIO(decoded, newline=None)


def _cells(file: Path, text: io.StringIO, columns: Sequence[str], *, is_tsv: bool) -> Read:
    import csv

    csv.field_size_limit(_LONGEST_CELL)
    if is_tsv:
        reader = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(text, strict=True)
    names: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        begins = 1
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not cells:
                continue
            if names is None:
                is_bare = bool(columns) and all(column.isdecimal() for column in columns)
                names = [str(i) for i in range(len(cells))] if is_bare else [cell.strip() for cell in cells]
                if len(set(names)) != len(names):
                    raise DataError(f"{file}, line {line}: the header names a column twice; expected each once.")
                if not is_bare:
                    continue
            if len(cells) != len(names):
                raise DataError(f"{file}, line {line}: {len(cells)} cells; expected {len(names)} ({', '.join(names)}).")
            rows.append(cells)
            lines.append(line)
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: {error}; expected well-formed csv.") from None
    return Read(_table(file, {name: [row[i] for row in rows] for i, name in enumerate(names or [])}, lines), lines)


def _jsonl(file: Path, text: io.StringIO, columns: Sequence[str]) -> Read:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file}, line {number}: no JSON ({error}); expected one object a line.") from None
        if not isinstance(row, dict):
            raise DataError(f"{file}, line {number}: {type(row).__name__}; expected one object a line.")
        rows.append(row)
        lines.append(number)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if set(columns) <= set(names):
        names = list(columns)  # what is not read may hold anything
    values = {name: [row.get(name) if name in columns else None for row in rows] for name in names}
    return Read(_table(file, values, lines), lines)


def _conll(file: Path, text: io.StringIO, columns: Sequence[str]) -> Read:
    numbers = [int(column) for column in columns]
    found: dict[str, list[list[str]]] = {column: [] for column in columns}
    lines: list[int] = []
    for first, sentence in _sentences(text):
        rows = []
        for number, line in sentence:
            cells = line.split("\t") if "\t" in line else line.split()
            if min(numbers) > 0 and _NO_TOKEN.fullmatch(cells[0]):
                continue
            if len(cells) <= max(numbers):
                raise DataError(
                    f"{file}, line {number}: {len(cells)} cells; expected {max(numbers) + 1} or more, parted by tabs or spaces."
                )
            rows.append(cells)
        for column, place in zip(columns, numbers, strict=True):
            found[column].append([cells[place] for cells in rows])
        lines.append(first)
    return Read(_table(file, found, lines), lines)


def _sentences(text: io.StringIO) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """Yield each sentence's first line and its lines with their numbers."""
    held: list[tuple[int, str]] = []
    for number, line in enumerate(text, start=1):
        line = line.rstrip("\n")
        if not line.strip():
            if held:
                yield held[0][0], held
            held = []
        elif held or not line.startswith("# "):
            held.append((number, line))
    if held:
        yield held[0][0], held


def _table(file: Path, columns: dict[str, list[Any]], lines: Sequence[int]) -> pyarrow.Table:
    import pyarrow

    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = pyarrow.array(values)
            if _is_fractional(arrays[name].type) and (place := _fraction(values)) is not None:
                raise DataError(
                    f"{file}, line {lines[place]}: '{name}' is {str(values[place])[:60]}; expected whole numbers, as in "
                    "other lines."
                )
        except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
            place, found, expected = _misfit(values)
            raise DataError(f"{file}, line {lines[place]}: '{name}' is {found}; expected {expected}.") from None
    return pyarrow.table(arrays)


def _misfit(values: Sequence[Any]) -> tuple[int, str, str]:
    """Return the first of a column's values that does not fit those before it, what it is, and what was expected."""
    import pyarrow

    usual = next((type(value) for value in values if value is not None), type(None))
    for place, value in enumerate(values):
        if value is not None and type(value) is not usual:
            return place, type(value).__name__, f"{usual.__name__}, as in the lines before it"
        try:
            pyarrow.array([value])
        except UnicodeEncodeError:
            return place, "text with half a surrogate pair", "whole characters"
        except OverflowError:
            return place, "a number beyond 64 bits", "a smaller one"
        except (pyarrow.ArrowException, TypeError, ValueError):
            return place, f"{usual.__name__} of mixed types", "one type inside lists and objects"
    place = next(i for i in range(1, len(values) + 1) if not _fits(values[:i])) - 1
    return (
        place,
        f"{usual.__name__} with other types inside",
        "the same inside lists and objects as in the lines before it",
    )


def _is_fractional(kind: pyarrow.DataType) -> bool:
    import pyarrow

    while pyarrow.types.is_list(kind):
        kind = kind.value_type
    return bool(pyarrow.types.is_floating(kind))


def _fraction(values: Sequence[Any]) -> int | None:
    """Return the first value with a fraction among whole numbers: the table would make fractions of all of them."""
    inside = [{type(each) for each in (value if isinstance(value, list) else [value])} for value in values]
    if not any(int in types for types in inside):
        return None
    return next((place for place, types in enumerate(inside) if float in types), None)


def _fits(values: Sequence[Any]) -> bool:
    import pyarrow

    try:
        pyarrow.array(values)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True
