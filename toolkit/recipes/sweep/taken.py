"""Steps that other sweeps have done: those with the same key are taken by hard links, and not done again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.files import folder_beside
from toolkit.sweeps import Planned, Record, Step, SweepFolder
from toolkit.zoo.scored import SCORES_FILE


def require_sweeps(folders: Sequence[Path], own: Path) -> None:
    """Raise unless every folder holds a sweep that is not the own one.

    Raises:
        ToolkitError: one does not.
    """
    for folder in folders:
        if SweepFolder(folder).plan() is None:
            raise ToolkitError(f"--stages-of {folder}: there is no sweep in it (no sweep.json); name a sweep's folder.")
        if folder.resolve() == own.resolve():
            raise ToolkitError(f"--stages-of {folder} is the sweep's own folder; name another one, or leave it out.")


@dataclass(frozen=True)
class Taken:
    """What was taken: numbers of stages and of scorings."""

    stages: int = 0
    scorings: int = 0

    def __str__(self) -> str:
        """Return it in words.

        Example:
            >>> print(Taken(3, 1))
            3 stages and 1 scoring
        """
        stages = f"{self.stages} stage{'' if self.stages == 1 else 's'}"
        return stages + (f" and {self.scorings} scoring{'' if self.scorings == 1 else 's'}" if self.scorings else "")


def take_steps(held: SweepFolder, planned: Planned, folders: Sequence[Path]) -> Taken:
    """Take finished stages and scorings of other sweeps into a sweep's folder.

    The key of a step stands for everything that determines it (weights, rows, settings, the stages below), so one with the
    same key is the same. What is taken counts as known when the sweep's plan is registered.

    Args:
        held: the sweep's folder, whose lease is held.
        planned: its steps.
        folders: of the other sweeps, which may be running.

    Raises:
        ToolkitError: a file cannot be read or written.
    """
    if not folders:
        return Taken()
    own = held.records(planned.steps)
    taken: list[Step] = []
    for step in planned.steps:
        if step.key in own and own[step.key].state == "done":
            continue
        for folder in folders:
            record = SweepFolder(folder).record(step)
            if record is not None and record.state == "done" and _take(SweepFolder(folder), held, step, record):
                taken.append(step)
                break
    stages = sum(step.is_stage for step in taken)
    return Taken(stages, len(taken) - stages)


def _take(other: SweepFolder, held: SweepFolder, step: Step, record: Record) -> bool:
    """Link a stage's zoo or a scoring's files into the own folder, all of it or nothing, and write its record; False if it is gone."""
    part = "zoo" if step.is_stage else "runs"
    source, home = other.home(step) / part, held.home(step) / part
    if not source.is_dir():
        return False
    try:
        if home.exists():  # of a try that was killed
            shutil.rmtree(home)
        home.parent.mkdir(parents=True, exist_ok=True)
        with folder_beside(home) as new:
            shutil.copytree(source, new, copy_function=_linked, dirs_exist_ok=True)
            os.replace(new, home)
    except OSError as error:
        raise ToolkitError(f"{source} cannot be taken into {home} ({error.strerror or error}).") from None
    held.write(record)
    return True


def _linked(source: str, target: str) -> str:
    """Link a file, or copy it where a link cannot be had; lines are added to scores, so these are always copied."""
    if Path(source).name != SCORES_FILE:
        try:
            os.link(source, target)
            return target
        except OSError:
            pass
    return str(shutil.copy2(source, target))
