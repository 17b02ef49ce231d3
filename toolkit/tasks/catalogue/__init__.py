"""Catalogue of tasks: every built-in task as data. To add one, add a `Task(...)` to the module of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from toolkit.errors import ConfigError
from toolkit.registry import unknown
from toolkit.tasks.catalogue import bitext, choice, generated, pair, retrieval, span, tags
from toolkit.tasks.catalogue.catalogue import Catalogue
from toolkit.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task for module in (pair, span, choice, tags, bitext, retrieval, generated) for task in module.TASKS
}

BUILT_IN = Catalogue(
    MappingProxyType(
        {
            task.name: task
            for module in (pair, span, choice, tags, bitext, retrieval, generated)
            for task in module.TASKS
        }
    )
)


def catalogue_of(task_files: Sequence[Path | str]) -> Catalogue:
    """Return the built-in tasks with those of `task_files` (the setting of that name).

    Raises:
        ConfigError: a file declares no task, or one whose name is taken.
    """
    return BUILT_IN.with_files(task_files) if task_files else BUILT_IN


__all__ = ["BUILT_IN", "Catalogue", "catalogue_of", "get_task", "load_own", "load_task", "training_task"]

OWN = Path("configs") / "task"  # in the working folder: NAME.yaml declares the task NAME


def load_task(file: Path | str) -> Task:
    """Read a task of the user's own from YAML; from then on its name works in every composition of this process.

    Raises:
        ConfigError: the file declares no task, or one whose name the catalogue already has.
    """
    return _load(Path(file), ())


def _load(file: Path, within: tuple[Path, ...]) -> Task:
    """Read a task file, and first those that it refers to; `within` are the files that are being read already."""
    from toolkit.tasks.declare import read_task

    here = file.resolve()
    if here in within:
        circle = " -> ".join(each.name for each in (*within[within.index(here) :], here))
        raise ConfigError(
            f"{file}: task files refer to each other in a circle ({circle}); expected one without `base`."
        )
    task = read_task(file, lambda name: _referred(name, file.parent, (*within, here)), TASKS)
    if task.name in BUILT_IN.held:
        raise ConfigError(f"{file}: the catalogue has a task '{task.name}' already; choose another name.")
    TASKS[task.name] = task
    return task


def _referred(name: str, folder: Path, within: tuple[Path, ...] = ()) -> Task | None:
    """Return the task of that name: known already, or declared in NAME.yaml in `folder` or in `configs/task`."""
    # Only a plain name may become a path.
    if name not in TASKS and name.replace("-", "").replace("_", "").isalnum():
        from toolkit.config.ready import places

        for place in (folder, *places("task")):
            if (file := place / f"{name}.yaml").is_file():
                return _own(file, within)
    return TASKS.get(name)


def load_own() -> None:
    """Read every task that the working folder's `configs/task/` declares."""
    from toolkit.config.ready import ready_configs

    for each in ready_configs("task"):
        _own(each.path)


def _own(file: Path, within: tuple[Path, ...] = ()) -> Task:
    found = _load(file, within)
    if found.name != file.stem:
        del TASKS[found.name]
        raise ConfigError(f"{file} declares the task '{found.name}'; expected '{file.stem}', as the file is called.")
    return found


def get_task(name: str) -> Task:
    """Return the task with this name: of the catalogue, loaded, or declared in the working folder's `configs/task/`.

    Raises:
        ToolkitError: no such task; the message offers the nearest name.

    Example:
        >>> get_task("xnli").trains_on
        'mnli'
    """
    found = _referred(name, OWN)
    if found is None:
        raise unknown("task", name, TASKS, see="xstilts tasks")
    return found


def training_task(task: Task) -> Task:
    """Return the task whose training rows `task` is trained on: itself, or the one it borrows from.

    Example:
        >>> training_task(get_task("xquad")).name
        'squad'
    """
    return task if task.trains_on is None else get_task(task.trains_on)
