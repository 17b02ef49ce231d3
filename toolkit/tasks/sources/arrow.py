"""Rows from an arrow table, whatever file it was read from."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from toolkit.errors import DataError
from toolkit.tasks.draw import Marks
from toolkit.tasks.rows import Row
from toolkit.tasks.sources.batches import Batches
from toolkit.tasks.sources.checks import Column, parts_of
from toolkit.tasks.sources.columns import column_in, label_column, matching
from toolkit.tasks.sources.convert import Fault, Promise, convert
from toolkit.tasks.sources.label_names import known_words, names_in
from toolkit.tasks.sources.tables import place_of

if TYPE_CHECKING:
    import pyarrow

    from toolkit.tasks.task import Task


_OPEN = 4  # batches whose columns are kept


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the rows of a task are read from a table.

    Attributes:
        columns: for each field of the kind its column, or columns whose values make a list.
        where: rows to keep, by column: the values allowed.
        language: ISO 639-1 code, or `context.question`.
        split: the dataset's own split.
        file: names the table in a fault.
        origin: where the rows come from, for reports.
        revision: `org/name@commit`, if known.
        lines, notes: of a text file (`tables.Read`).
        label_map: other words for the task's labels.
        names: what the data calls a language, for `{name}`.
        shape: makes a text file's cells what a kind expects.
        paragraphs: field of a plain text, whose blank lines are left out; empty: every line is one.
    """

    columns: Mapping[str, Column]
    where: Mapping[str, tuple[object, ...]]
    language: str
    split: str
    file: str
    origin: str
    revision: str = ""
    lines: Sequence[int | str] | None = None
    notes: tuple[str, ...] = ()
    label_map: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    shape: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    road: str = ""
    paragraphs: str = ""


