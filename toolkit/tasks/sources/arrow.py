"""Rows from an arrow table, whatever file it was read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import DataError
from toolkit.tasks.draw import Marks
from toolkit.tasks.mirror.layout import read_schema
from toolkit.tasks.rows import Row
from toolkit.tasks.sources.checks import Column, parts_of
from toolkit.tasks.sources.convert import Fault, Promise, convert
from toolkit.tasks.sources.fill import spellings
from toolkit.tasks.sources.label_names import known_words, names_in
from toolkit.tasks.sources.tables import place_of

if TYPE_CHECKING:
    import pyarrow

    from toolkit.tasks.task import Task


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


class ArrowRows:
    """An arrow table, opened for a task: columns are looked up once, rows converted when asked for."""

    def __init__(self, table: pyarrow.Table, task: Task, reading: Reading) -> None:
        self.split = reading.split
        self.origin = reading.origin
        self.revision = reading.revision
        self.notes = reading.notes
        self.road = reading.road
        self._task = task
        self._lines = reading.lines
        self._shape = reading.shape
        self._file = reading.file
        if table.num_rows == 0:
            raise DataError(
                f"{self._file} has no rows; expected at least one for the split '{self.split}' of task '{task.name}'."
            )
        columns = {
            name: column_in(column, reading.language, reading.names, table.column_names)
            for name, column in reading.columns.items()
        }
        self._columns = {
            name: [self._column(table, each) for each in parts_of(column)] for name, column in columns.items()
        }
        self._is_list = {name for name, column in columns.items() if not isinstance(column, str)}
        words = self._words(table, columns, reading.label_map)
        self._promise = Promise(task.labels, task.may_be_unanswerable, task.may_have_other_tags, words)
        self._kept = self._filter(table, reading)

    def __len__(self) -> int:
        return len(self._kept)

    def row(self, index: int) -> Row:
        there = self._kept[index]
        raw: dict[str, Any] = {}
        for name, columns in self._columns.items():
            try:
                values = [column[there].as_py() for column in columns]
            except ValueError as error:  # bytes that are not UTF-8, dates beyond Python's
                raise DataError(f"{self.place(index)}: its {name} {_unreadable(error)}") from None
            raw[name] = values if name in self._is_list else values[0]
        try:
            if self._shape is not None:
                raw = self._shape(raw)
            return convert(self._task.kind, raw, str(there), self._promise)
        except Fault as fault:
            raise DataError(f"{self.place(index)}: {fault.found}; expected {fault.expected}.") from None

    def place(self, index: int) -> str:
        """Return the words for where a row is: its file, and its line or number."""
        there = self._kept[index]
        at = f"row {there} (counted from 0)" if self._lines is None else place_of(self._lines[there])
        return f"{self._file}, {at}"

    def marks(self) -> Marks:
        """Return the ids and raw labels of all rows, without making them."""
        ids = self.values("id") if "id" in self._columns else []
        strata = self.values("label") if "label" in self._columns else None
        places = [str(there) for there in self._kept]
        # As `convert` names a row.
        named = (
            [str(id) if id not in (None, "") else place for id, place in zip(ids, places, strict=True)]
            if ids
            else places
        )
        return Marks(named, strata and [str(label) for label in strata])

    def values(self, name: str) -> list[Any]:
        """Return a field's raw values, of all rows."""
        is_whole = isinstance(self._kept, range)
        try:
            columns = [(each if is_whole else each.take(self._kept)).to_pylist() for each in self._columns[name]]
        except ValueError as error:
            raise DataError(f"{self._file}: its {name} {_unreadable(error)}") from None
        return list(map(list, zip(*columns, strict=True))) if name in self._is_list else columns[0]

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

    def _words(self, table: pyarrow.Table, read: Mapping[str, Column], label_map: Mapping[str, str]) -> dict[str, int]:
        """Return the words for labels that differ from the task's own (`label_names.known_words`)."""
        column = label_column(read)
        names = names_in(table.schema, column) if column else ()
        where = f"{self._file}: column '{column}'" if column else self._file
        return known_words(self._task, label_map, names, where)

    def _filter(self, table: pyarrow.Table, reading: Reading) -> Sequence[int]:
        where, language = reading.where, reading.language
        if not where:
            return range(table.num_rows)
        kept = matching(where, language, {column: self._column(table, column) for column in where}, reading.names)
        if not kept:
            raise DataError(
                f"{self._file} has no row that task '{self._task.name}' keeps in language '{language}'; "
                f"expected some where {', '.join(where)} match."
            )
        return kept


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


