"""Columns of a table: how they are called in a language, which rows are kept by them, and the labels that they declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.tasks.mirror.layout import read_schema
from toolkit.tasks.sources.batches import Batches
from toolkit.tasks.sources.checks import Column, parts_of
from toolkit.tasks.sources.fill import spellings
from toolkit.tasks.sources.label_names import names_in

if TYPE_CHECKING:
    import pyarrow


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
    read: Callable[[list[str]], pyarrow.Table | Batches],
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