class ArrowRows:
    """A table, opened for a task: columns are looked up batch by batch, rows converted when asked for."""

    def __init__(self, table: pyarrow.Table | Batches, task: Task, reading: Reading) -> None:
        self.split = reading.split
        self.origin = reading.origin
        self.revision = reading.revision
        self.notes = reading.notes
        self.road = reading.road
        self._task = task
        self._lines = reading.lines
        self._shape = reading.shape
        self._file = reading.file
        self._batches = batches = table if isinstance(table, Batches) else Batches.of(table)
        if batches.num_rows == 0:
            raise DataError(
                f"{self._file} has no rows; expected at least one for the split '{self.split}' of task '{task.name}'."
            )
        columns = {
            name: column_in(column, reading.language, reading.names, batches.column_names)
            for name, column in reading.columns.items()
        }
        self._paths = {name: parts_of(column) for name, column in columns.items()}
        self._is_list = {name for name, column in columns.items() if not isinstance(column, str)}
        self._opened: dict[int, dict[str, list[Any]]] = {}
        self._columns_of(batches.schema.empty_table())  # what is not there is reported now
        words = self._words(batches.schema, columns, reading.label_map)
        self._promise = Promise(task.labels, task.may_be_unanswerable, task.may_have_other_tags, words)
        self._kept = self._filter(reading)
        if reading.paragraphs:
            self._kept = array("q", self._written(reading.paragraphs))

    def __len__(self) -> int:
        return len(self._kept)

    def row(self, index: int) -> Row:
        there = self._kept[index]
        raw = {name: self.value(name, index) for name in self._paths}
        try:
            if self._shape is not None:
                raw = self._shape(raw)
            return convert(self._task.kind, raw, str(there), self._promise)
        except Fault as fault:
            raise DataError(f"{self.place(index)}: {fault.found}; expected {fault.expected}.") from None

    def value(self, name: str, index: int) -> Any:
        """Return a field's raw value of one row."""
        number, place = self._batches.place(self._kept[index])
        try:
            values = [column[place].as_py() for column in self._batch(number)[name]]
        except ValueError as error:  # bytes that are not UTF-8, dates beyond Python's
            raise DataError(f"{self.place(index)}: its {name} {_unreadable(error)}") from None
        return values if name in self._is_list else values[0]

    def place(self, index: int) -> str:
        """Return the words for where a row is: its file, and its line or number."""
        there = self._kept[index]
        at = f"row {there} (counted from 0)" if self._lines is None else place_of(self._lines[there])
        return f"{self._file}, {at}"

    def marks(self) -> Marks:
        """Return the ids and raw labels of all rows, without making them."""
        known: dict[str, str] = {}  # a text for each label, not for each row
        strata = None
        if "label" in self._paths:
            strata = [known.setdefault(text, text) for text in map(str, self.each("label"))]
        if "id" not in self._paths:
            return Marks(Numbers(self._kept), strata)
        # As `convert` names a row.
        named = zip(self.each("id"), self._kept, strict=True)
        return Marks([str(id) if id not in (None, "") else str(place) for id, place in named], strata)

    def values(self, name: str) -> list[Any]:
        """Return a field's raw values, of all rows."""
        return list(self.each(name))

    def each(self, name: str) -> Iterator[Any]:
        """Yield a field's raw values, of all rows."""
        first = 0
        for number, begin in enumerate(self._batches.starts[:-1]):
            end = self._batches.starts[number + 1]
            places = None
            if not isinstance(self._kept, range):
                last = bisect_left(self._kept, end)
                places, first = [place - begin for place in self._kept[first:last]], last
                if not places:
                    continue
            try:
                columns = self._batch(number)[name]
                taken = [(each if places is None else each.take(places)).to_pylist() for each in columns]
            except ValueError as error:
                raise DataError(f"{self._file}: its {name} {_unreadable(error)}") from None
            yield from map(list, zip(*taken, strict=True)) if name in self._is_list else taken[0]

    def _batch(self, number: int) -> dict[str, list[Any]]:
        """Return the columns of a batch, by field; a few batches are kept for the next rows."""
        if number not in self._opened:
            if len(self._opened) >= _OPEN:
                del self._opened[next(iter(self._opened))]
            self._opened[number] = self._columns_of(self._batches.table(number))
        return self._opened[number]

    def _columns_of(self, table: pyarrow.Table) -> dict[str, list[Any]]:
        return {name: [self._column(table, each) for each in paths] for name, paths in self._paths.items()}

    def _column(self, table: pyarrow.Table, path: str) -> Any:
        import pyarrow
        import pyarrow.compute

        root, *inner = path.split(".")
        if root not in table.column_names:
            raise DataError(
                f"{self._file} has no column '{root}' (it has {', '.join(table.column_names)}); "
                f"task '{self._task.name}' expected it."
            )
        column = table.column(root)
        # One chunk, so that reaching row i does not search the chunks each time.
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        for step in inner:
            kind = column.type
            if pyarrow.types.is_null(kind):
                continue  # no row has a value
            if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
                if pyarrow.types.is_null(kind.value_type):
                    continue  # lists without an entry
                if step in _fields_of(kind.value_type):
                    column = _inside(column, step)
                    continue
            if step not in _fields_of(kind):
                raise DataError(f"{self._file}: column '{root}' is {kind}; task '{self._task.name}' expected '{path}'.")
            column = pyarrow.compute.struct_field(column, step)
        return column

    def _words(
        self, schema: pyarrow.Schema, read: Mapping[str, Column], label_map: Mapping[str, str]
    ) -> dict[str, int]:
        """Return the words for labels that differ from the task's own (`label_names.known_words`)."""
        column = label_column(read)
        names = names_in(schema, column) if column else ()
        where = f"{self._file}: column '{column}'" if column else self._file
        return known_words(self._task, label_map, names, where)

    def _written(self, name: str) -> list[int]:
        """Return the places of the rows of which a field is not blank."""
        found = [place for place, text in zip(self._kept, list(self.each(name)), strict=True) if text and text.strip()]
        if not found:
            raise DataError(f"{self._file} holds {len(self._kept)} blank lines and no text; expected text.")
        return found

    def _filter(self, reading: Reading) -> Sequence[int]:
        where, language = reading.where, reading.language
        if not where:
            return range(self._batches.num_rows)
        kept = array("q")
        for part, begin in zip(self._batches, self._batches.starts[:-1], strict=True):
            columns = {name: self._column(part, name) for name in where}
            kept.extend(place + begin for place in matching(where, language, columns, reading.names))
        if not len(kept):
            raise DataError(
                f"{self._file} has no row that task '{self._task.name}' keeps in language '{language}'; "
                f"expected some where {', '.join(where)} match."
            )
        return kept


@dataclass(frozen=True)
class Numbers(Sequence[str]):
    """Numbers of rows as texts, made when they are asked for."""

    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Numbers: ...

    def __getitem__(self, index: int | slice) -> str | Numbers:
        return Numbers(self.numbers[index]) if isinstance(index, slice) else str(self.numbers[index])


def _unreadable(error: ValueError) -> str:
    said = " ".join(str(error).split())[:120]
    return f"cannot be read ({said}); expected text in UTF-8, or numbers."


def _fields_of(kind: pyarrow.DataType) -> list[str]:
    """Return the names inside a struct, none of another type."""
    import pyarrow

    return [kind.field(i).name for i in range(kind.num_fields)] if pyarrow.types.is_struct(kind) else []


def _inside(column: Any, step: str) -> Any:
    """Return the lists of one field of a column of lists of structs: `[{text, start}]` -> `[text]`."""
    import pyarrow
    import pyarrow.compute

    # `flatten` leaves out what a slice or an absent list hides; the offsets are made anew to fit it.
    values = pyarrow.compute.struct_field(column.flatten(), step)
    lengths = pyarrow.compute.list_value_length(column).fill_null(0)
    offsets = pyarrow.concat_arrays([pyarrow.array([0], lengths.type), pyarrow.compute.cumulative_sum(lengths)])
    return type(column).from_arrays(offsets, values, mask=column.is_null())
