"""File formats as arrow tables: csv, tsv, json, jsonl, conll, parquet."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.errors import DataError, SourceError
from toolkit.tasks.mirror.layout import read_parquet
from toolkit.tasks.sources.json_files import read_json, read_jsonl
from toolkit.tasks.sources.tables import Read, table_of

FORMATS = ("csv", "tsv", "json", "jsonl", "conll", "parquet")
# A CoNLL-U line whose first cell is a range (`1-2`) or an empty node (`1.1`) does not count as a token.
_NO_TOKEN = re.compile(r"\d+[-.]\d+")
_LONGEST_CELL = 2**31 - 1  # csv stops at 131,072 characters otherwise


def read_file(file: Path, format: str, columns: Sequence[str]) -> Read:
    """Read a file.

    json is SQuAD's nesting, a list of objects, or an object of lists (`json_files`). csv and tsv have a header, unless all of `columns` are numbers: then cells count from 0. tsv knows no quotes. conll has
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
        return read_jsonl(file, text.read(), columns)
    if format == "json":
        return read_json(file, text.read(), columns)
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
    return Read(table_of(file, {name: [row[i] for row in rows] for i, name in enumerate(names or [])}, lines), lines)


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
    return Read(table_of(file, found, lines), lines)


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
