"""Columns of Python values as an arrow table, with the place of the first value that does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import DataError
from toolkit.tasks.sources.batches import Batches

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Read:
    """A table and, for text files, where each row begins: its line (from 1), or its place in a nested file.

    `notes` say what of the file is not as it is there, each as a clause.
    """

    table: pyarrow.Table | Batches
    lines: Sequence[int | str] | None = None
    notes: tuple[str, ...] = ()


def place_of(line: int | str) -> str:
    """Return the words for where a row begins."""
    return f"line {line}" if isinstance(line, int) else line


def table_of(file: Path, columns: dict[str, list[Any]], lines: Sequence[int | str]) -> pyarrow.Table:
    """Return columns as a table.

    Args:
        file: names the table in a fault.
        columns: the values of each column.
        lines: where each row begins: a line, or a place in a nested file.

    Raises:
        DataError: a column whose values have several types.
    """
    import pyarrow

    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = pyarrow.array(values)
            if _is_fractional(arrays[name].type) and (place := _fraction(values)) is not None:
                raise DataError(
                    f"{file}, {place_of(lines[place])}: '{name}' is {str(values[place])[:60]}; expected whole numbers, as in "
                    "other lines."
                )
        except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
            place, found, expected = _misfit(values)
            raise DataError(f"{file}, {place_of(lines[place])}: '{name}' is {found}; expected {expected}.") from None
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
