"""Built-in tasks as a catalogue, and what starts from it: a task by its name, or read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from toolkit.tasks.catalogue import (
    africa,
    bitext,
    choice,
    flores,
    generated,
    pair,
    retrieval,
    span,
    tags,
    text,
    translated,
)
from toolkit.tasks.catalogue.catalogue import Catalogue
from toolkit.tasks.task import Task

_MODULES = (pair, span, choice, tags, bitext, africa, flores, translated, retrieval, text, generated)
BUILT_IN = Catalogue(MappingProxyType({task.name: task for module in _MODULES for task in module.TASKS}))


def catalogue_of(task_files: Sequence[Path | str]) -> Catalogue:
    """Return the built-in tasks with those of `task_files` (the setting of that name).

    Raises:
        ConfigError: a file declares no task, or one whose name is taken.
    """
    return BUILT_IN.with_files(task_files) if task_files else BUILT_IN


def get_task(name: str) -> Task:
    """Return the task with this name: a built-in one, or one that a ready file declares (`configs/task/NAME.yaml`).

    Raises:
        ToolkitError: no such task; the message offers the nearest name.

    Example:
        >>> get_task("xnli").trains_on
        'mnli'
    """
    return BUILT_IN.get(name)


def load_task(file: Path | str) -> Task:
    """Return the task that a YAML file declares, to look at its rows.

    Journeys find it by its name if the configuration names the file: `configure(task_files=[file])`.

    Raises:
        ConfigError: the file declares no task, or one whose name a built-in task has.
    """
    return BUILT_IN.read(file)
