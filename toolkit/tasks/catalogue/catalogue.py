"""Catalogue: an immutable value that finds a task by its name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from toolkit.composition import Name
from toolkit.errors import ConfigError, ToolkitError
from toolkit.files import file_fault
from toolkit.languages import is_language
from toolkit.registry import unknown
from toolkit.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Tasks by name: those it holds, and those that a ready file declares (`configs/task/NAME.yaml`, `toolkit.config.ready`).

    The latter are looked up whenever they are asked for and never kept. Iterating yields the tasks of both, `in` and
    `names` know both.

    Attributes:
        held: the tasks it holds, by name.
        files: the file of each task in `held` that was read from one; the other tasks are built in.
    """

    held: Mapping[str, Task]
    files: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))

    def get(self, name: str) -> Task:
        """Return the task with this name.

        Raises:
            ConfigError: the ready file NAME.yaml declares no task, or one of another name.
            ToolkitError: no such task; the message offers the nearest name.

        Example:
            >>> from toolkit.tasks import BUILT_IN
            >>> BUILT_IN.get("xnli").trains_on
            'mnli'
        """
        found = _Reading(self).referred(name)
        if found is not None:
            return found
        base, dot, code = name.partition(".")
        if dot and base in self and all(is_language(each) for each in code.split(".")):
            raise ToolkitError(
                f"'{name}' is a composition; the task is '{base}', and `--languages {code}` names the languages of its rows."
            )
        raise unknown("task", name, self.names, see="xstilts tasks")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.held or _file_of(name) is not None)

    def __iter__(self) -> Iterator[Task]:
        yield from self.held.values()
        yield from (_Reading(self).own(file) for file in self._own_files())

    def __len__(self) -> int:
        return len(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tasks, built-in ones first."""
        return (*self.held, *(file.stem for file in self._own_files()))

    def training_task(self, task: Task) -> Task:
        """Return the task whose training rows `task` is trained on: itself, or the one that `trains_on` names.

        Example:
            >>> from toolkit.tasks import BUILT_IN
            >>> BUILT_IN.training_task(BUILT_IN.get("xquad")).name
            'squad'
        """
        return task if task.trains_on is None else self.get(task.trains_on)

    def source_task(self, task: Task) -> Task:
        """Return the task whose training rows `task` is trained on.

        Raises:
            ToolkitError: there are no such rows: the task is scored by retrieval alone.
        """
        source = self.training_task(task)
        if not source.has_train:
            raise ToolkitError(
                f"'{task.name}' has no training rows: it is scored by `xstilts retrieve EXPR --task {task.name}`, "
                "without training."
            )
        return source

    def training_rows(self, ref: Name) -> str:
        """Return what a reader calls the rows that a name in a composition is trained on.

        Example:
            >>> from toolkit.tasks import BUILT_IN
            >>> BUILT_IN.training_rows(Name("xquad"))
            'squad (xquad has no training rows of its own)'
        """
        task = self.get(ref.name)
        source = self.source_task(task)
        source.resolve_language(ref.language)
        return str(ref) if source is task else f"{source.name} ({task.name} has no training rows of its own)"

    def read(self, file: Path | str) -> Task:
        """Return the task that a YAML file declares; this catalogue stays as it is.

        Raises:
            ConfigError: the file declares no task, or one whose name the catalogue already has.
        """
        return _Reading(self).read(Path(file))

    def with_files(self, files: Iterable[Path | str]) -> Catalogue:
        """Return a catalogue that also holds the tasks of YAML files (or ready ones by name), and those that they refer to.

        A file may refer to tasks of this catalogue, of the files before it, and of NAME.yaml in its own folder.

        Raises:
            ConfigError: a file declares no task, or one whose name is taken, or files refer to each other in a circle.
        """
        from toolkit.config.ready import config_file  # yaml: not loaded for the built-in tasks

        reading = _Reading(self)
        for file in files:
            reading.read(config_file(file, "task"))
        return Catalogue(MappingProxyType(reading.held), MappingProxyType(reading.files))

    def _own_files(self) -> list[Path]:
        from toolkit.config.ready import ready_configs  # yaml: not loaded for the built-in tasks

        ready = sorted(ready_configs("task"), key=lambda each: each.is_own)  # the user's own last
        return [each.path for each in ready if each.path.stem not in self.files]


class _Reading:
    """Task files being read, each after those that it refers to."""

    def __init__(self, start: Catalogue) -> None:
        self.held = dict(start.held)
        self.files = dict(start.files)

    def read(self, file: Path, within: tuple[Path, ...] = ()) -> Task:
        """Return the task of a file; `within` are the files that are being read already."""
        from toolkit.tasks.declare import read_task  # yaml: not loaded for the built-in tasks

        here = Path(os.path.realpath(file))  # `resolve` raises where links lead in a circle
        if here in within:
            circle = " -> ".join(each.name for each in (*within[within.index(here) :], here))
            raise ConfigError(
                f"{file}: task files refer to each other in a circle ({circle}); expected one without `base`."
            )
        task = read_task(file, lambda name: self.referred(name, file.parent, (*within, here)), self.held)
        if task.name in self.held and (other := self.files.get(task.name)) != here:
            holder = "the catalogue has" if other is None else f"{other} declares"
            raise ConfigError(f"{file}: {holder} a task '{task.name}' already; choose another name.")
        self.held[task.name], self.files[task.name] = task, here
        return task

    def referred(self, name: str, folder: Path | None = None, within: tuple[Path, ...] = ()) -> Task | None:
        """Return the task of that name: known already, or declared in NAME.yaml in `folder` or in a ready file."""
        if name in self.held:
            return self.held[name]
        file = _file_of(name, folder)
        return None if file is None else self.own(file, within)

    def own(self, file: Path, within: tuple[Path, ...] = ()) -> Task:
        """Return the task of a file that was found by the task's name."""
        found = self.read(file, within)
        if found.name != file.stem:
            raise ConfigError(
                f"{file} declares the task '{found.name}'; expected '{file.stem}', as the file is called."
            )
        return found


def _file_of(name: str, folder: Path | None = None) -> Path | None:
    """Return the first file NAME.yaml, in a folder or ready; only a plain name may become a path."""
    if not name.replace("-", "").replace("_", "").isalnum():
        return None
    if folder is not None and not file_fault(file := folder / f"{name}.yaml"):
        return file
    from toolkit.config.ready import find_ready

    return find_ready(name, "task")
