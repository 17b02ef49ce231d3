"""File formats as arrow tables: csv, tsv, json, jsonl, conll, conllu, parquet."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from toolkit.errors import DataError, SourceError
from toolkit.files import file_fault
from toolkit.tasks.mirror.layout import read_parquet
from toolkit.tasks.sources.conll import Tagged, read_conll
from toolkit.tasks.sources.json_files import read_json, read_jsonl
from toolkit.tasks.sources.streams import STREAMED, cells_of, streamed
from toolkit.tasks.sources.tables import Read, table_of

FORMATS = ("csv", "tsv", "json", "jsonl", "conll", "conllu", "parquet", "lines")
# Endings of files whose format has another name.
ENDINGS: Mapping[str, str] = {"iob": "conll", "iob2": "conll", "bio": "conll", "conllup": "conll"}


def read_file(file: Path, format: str, columns: Sequence[str], tagged: Tagged | None = None) -> Read:
    """Read a file.

    json is SQuAD's nesting, a list of objects, or an object of lists (`json_files`). lines is a text a line, of one file or of
    all `.txt` files in a folder. csv and tsv have a header, unless all of
    `columns` are numbers: then cells count from 0. tsv knows no quotes. conll has cells by number (`conll`), and conllu those of
    CoNLL-U, which have names too.

    Args:
        file: UTF-8 if it is text; a byte-order mark and CRLF line ends are accepted.
        format: one of `FORMATS`.
        columns: the columns that are needed.
        tagged: which of them hold tokens and tags, for the formats of CoNLL.

    Raises:
        SourceError: there is no such file.
        DataError: it cannot be read as `format`; the message names file, line and what was expected.
    """
    if format == "lines" and file.is_dir():
        return _folder(file)
    if fault := file_fault(file):
        raise SourceError(f"The file {file} {fault}; expected rows in {format}: correct the path in the task's YAML.")
    try:
        return _read(file, format, columns, tagged)
    except OSError as error:  # of a disk or a folder elsewhere
        raise DataError(f"{file} cannot be read to its end ({error.strerror}); copy it to another disk.") from None


def _read(file: Path, format: str, columns: Sequence[str], tagged: Tagged | None) -> Read:
    if format == "parquet":
        return Read(read_parquet([file], columns))
    if format in STREAMED:
        read = streamed(file, STREAMED[format], columns)
        if read is not None:
            return read
    if format == "lines":
        return _lines(file)
    text = _text(file)
    if format == "jsonl":
        return read_jsonl(file, text.read(), columns)
    if format == "json":
        return read_json(file, text.read(), columns)
    if format in ("conll", "conllu"):
        return read_conll(file, text, columns, tagged)
    return _cells(file, text, columns, is_tsv=format == "tsv")


def _lines(file: Path) -> Read:
    """Read a text a line, also an empty one, cut at line feeds alone: another cut would move every line behind it."""
    found = _lines_of(file)
    lines = list(range(1, len(found) + 1))
    return Read(table_of(file, {"0": found}, lines), lines)


def _lines_of(file: Path) -> list[str]:
    text = _decoded(file)
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def texts_in(folder: Path) -> list[Path]:
    """Return the text files in a folder and in those within it, in the order of their names."""
    return sorted(folder.rglob("*.txt"))


def _folder(folder: Path) -> Read:
    """Read a text a line from every text file in a folder; the lines are counted on from file to file."""
    files = texts_in(folder)
    if not files:
        raise SourceError(
            f"The folder {folder} holds no text file; expected files that end in .txt, with a text a line: correct the path in the "
            "task's YAML."
        )
    found: list[str] = []
    for file in files:
        if fault := file_fault(file):
            raise SourceError(f"The file {file} {fault}; expected a text a line: remove it from the folder.")
        found += _lines_of(file)
    lines = list(range(1, len(found) + 1))
    return Read(table_of(folder, {"0": found}, lines), lines)


def _text(file: Path) -> io.StringIO:
    # Translates CRLF and CR; str.splitlines would also cut at characters that occur inside texts (U+2028, U+0085).
    return io.StringIO(_decoded(file), newline=None)


def _decoded(file: Path) -> str:
    raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(
            f"{file}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; expected UTF-8 text: convert the file."
        ) from None


def _cells(file: Path, text: Iterable[str], columns: Sequence[str], *, is_tsv: bool) -> Read:
    names: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, cells in cells_of(file, text, columns, names, is_tsv=is_tsv):
        rows.append(cells)
        lines.append(line)
    return Read(table_of(file, {name: [row[i] for row in rows] for i, name in enumerate(names)}, lines), lines)
