"""Checks that a source fits its task: the kind, and the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.errors import ConfigError
from toolkit.tasks.kinds import FIELDS, Kind
from toolkit.tasks.task import Task

Column = str | tuple[str, ...]
MAY_REPEAT = ("id", "key", "keys")  # fields that name a row or its texts, and may be one of them


def parts_of(column: Column) -> tuple[str, ...]:
    """Return the columns that a field is read from: one, or those whose values make a list."""
    return (column,) if isinstance(column, str) else column


def has_own_ids(source: object) -> bool:
    """Return whether the ids of a source's rows are the dataset's own; otherwise a row's id is its place in the file."""
    return bool(getattr(source, "has_ids", "id" in getattr(source, "columns", {})))


def check_kind(task: Task, kind: Kind, reads: str) -> None:
    """Raise a ConfigError if the task is not of the kind whose rows a source has.

    Args:
        reads: what the source reads, for the message.
    """
    if task.kind != kind:
        raise ConfigError(f"Task '{task.name}' of kind '{task.kind}' reads {reads}; expected the kind '{kind}'.")


def check_columns(task: Task, columns: Mapping[str, Column]) -> None:
    """Raise a ConfigError if the columns do not fit the task's kind."""
    found = FIELDS[task.kind]
    needed, optional = found.needed, found.optional
    missing, extra = needed - set(columns), set(columns) - needed - optional
    if missing or extra:
        raise ConfigError(
            f"Task '{task.name}' of kind '{task.kind}' names columns for {', '.join(sorted(columns))}; "
            f"expected {', '.join(sorted(needed))}, and at most {', '.join(sorted(optional))}."
        )
    read: dict[str, str] = {}
    for field, column in columns.items():
        for each in parts_of(column):
            if each in read and field not in MAY_REPEAT:
                twice = f"{read[each]} and as {field}" if read[each] != field else f"two of the {field}"
                raise ConfigError(
                    f"Task '{task.name}' reads the column '{each}' as {twice}: they would be the same text in every row; "
                    "expected another column for one of them."
                )
            if field not in MAY_REPEAT:
                read[each] = field