def label_column(columns: Mapping[str, Column]) -> str:
    """Return the column that labels or tags are read from; empty where there is none."""
    return next((column for name in ("label", "tags") if isinstance(column := columns.get(name), str)), "")


def names_declared(
    columns: Mapping[str, Column], names: Mapping[str, str], file: Path, language: str
) -> tuple[str, tuple[str, ...]]:
    """Return a parquet file, as a fault names it, and the names of labels that it declares."""
    label = label_column(columns)
    if not label:
        return str(file), ()
    schema = read_schema(file)
    return str(file), names_in(schema, str(column_in(label, language, names, schema.names)))


def column_in(column: Column, language: str, names: Mapping[str, str], held: Sequence[str]) -> Column:
    """Return a column, or several, with the spelling of the language that a table holds; the usual one if it holds none."""
    if not isinstance(column, str):
        return tuple(str(column_in(each, language, names, held)) for each in column)
    every = spellings(column, language, names)
    return next((each for each in every if each.split(".")[0] in held), every[0])


def roots(
    columns: Mapping[str, Column],
    where: Mapping[str, tuple[object, ...]],
    language: str = "en",
    names: Mapping[str, str] | None = None,
) -> list[str]:
    """Return every top-level column that is read, in every spelling of the language."""
    named = [each for column in columns.values() for each in parts_of(column)]
    every = [one.split(".")[0] for each in named for one in spellings(each, language, names)]
    return list(dict.fromkeys(every + list(where)))


def lacks_column(
    columns: Mapping[str, Column], language: str, names: Mapping[str, str], read_names: Callable[[], Sequence[str]]
) -> bool:
    """Return whether a column that is called by the language is not there; the names are read only if there is one."""
    every = [each for column in columns.values() for each in parts_of(column)]
    by_language = [each for each in every if "{" in each]
    if not by_language:
        return False
    held = read_names()
    return any(not any(one.split(".")[0] in held for one in spellings(each, language, names)) for each in by_language)


def holds(
    where: Mapping[str, tuple[object, ...]],
    language: str,
    names: Mapping[str, str],
    read: Callable[[list[str]], pyarrow.Table],
) -> bool:
    """Return whether a file that mixes languages has rows of this one; `read` is called only if it may mix them."""
    chosen = {
        column: allowed
        for column, allowed in where.items()
        if any("{" in each for each in allowed if isinstance(each, str))
    }
    if not chosen:
        return True
    table = read(list(chosen))
    # A column that is not there is for `ArrowRows` to report.
    return not set(chosen) <= set(table.column_names) or bool(
        matching(chosen, language, {column: table.column(column) for column in chosen}, names)
    )


def matching(
    where: Mapping[str, tuple[object, ...]], language: str, columns: Mapping[str, Any], names: Mapping[str, str]
) -> list[int]:
    """Return the positions of the rows that every condition keeps, in order."""
    kept: list[int] | None = None
    for name, allowed in where.items():
        values = columns[name].to_pylist()
        filled = [
            one for each in allowed for one in (spellings(each, language, names) if isinstance(each, str) else [each])
        ]
        prefixes = tuple(each[:-1] for each in filled if isinstance(each, str) and each.endswith("*"))
        kept = [
            i
            for i in (range(len(values)) if kept is None else kept)
            if values[i] in filled or (prefixes and str(values[i]).startswith(prefixes))
        ]
    return kept or []
