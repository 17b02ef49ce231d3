"""Whose rows a name in a composition is trained on."""

from __future__ import annotations

from toolkit.composition import Name
from toolkit.errors import ToolkitError
from toolkit.tasks.catalogue import get_task, training_task
from toolkit.tasks.task import Task


def source_task(task: Task) -> Task:
    """Return the task whose rows train `task`: itself, or what it `trains_on`.

    Raises:
        ToolkitError: nothing trains it (what is scored by retrieval alone).
    """
    source = training_task(task)
    if not source.has_train:
        raise ToolkitError(
            f"'{task.name}' has no training rows: it is scored by `xstilts retrieve EXPR --task {task.name}`, without training."
        )
    return source


def training_rows(ref: Name) -> str:
    """Return what a reader calls the rows that a name is trained on.

    Example:
        >>> training_rows(Name("xquad"))
        'squad (xquad has no training rows of its own)'
    """
    task = get_task(ref.name)
    source = source_task(task)
    source.resolve_language(ref.language)
    return str(ref) if source is task else f"{source.name} ({task.name} has no training rows of its own)"
