"""Checks that a source fits its task: the kind, and the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.errors import ConfigError
from toolkit.tasks.kinds import FIELDS, Kind
from toolkit.tasks.task import Task

Column = str | tuple[str, ...]


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
