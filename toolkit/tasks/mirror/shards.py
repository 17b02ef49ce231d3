"""Parquet files of one split as one table: columns of the same substance are joined, whatever types they were written in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import DataError

if TYPE_CHECKING:
    import pyarrow


def joined(tables: Sequence[pyarrow.Table], files: Sequence[Path], columns: Sequence[str]) -> pyarrow.Table:
    """Return tables as one, in order.

    `string`, `large_string`, `string_view` and dictionaries of them are one substance, and so are whole numbers of any width,
    lists of any layout, and a column without a value with any other (docs/decisions/0036-files-of-rows.md).

    Args:
        tables: of each file.
        files: name the tables in a fault.
        columns: those that are needed; others are left out where not all tables have them.

    Raises:
        DataError: a needed column is not in all tables, or differs in substance; the message names both files.
    """
    import pyarrow

    plain = [_plain(table, file) for table, file in zip(tables, files, strict=True)]
    if len(plain) == 1:
        return plain[0]
    kept = []
    for name in dict.fromkeys(name for table in plain for name in table.column_names):
        having = [name in table.column_names for table in plain]
        if all(having):
            kept.append(name)
        elif name in columns:
            has, lacks = files[having.index(True)], files[having.index(False)]
            raise DataError(f"{has} has the column '{name}' and {lacks} has not; expected the same columns in both.")
    targets = [_shared(name, plain, files, is_needed=name in columns) for name in kept]
    kept = [name for name, target in zip(kept, targets, strict=True) if target is not None]
    schema = pyarrow.schema(
        [(name, target) for name, target in zip(kept, filter(None, targets), strict=True)], plain[0].schema.metadata
    )
    return pyarrow.concat_tables([_cast(table, schema, file) for table, file in zip(plain, files, strict=True)])


def _plain(table: pyarrow.Table, file: Path) -> pyarrow.Table:
    """Return a table without dictionaries, views and lists of fixed size, which are other spellings of plain columns."""
    import pyarrow

    fields = [(field.name, _plain_type(field.type)) for field in table.schema]
    return _cast(table, pyarrow.schema(fields, table.schema.metadata), file)


def _cast(table: pyarrow.Table, schema: pyarrow.Schema, file: Path) -> pyarrow.Table:
    """Return the columns of a schema in its types; what has its type already is not copied."""
    import pyarrow

    arrays = []
    for field in schema:
        column = table.column(field.name)
        try:
            arrays.append(column if column.type == field.type else column.cast(field.type))
        except (pyarrow.ArrowException, ValueError) as fault:
            said = " ".join(str(fault).split())[:120]
            raise DataError(
                f"{file}: column '{field.name}' is {column.type}, which cannot be read as {field.type} ({said}); expected "
                "values that fit."
            ) from None
    return pyarrow.table(arrays, schema=schema)


def _plain_type(kind: pyarrow.DataType) -> pyarrow.DataType:
    """Return a type without dictionaries, views and fixed sizes, inside it too."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if types.is_string_view(kind):
        return pyarrow.large_string()
    if types.is_binary_view(kind) or types.is_fixed_size_binary(kind):
        return pyarrow.large_binary()
    if types.is_list(kind):
        return pyarrow.list_(_plain_type(kind.value_type))
    if _is_list(kind):
        return pyarrow.large_list(_plain_type(kind.value_type))
    if types.is_struct(kind):
        return pyarrow.struct([(field.name, _plain_type(field.type)) for field in kind])
    return kind


def _shared(
    name: str, tables: Sequence[pyarrow.Table], files: Sequence[Path], *, is_needed: bool
) -> pyarrow.DataType | None:
    """Return the type that holds a column of all tables; None where they differ and it is not needed."""
    shared = tables[0].schema.field(name).type
    first = files[0]
    for table, file in zip(tables[1:], files[1:], strict=True):
        kind = table.schema.field(name).type
        both = _wider(shared, kind)
        if both is None:
            if not is_needed:
                return None
            raise DataError(
                f"The column '{name}' is {shared} in {first} and {kind} in {file}; expected the same in both."
            )
        if both != shared:
            first = file
        shared = both
    return shared


def _wider(a: pyarrow.DataType, b: pyarrow.DataType) -> pyarrow.DataType | None:
    """Return the type that holds the values of two types of one substance, or None."""
    import pyarrow
    from pyarrow import types

    if a == b or types.is_null(b):
        return a
    if types.is_null(a):
        return b
    if _is_text(a) and _is_text(b):
        return pyarrow.large_string()
    if types.is_integer(a) and types.is_integer(b):
        return pyarrow.int64()
    if types.is_floating(a) and types.is_floating(b):
        return pyarrow.float64()
    if _is_bytes(a) and _is_bytes(b):
        return pyarrow.large_binary()
    if _is_list(a) and _is_list(b):
        inside = _wider(a.value_type, b.value_type)
        return None if inside is None else pyarrow.large_list(inside)
    if types.is_struct(a) and types.is_struct(b):
        names = [field.name for field in a]
        if set(names) != {field.name for field in b} or len(set(names)) < len(names):
            return None
        found = [(name, _wider(a.field(name).type, b.field(name).type)) for name in names]
        return None if any(kind is None for _, kind in found) else pyarrow.struct(found)
    return None


def _is_text(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _is_bytes(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _is_list(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    is_view = types.is_list_view(kind) or types.is_large_list_view(kind)
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) or is_view)
