"""Siblings of a task: other tasks on the rows of the same dataset, with labels or training rows of another task."""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.task import Task


def siblings(task: Task, tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Return the other tasks that read the same dataset in the same configs as the same kind.

    Example:
        >>> from toolkit.tasks import BUILT_IN
        >>> [each.name for each in siblings(BUILT_IN.get("masakhaner2"), BUILT_IN)]
        ['masakhaner2-panx']
    """
    rows = _rows(task)
    if rows is None:
        return ()
    return tuple(each for each in tasks if each.name != task.name and each.kind == task.kind and _rows(each) == rows)


def _rows(task: Task) -> tuple[str, str] | None:
    """Return the dataset and its config; None for rows that are not a hub dataset's."""
    return (task.source.path, task.source.config) if isinstance(task.source, HubSource) else None
