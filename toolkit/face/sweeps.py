"""Journeys of sweeps: `sweep`, `sweep_plan`, `sweep_status` and `sweep_report`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Unpack

from toolkit.face.shared import Telling, aligned
from toolkit.results.result import Record, Result

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.progress import Say
    from toolkit.recipes.sweep.report import Reported
    from toolkit.recipes.sweep.run import DryRun
    from toolkit.sweeps import Planned, Step
    from toolkit.sweeps.outlook import Outlook
    from toolkit.sweeps.values import State

FOLDER = Path("sweeps")  # in the working folder
Settings = Mapping[str, str | int | float | bool]
STATES: tuple[State, ...] = ("done", "running", "failed", "blocked", "waiting")


@dataclass(frozen=True)
class SweepPlan(Result):
    """Result of a dry run: what a sweep would do, and how long it would take.

    Attributes:
        found: every step and the estimate.
        notes: cells that the grid leaves out, a sentence each.
    """

    found: DryRun
    notes: tuple[str, ...]

    stem: ClassVar[str] = "sweep-plan"

    def records(self) -> list[Record]:
        """Return one row for each stage that would be trained."""
        uses = _uses(self.found.planned)
        return [
            {
                "stage": step.composition,
                "learns_from": "+".join(step.learns_from),
                "seed": step.seed,
                "rows": step.examples,
                "cells": uses[step.key],
            }
            for step in self.found.stages
        ]


@dataclass(frozen=True)
class SweepStatus(Result):
    """Result of a sweep, or its state: what is done, what runs, what failed, what is left.

    Attributes:
        found: the state of every step.
        folder: the sweep's.
        failed: steps that failed or were blocked by one that did.
    """

    found: Outlook
    folder: Path
    failed: int

    stem: ClassVar[str] = "sweep-status"

    def records(self) -> list[Record]:
        """Return one row for each step."""
        return [
            {
                "composition": step.composition,
                "task": step.task,
                "seed": step.seed,
                "is_stage": step.is_stage,
                "state": self.found.states[step.key],
                "error": self.found.errors.get(step.key),
            }
            for step in self.found.steps
        ]


def sweep_plan(
    name: str | Path,
    config: Config,
    *,
    settings: Settings | None = None,
    out: Path | None = None,
    workers: int = 1,
    **tell: Unpack[Telling],
) -> SweepPlan:
    """Return what a sweep would do and how long it would take; writes nothing into its folder.

    Args:
        name, config, settings, out: as for `sweep`.
        workers: processes that the estimate is for.
        tell: `report`.
    """
    from toolkit.progress import silent
    from toolkit.recipes.sweep.run import dry_run

    file = _file(name)
    found = dry_run(
        file,
        config,
        given=_texts(settings),
        folder=_home(file, out),
        workers=workers,
        report=tell.get("report", silent),
    )
    return SweepPlan(found=found, notes=tuple(found.planned.sweep.left_out), text=_plan_text(found, workers))


def sweep(
    name: str | Path,
    config: Config,
    *,
    settings: Settings | None = None,
    out: Path | None = None,
    workers: int = 1,
    update: bool = False,
    **tell: Unpack[Telling],
) -> SweepStatus:
    """Train and score every cell of a grid, each shared stage once; a sweep that was stopped continues where it was.

    Args:
        name: a YAML file, or the name of a ready sweep (`order-mini`).
        config: of which the places are used: mirror, tracker, task files. A sweep's own settings are in its file.
        settings: settings of every stage by dotted key; they win over the file's.
        out: the sweep's folder; None: `sweeps/NAME`.
        workers: processes.
        update: continue although settings or rows are not what the folder's results were made with.
        tell: `report` and `say`.
    """
    from toolkit.recipes.sweep.run import sweep as run

    file = _file(name)
    home = _home(file, out)
    run(file, config, given=_texts(settings), folder=home, workers=workers, is_update=update, **tell)
    return sweep_status(home)


def sweep_status(folder: str | Path) -> SweepStatus:
    """Return what a sweep has done, what runs, what failed, what is left, and when it will end.

    Args:
        folder: the sweep's.
    """
    from toolkit.sweeps.outlook import outlook

    now = time.time()
    found = outlook(folder, now=now)
    failed = len(found.among("failed")) + len(found.among("blocked"))
    return SweepStatus(found=found, folder=Path(folder), failed=failed, text=_status_text(found, Path(folder), now))


def sweep_report(
    folder: str | Path, *, out: Path | None = None, resamples: int = 10_000, say: Say | None = None
) -> Reported:
    """Write the report of a sweep, finished or not: Markdown, CSV, LaTeX, PNG, SVG and one HTML page.

    Args:
        folder: the sweep's.
        out: folder to write to; None: `report/` in the sweep's.
        resamples: test sets drawn by the paired bootstrap.
        say: called with sentences for the reader.
    """
    from toolkit.progress import say_nothing
    from toolkit.recipes.sweep.report import report

    return report(Path(folder), out=out, resamples=resamples, say=say or say_nothing)


def _file(name: str | Path) -> Path:
    from toolkit.config.ready import config_file

    return config_file(name, "sweep")


def _home(file: Path, out: Path | None) -> Path:
    return FOLDER / file.stem if out is None else Path(out)


def _texts(settings: Settings | None) -> dict[str, str]:
    """Return settings as they would be written in YAML; all faults at once, before anything is read."""
    from toolkit.config import load
    from toolkit.errors import ToolkitError

    texts = {
        key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in (settings or {}).items()
    }
    load(sets=[f"{key}={value}" for key, value in texts.items()])
    for key in ("zoo", "run_dir"):
        if key in texts:
            raise ToolkitError(f"--set {key}: a sweep keeps everything in one folder; name it with --out.")
    return texts


# -- texts ----------------------------------------------------------------------------------------------------------


def _plan_text(found: DryRun, workers: int) -> str:
    planned = found.planned
    grid, uses = planned.sweep, _uses(planned)
    head = f"{grid.title}\n{grid.question}".strip()
    size = (
        f"{_n(len(grid.cells), 'cell')}: {_n(len(grid.rows), 'row')} x {_n(len(grid.targets), 'target')} x "
        f"{_n(len(grid.seeds), 'seed')} x {_n(len(grid.variants), 'setting')}."
    )
    cells = []
    for number, step in enumerate(found.stages, 1):
        rows = "?" if step.examples is None else f"{step.examples:,}"
        learns = "+".join(step.learns_from) or "computed"
        cells.append((str(number), step.composition, learns, str(step.seed), rows, _n(uses[step.key], "cell")))
    table = aligned(("", "stage", "learns from", "seed", "rows", "for"), cells)
    done = len(planned.stages) - len(found.stages)
    scored = sum(not step.is_stage and step.key not in found.done for step in planned.steps)
    shared = sum(uses[step.key] > 1 for step in planned.stages)
    work = (
        f"{_n(len(found.stages), 'stage')} to train ({done} done already) and {_n(scored, 'composition')} to score; "
        f"{shared} stages are shared: one by one the cells would train {found.unshared}."
    )
    if found.seconds is None:
        estimate = f"No estimate of time: {found.measured}"
    else:
        estimate = f"About {in_words(found.seconds)} with {_n(workers, 'worker')}, measured {found.measured}."
    return "\n".join([head, size, *table, work, estimate])


def _status_text(found: Outlook, folder: Path, now: float) -> str:
    cells = [
        (label, *(str(found.count(state, stages=is_stage)) for state in STATES))
        for label, is_stage in (("stages", True), ("scored", False))
    ]
    lines = [f"{found.results.sweep.title} ({folder})"]
    lines += aligned(("", *STATES[:-1], "left"), cells)
    for step in found.among("running"):
        record = found.records[step.key]
        spent = now - record.attempts[-1].started
        where = f"{record.what} {record.done}/{record.total}, " if record.what else ""
        lines.append(f"running: {_named(step)}: {where}{in_words(spent)} so far, process {record.pid} on {record.host}")
    lines += [f"failed: {_named(step)}: {found.errors[step.key]}" for step in found.among("failed")]
    return "\n".join([*lines, _ending(found, now)])


def _ending(found: Outlook, now: float) -> str:
    left = len(found.among("waiting")) + len(found.among("running"))
    if left == 0:
        if found.results.is_finished:
            return "Finished."
        return "Finished, but for what failed: the same command tries it again."
    stopped = "" if found.is_alive else "Nothing works here now; the same command continues. "
    if found.seconds_left is None:
        return f"{stopped}{_n(left, 'step')} left; too little is measured for an estimate."
    end = datetime.fromtimestamp(now + found.seconds_left)
    day = "" if end.date() == datetime.now().date() else f" on {end:%d %B}"
    when = f": until {end:%H:%M}{day}" if found.is_alive else ""
    return f"{stopped}{_n(left, 'step')} left, about {in_words(found.seconds_left)}{when}."


def _uses(planned: Planned) -> Mapping[str, int]:
    """Return how many cells need each step."""
    from toolkit.sweeps.results import ancestors

    below: Mapping[str, Sequence[str]] = ancestors(planned.steps)
    uses = {step.key: 0 for step in planned.steps}
    for cell in planned.sweep.cells:
        for key in below[cell.key]:
            uses[key] += 1
    return uses


def _named(step: Step) -> str:
    return f"{step.composition}" + (f" on {step.task}" if step.task else "") + f", seed {step.seed}"


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def in_words(seconds: float) -> str:
    """Return a span of time as people say it.

    Example:
        >>> in_words(42), in_words(250), in_words(9000), in_words(200000)
        ('42 s', '4 min', '2 h 30 min', '2 days 7 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"
