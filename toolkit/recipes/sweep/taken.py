"""Stages that other sweeps have trained: those with the same key are taken by hard links, and not trained again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
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


def take_stages(held: SweepFolder, planned: Planned, folders: Sequence[Path]) -> int:
    """Take finished stages of other sweeps into a sweep's folder; return how many.

    The key of a stage stands for everything that determines it (weights, rows, settings, the stages below), so one with the
    same key is the same. Scorings are not taken: a sweep's own results are its own.

    Args:
        held: the sweep's folder, whose lease is held.
        planned: its steps.
        folders: of the other sweeps, which may be running.

    Raises:
        ToolkitError: a file cannot be read or written.
    """
    own = held.records(planned.stages)
    taken = 0
    for step in planned.stages:
        if step.key in own and own[step.key].state == "done":
            continue
        for folder in folders:
            record = SweepFolder(folder).record(step)
            if record is not None and record.state == "done" and _take(SweepFolder(folder), held, step, record):
                taken += 1
                break
    return taken


def _take(other: SweepFolder, held: SweepFolder, step: Step, record: Record) -> bool:
    """Link a stage's zoo into the own folder, all of it or nothing, and write its record; False if it is gone."""
    source, home = other.home(step) / "zoo", held.home(step) / "zoo"
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
