"""The catalogue: every task, as data. To add one, add a `Task(...)` to the module of its kind."""

from __future__ import annotations

from toolkit.registry import unknown
from toolkit.tasks.catalogue import bitext, choice, micro, pair, span, tags
from toolkit.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task for module in (pair, span, choice, tags, bitext, micro) for task in module.TASKS
}


def get_task(name: str) -> Task:
    """Return the task with this name.

    Raises:
        ToolkitError: no such task; the message offers the nearest name.

    Example:
        >>> get_task("xnli").trains_on
        'mnli'
    """
    if name not in TASKS:
        raise unknown("task", name, TASKS, see="xstilts tasks")
    return TASKS[name]


def training_task(task: Task) -> Task:
    """Return the task whose training rows `task` is trained on: itself, or the one it borrows from.

    Example:
        >>> training_task(get_task("xquad")).name
        'squad'
    """
    return task if task.trains_on is None else get_task(task.trains_on)
