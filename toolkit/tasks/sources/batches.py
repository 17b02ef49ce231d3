"""A table in batches: in memory while it is small, else in a temporary file, from which a batch is read when it is asked for."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO

from toolkit.nameless import nameless, write

if TYPE_CHECKING:
    import pyarrow

ROWS = 4096  # in a batch
IN_MEMORY = 1 << 25  # bytes of a table that stay in memory
OPEN = 4  # batches that are kept after they were read


class Unlike(Exception):
    """Values that do not fit one column batch by batch; whoever reads the whole column can say which."""


class Batches:
    """Rows of a table, read batch by batch.

    Attributes:
        schema: the columns.
        starts: the first row of each batch, and the number of all rows.
    """

    def __init__(self, parts: Sequence[pyarrow.RecordBatch | _Stored], schema: pyarrow.Schema) -> None:
        self.schema = schema
        self._parts = list(parts)
        self.starts = list(accumulate((part.num_rows for part in self._parts), initial=0))
        self._read = lru_cache(maxsize=OPEN)(self._read_once)

    @classmethod
    def of(cls, table: pyarrow.Table) -> Batches:
        """Return a table that is in memory, without a copy."""
        return cls(table.to_batches(max_chunksize=ROWS), table.schema)

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return self.starts[-1]

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return list(self.schema.names)

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[pyarrow.Table]:
        return (self.table(number) for number in range(len(self)))

    def table(self, number: int) -> pyarrow.Table:
        """Return a batch."""
        return self._read(number)

    def place(self, row: int) -> tuple[int, int]:
        """Return the batch that holds a row, and its place in it."""
        number = bisect_right(self.starts, row) - 1
        return number, row - self.starts[number]

    def column(self, name: str) -> pyarrow.ChunkedArray:
        """Return a column, whole."""
        import pyarrow

        chunks = [chunk for table in self for chunk in table.column(name).chunks]
        return pyarrow.chunked_array(chunks, self.schema.field(name).type)

    def _read_once(self, number: int) -> pyarrow.Table:
        import pyarrow

        part = self._parts[number]
        batch = part.read() if isinstance(part, _Stored) else part
        table = pyarrow.Table.from_batches([batch])
        return table if table.schema.equals(self.schema) else _fitted(table, self.schema)


class _Stored:
    """A batch in a file without a name, which the system removes with the process."""

    def __init__(self, file: BinaryIO, begin: int, size: int, num_rows: int) -> None:
        self._file, self._begin, self._size, self.num_rows = file, begin, size, num_rows

    def read(self) -> pyarrow.RecordBatch:
        import pyarrow

        # `pread` moves no position, so that threads and forked processes may read one file.
        data = os.pread(self._file.fileno(), self._size, self._begin)
        return pyarrow.ipc.open_stream(data).read_next_batch()


class Writer:
    """Gathers rows into batches of one table.

    Args:
        columns: those whose values are kept; the others are null.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = list(dict.fromkeys(columns))
        self._parts: list[pyarrow.RecordBatch | _Stored] = []
        self._types: dict[str, pyarrow.DataType] = {}
        self._size = 0
        self._file: BinaryIO | None = None

    def add(self, values: Mapping[str, Sequence[Any]], n: int) -> None:
        """Append `n` rows, by column.

        Raises:
            Unlike: a value has another type than those before it.
        """
        import pyarrow

        arrays = {}
        for name in self._columns:
            try:
                array = pyarrow.array(values[name])
            except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as fault:
                raise Unlike(name) from fault
            if not isinstance(array, pyarrow.Array) or _has_fractions(array.type, values[name]):
                raise Unlike(name)
            self._types[name] = _both(self._types.get(name, pyarrow.null()), array.type)
            arrays[name] = array
        batch = pyarrow.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
        if not arrays:
            batch = pyarrow.RecordBatch.from_arrays([pyarrow.nulls(n)], ["\0"])
        self._parts.append(batch)
        self._size += batch.nbytes
        if self._file is not None or self._size > IN_MEMORY:
            self._store()

    def finished(self, names: Sequence[str]) -> Batches:
        """Return the table with these columns; those whose values were not kept are null."""
        import pyarrow

        return Batches(self._parts, pyarrow.schema([(name, self._types.get(name, pyarrow.null())) for name in names]))

    def _store(self) -> None:
        """Write the batches that are in memory."""
        import pyarrow

        if self._file is None:
            self._file = nameless("rows")
        for place, part in enumerate(self._parts):
            if isinstance(part, _Stored):
                continue
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, part.schema) as stream:
                stream.write_batch(part)
            data = sink.getvalue().to_pybytes()
            self._parts[place] = _Stored(self._file, write(self._file, data, "rows"), len(data), part.num_rows)


def _both(a: pyarrow.DataType, b: pyarrow.DataType) -> pyarrow.DataType:
    """Return the type of the values of two batches, as it would be of all at once where that is plain."""
    import pyarrow
    from pyarrow import types

    if a == b or types.is_null(b):
        return a
    if types.is_null(a):
        return b
    if types.is_list(a) and types.is_list(b):
        return pyarrow.list_(_both(a.value_type, b.value_type))
    if types.is_struct(a) and types.is_struct(b) and [field.name for field in a] == [field.name for field in b]:
        return pyarrow.struct([(field.name, _both(field.type, b.field(field.name).type)) for field in a])
    raise Unlike(f"{a} and {b}")


def _has_fractions(kind: pyarrow.DataType, values: Sequence[Any]) -> bool:
    """Return whether whole numbers have become fractions, next to others in a column or a list."""
    from pyarrow import types

    while types.is_list(kind):
        kind = kind.value_type
    if not types.is_floating(kind):
        return False
    return any(type(each) is int for value in values for each in (value if isinstance(value, list) else [value]))


def _fitted(table: pyarrow.Table, schema: pyarrow.Schema) -> pyarrow.Table:
    """Return a batch with the columns and types of the table."""
    import pyarrow

    held = table.column_names
    arrays = [
        table.column(field.name).cast(field.type) if field.name in held else pyarrow.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pyarrow.table(arrays, schema=schema)
