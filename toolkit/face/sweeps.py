"""Journeys of sweeps: `sweep`, `sweep_plan`, `sweep_status` and `sweep_report`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Unpack

from toolkit.face.shared import Telling, Working, open_session
from toolkit.face.sweep_texts import plan_text, status_text, uses_of
from toolkit.results.result import Record, Result

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.sweep.report import Reported
    from toolkit.recipes.sweep.run import DryRun
    from toolkit.recipes.sweep.seeds import SeedPlan
    from toolkit.sweeps.outlook import Outlook

FOLDER = Path("sweeps")  # in the working folder
Settings = Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class SweepPlan(Result):
    """Result of a dry run: what a sweep would do, and how long it would take.

    Attributes:
        found: every step and the estimate.
        notes: cells that the grid leaves out, a sentence each.
        needs: the seeds that the effect asked for needs; None if none was.
    """

    found: DryRun
    notes: tuple[str, ...]
    needs: SeedPlan | None = None

    stem: ClassVar[str] = "sweep-plan"

    def records(self) -> list[Record]:
        """Return one row for each stage that would be trained."""
        uses = uses_of(self.found.planned)
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


class Planning(Telling, total=False):
    """Options of `sweep_plan`: where it reports to, and what it reckons.

    `workers`: processes that the estimate is for; 1 without. `effect`: difference in points; the result says how many seeds it
    needs to be seen. `spread`: of a score over seeds, in points, or the folder of a sweep that has several; without it that of
    the sweep's own folder. `only`: as for `sweep`.
    """

    workers: int
    effect: float | None
    spread: str | None
    only: Sequence[str]


def sweep_plan(
    name: str | Path,
    config: Config,
    *,
    settings: Settings | None = None,
    out: Path | None = None,
    **options: Unpack[Planning],
) -> SweepPlan:
    """Return what a sweep would do and how long it would take; writes nothing into its folder.

    Args:
        name, config, settings, out: as for `sweep`.
        options: `workers`, `effect`, `spread`, `only`, `report` and `say`, see `Planning`.
    """
    from toolkit.recipes.sweep.facts import Facts
    from toolkit.recipes.sweep.run import Asked, dry_run, plan_sweep
    from toolkit.recipes.sweep.seeds import plan_seeds, seeds_text

    file, session = _file(name), open_session(config, options)
    asked, home = Asked(file, _texts(settings), options.get("only", ())), _home(file, out)
    workers, effect, needs = options.get("workers", 1), options.get("effect"), None
    if effect is not None:  # before anything is measured, so that a fault is found at once
        planned = plan_sweep(asked, Facts(), session.catalogue)
        needs = plan_seeds(planned, effect, spread=options.get("spread"), folder=home, catalogue=session.catalogue)
    found = dry_run(asked, session, folder=home, workers=workers)
    text = plan_text(found, workers) + (f"\n{seeds_text(needs)}" if needs is not None else "")
    return SweepPlan(found=found, notes=tuple(found.planned.sweep.left_out), text=text, needs=needs)


class Sweeping(Working, total=False):
    """Options of `sweep`: those of `Working`, and three of its own.

    `update`: continue although settings or rows are not what the folder's results were made with. `stages_of`: folders of
    other sweeps, whose finished stages and scorings that are the same are taken and not done again. `only`: some cells of the grid, by
    name (`mnli | xnli | seed 0`) or by parts of it (`xnli`, `mnli | seed 0`).
    """

    update: bool
    stages_of: Sequence[str | Path]
    only: Sequence[str]


def sweep(
    name: str | Path,
    config: Config,
    *,
    settings: Settings | None = None,
    out: Path | None = None,
    **options: Unpack[Sweeping],
) -> SweepStatus:
    """Train and score every cell of a grid, each shared stage once; a sweep that was stopped continues where it was.

    Args:
        name: a YAML file, or the name of a ready sweep (`order-mini`).
        config: of which the places are used: mirror, tracker, task files. A sweep's own settings are in its file.
        settings: settings of every stage by dotted key; they win over the file's.
        out: the sweep's folder; None: `sweeps/NAME`.
        options: `workers`, `cluster`, `update`, `stages_of`, `only`, `report` and `say`, see `Sweeping`.
    """
    from toolkit.engine.site import Site
    from toolkit.recipes.sweep.run import Asked
    from toolkit.recipes.sweep.run import sweep as run

    file = _file(name)
    home = _home(file, out)
    run(
        Asked(file, _texts(settings), options.get("only", ())),
        open_session(config, options),
        folder=home,
        site=Site(options.get("workers"), options.get("cluster") or ""),
        is_update=options.get("update", False),
        stages_of=[Path(each) for each in options.get("stages_of", ())],
    )
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
    return SweepStatus(found=found, folder=Path(folder), failed=failed, text=status_text(found, Path(folder), now))


def sweep_report(
    folder: str | Path,
    config: Config | None = None,
    *,
    out: Path | None = None,
    resamples: int | None = None,
    publish: Path | None = None,
    **tell: Unpack[Telling],
) -> Reported:
    """Write the report of a sweep, finished or not: Markdown, CSV, LaTeX, PNG, SVG and one HTML page.

    Args:
        folder: the sweep's.
        config: its `task_files` declare tasks of the sweep.
        out: folder to write to; None: `report/` in the sweep's.
        resamples: test sets drawn by the paired bootstrap; None: 10,000, of published results theirs.
        publish: folder for the results without rows and adapters, from which the same report is made again.
        tell: `say`.
    """
    from toolkit.errors import ToolkitError
    from toolkit.progress import say_nothing
    from toolkit.recipes.sweep.report import publish_report, report
    from toolkit.statistics.bootstrap import RESAMPLES
    from toolkit.tasks import catalogue_of

    catalogue = catalogue_of(() if config is None else config.task_files)
    say = tell.get("say", say_nothing)
    if publish is not None:
        if out is not None:
            raise ToolkitError("A report is written to one folder: give either `publish` or `out`.")
        drawn = RESAMPLES if resamples is None else resamples
        return publish_report(Path(folder), publish, resamples=drawn, say=say, catalogue=catalogue)
    return report(Path(folder), out=out, resamples=resamples, say=say, catalogue=catalogue)


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
