"""Records of a file or a stream, one after another: jsonl, json, csv, tsv, parquet, CoNLL or a text a line."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from toolkit.errors import DataError, SourceError
from toolkit.files import file_fault
from toolkit.nameless import nameless, write
from toolkit.progress import Say, say_nothing
from toolkit.tasks.own.convert import Record
from toolkit.tasks.own.fields import PLAIN, TEXT, declared_columns, own_fields
from toolkit.tasks.sources.checks import parts_of
from toolkit.tasks.sources.conll import CONLLU, sentences_of
from toolkit.tasks.sources.file_source import FORMAT_KINDS
from toolkit.tasks.sources.formats import ENDINGS
from toolkit.tasks.sources.json_stream import rows_of_stream
from toolkit.tasks.sources.streams import STREAMED
from toolkit.tasks.sources.tables import place_of
from toolkit.tasks.task import Task

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "conll", "conllu", "lines"]
FORMATS: tuple[Format, ...] = get_args(Format)
STDIN = Path("-")
_NAMED: Mapping[str, Format] = {
    "ndjson": "jsonl",
    "jsonlines": "jsonl",
    "txt": "lines",
    "text": "lines",
    "pq": "parquet",
}
_MAGIC = {b"PAR1": "parquet", b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_PEEK = 4096  # bytes that show what a stream is
_PIECE = 1 << 20  # bytes of a pipe that are in memory at once


@dataclass(frozen=True)
class Item:
    """A record with its place.

    Attributes:
        record: values by column.
        place: where it is, for a reader: `rows.jsonl, line 3`.
        lines: of CoNLL the lines of its tokens.
    """

    record: Record
    place: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Records:
    """A file, or standard input, of records.

    Attributes:
        path: the file; `-`: standard input.
        format: None: by the file's ending, or by how it begins.
        task: whose rows they are; None: texts.
        say: called with what is left out.
    """

    path: Path
    format: Format | None = None
    task: Task | None = None
    say: Say = say_nothing

    @property
    def name(self) -> str:
        """Its name for a reader."""
        return "standard input" if self.is_stdin else str(self.path)

    @property
    def is_stdin(self) -> bool:
        """Whether it can be read only once."""
        return self.path == STDIN

    def read(self) -> Iterator[Item]:
        """Yield the records; a second call begins again, except for standard input.

        Raises:
            SourceError: there is no such file.
            DataError: it is not of its format; the sentence names the line.
        """
        if not self.is_stdin and (fault := file_fault(self.path)):
            raise SourceError(f"The file {self.path} {fault}; name a file of rows, or `-` for standard input.")
        try:
            if self.is_stdin:
                yield from self._of(sys.stdin.buffer)
                return
            with self.path.open("rb") as stream:
                yield from self._of(stream)
        except OSError as error:  # of a disk or a folder elsewhere
            raise DataError(
                f"{self.name} cannot be read to its end ({error.strerror}); copy it to another disk."
            ) from None

    def _of(self, stream: BinaryIO) -> Iterator[Item]:
        stream, head = _peeked(stream)
        if not head:
            raise DataError(f"{self.name} is empty; expected at least one row.")
        format = self.format or self._format(head)
        n = 0
        for n, item in enumerate(_READERS[format](self, stream, head), 1):  # noqa: B007
            yield item
        if n == 0:
            raise DataError(f"{self.name} has no rows ({format}); expected at least one.")

    def _format(self, head: bytes) -> Format:
        ending = self.path.suffix.lstrip(".").lower()
        named = _NAMED.get(ending) or ENDINGS.get(ending, ending)
        found: Format | None = next((each for each in FORMATS if each == named), None)
        if found is not None:
            return found
        what = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")
        if what == "parquet":
            return "parquet"
        begins = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if begins in (b"{", b"["):
            return "jsonl" if begins == b"{" else "json"
        if self.task is None or TEXT[self.task.kind]:
            return "lines"
        raise DataError(f"{self.name} does not say its format; name it (`--format {'|'.join(FORMATS)}`).")

    def bare_columns(self) -> list[str]:
        """Return the columns of a file without a header, where all of the task's columns are numbers."""
        if self.task is None:
            return []
        columns = [each for column in declared_columns(self.task).values() for each in parts_of(column)]
        return columns if columns and all(each.isdecimal() for each in columns) else []

    def tokens_column(self, format: Format) -> str:
        """Return the column of tokens in a CoNLL file."""
        if self.task is None or self.task.kind not in FORMAT_KINDS[format]:
            raise DataError(f"{self.name} is read as CoNLL, which holds tokens; expected rows of another format.")
        field = next(each for each in own_fields(self.task, self.task.train_language) if each.name == "tokens")
        names = [column for column in field.columns if isinstance(column, str)]
        known = [each for each in names if each.isdecimal() or (format == "conllu" and each in CONLLU)]
        return known[0] if known else ("form" if format == "conllu" else "0")


# -- formats ------------------------------------------------------------------------------------------------------


def _peeked(stream: BinaryIO) -> tuple[BinaryIO, bytes]:
    """Return a stream and its first bytes, which it still has."""
    if not isinstance(stream, io.BufferedReader):
        stream = io.BufferedReader(io.BytesIO(stream.read()))
    return stream, stream.peek(_PEEK)[:_PEEK]


def _require_text(records: Records, head: bytes) -> None:
    """Raise where a stream begins as something else than a text."""
    what = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")
    if what or b"\0" in head:
        is_what = f"holds {what}" if what else "is a binary file (it holds NUL bytes)"
        way = "name `--format parquet`" if what == "parquet" else "unpack it first" if what else "convert it"
        raise DataError(f"{records.name} {is_what}; expected text in UTF-8: {way}.")


def _text(records: Records, stream: BinaryIO, head: bytes) -> Iterator[str]:
    """Yield the lines of a text with their ends, checked to be text."""
    _require_text(records, head)
    for number, line in enumerate(stream, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _not_utf8(records, number, error) from None
        if text.endswith("\r\n"):
            text = text[:-2] + "\n"
        yield text


def _pieces(records: Records, stream: BinaryIO, head: bytes) -> Iterator[str]:
    """Yield a text in pieces, however long its lines are, checked to be text."""
    _require_text(records, head)
    decoder, number = codecs.getincrementaldecoder("utf-8-sig")(), 1
    while True:
        piece = stream.read(_PIECE)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise _not_utf8(records, number + error.object[: error.start].count(b"\n"), error) from None
        if not piece:
            return
        number += piece.count(b"\n")
        yield text


def _not_utf8(records: Records, number: int, error: UnicodeDecodeError) -> DataError:
    byte = error.object[error.start]
    return DataError(
        f"{records.name}, line {number}: byte 0x{byte:02x} is not UTF-8; expected UTF-8 text: convert the file."
    )


def _streamed(format: Format) -> Callable[[Records, BinaryIO, bytes], Iterator[Item]]:
    def read(records: Records, stream: BinaryIO, head: bytes) -> Iterator[Item]:
        text = _text(records, stream, head)
        for line, record in STREAMED[format](Path(records.name), text, records.bare_columns(), []):
            yield Item(dict(record), f"{records.name}, {place_of(line)}")

    return read


def _lines(records: Records, stream: BinaryIO, head: bytes) -> Iterator[Item]:
    n_empty = 0
    for number, line in enumerate(_text(records, stream, head), 1):
        if records.task is not None and not line.strip():
            n_empty += 1  # no row to answer; a matrix of vectors has a row for each line
            continue
        yield Item({PLAIN: line.removesuffix("\n")}, f"{records.name}, line {number}")
    if n_empty:
        records.say(f"{records.name}: {n_empty:,} empty line{'s are' if n_empty > 1 else ' is'} left out.")


def _json(records: Records, stream: BinaryIO, head: bytes) -> Iterator[Item]:
    for place, row in rows_of_stream(Path(records.name), _pieces(records, stream, head)):
        yield Item(row, f"{records.name}, {place_of(place)}")


def _parquet(records: Records, stream: BinaryIO, head: bytes) -> Iterator[Item]:
    import pyarrow
    import pyarrow.parquet

    # Its end is read first.
    source: Any = _spooled(stream) if records.is_stdin and not stream.seekable() else stream
    number = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(source).iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                yield Item(row, f"{records.name}, row {number} (counted from 0)")
                number += 1
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{records.name}: no parquet ({' '.join(str(error).split())[:120]}); expected a parquet file."
        ) from None


def _spooled(stream: BinaryIO) -> BinaryIO:
    """Return what a pipe brings as a file without a name."""
    file = nameless("rows")
    while piece := stream.read(_PIECE):
        write(file, piece, "rows")
    file.seek(0)
    return file


def _conll(format: Format) -> Callable[[Records, BinaryIO, bytes], Iterator[Item]]:
    def read(records: Records, stream: BinaryIO, head: bytes) -> Iterator[Item]:
        column = records.tokens_column(format)
        for line, lines, tokens in sentences_of(records.name, _text(records, stream, head), column):
            yield Item({"tokens": tokens}, f"{records.name}, line {line}", tuple(lines))

    return read


_READERS: Mapping[Format, Callable[[Records, BinaryIO, bytes], Iterator[Item]]] = {
    "jsonl": _streamed("jsonl"),
    "json": _json,
    "csv": _streamed("csv"),
    "tsv": _streamed("tsv"),
    "parquet": _parquet,
    "conll": _conll("conll"),
    "conllu": _conll("conllu"),
    "lines": _lines,
}
