"""Journeys `sweep` and its dry run: plan the steps of a grid, do those that are not done yet, record everything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from toolkit.engine.hand import passing_on
from toolkit.engine.site import Site
from toolkit.errors import Interrupted, ToolkitError
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.facts import Facts, lacking_languages, needs_of, roads_of, without_first_rows
from toolkit.recipes.sweep.messages import (
    LookedUp,
    LookUp,
    RunStatus,
)
from toolkit.recipes.sweep.plan import make_plan, stages_without_sharing
from toolkit.recipes.sweep.probe import probe
from toolkit.recipes.sweep.taken import Taken, require_sweeps, take_steps
from toolkit.sweeps import Planned, Step, SweepFolder, read_sweep
from toolkit.sweeps.changes import changes
from toolkit.sweeps.disk import require_atomic_rename
from toolkit.sweeps.only import only
from toolkit.sweeps.outlook import Speed, left_with, seconds_left, seconds_of, speeds_of
from toolkit.sweeps.registered import DIGEST, register
from toolkit.sweeps.values import Cell, State, Texts
from toolkit.tasks import Catalogue
from toolkit.tasks.kinds import RETRIEVED


@dataclass(frozen=True)
class DryRun:
    """A sweep that was planned and not begun.

    Attributes:
        planned: all its steps.
        done: keys of the steps that are done already.
        unshared: stages that a loop over the cells would train.
        seconds: estimate of the time that is left; None if nothing could be measured.
        measured: where the estimate comes from, or why there is none.
    """

    planned: Planned
    done: frozenset[str]
    unshared: int
    seconds: float | None
    measured: str

    @property
    def stages(self) -> tuple[Step, ...]:
        """The stages that would be trained."""
        return tuple(step for step in self.planned.stages if step.key not in self.done)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that would be scored; some may share a step."""
        return tuple(cell for cell in self.planned.sweep.cells if cell.key not in self.done)


@dataclass(frozen=True)
class Asked:
    """What is asked of a sweep.

    Attributes:
        file: the grid.
        given: settings from the command line, by dotted key as text.
        some: cells of the grid (`toolkit.sweeps.only`); none: all of it.
    """

    file: Path
    given: Texts = field(default_factory=dict)
    some: Sequence[str] = ()


def plan_sweep(asked: Asked, facts: Facts, catalogue: Catalogue) -> Planned:
    """Read a sweep's file and plan its steps.

    Raises:
        ToolkitError: a fault of the file, a setting of the command line that is an axis of the grid, or a cell that is not in it.
    """
    whole = read_sweep(asked.file, is_retrieved=lambda task: catalogue.get(task).kind in RETRIEVED)
    grid = only(whole, asked.some)
    varied = {key for cell in grid.cells for key in cell.settings} | {"train.seed"}
    if both := sorted(varied & set(asked.given)):
        raise ToolkitError(f"{both[0]} is given, but it is an axis of {asked.file}; change it in the file's `axes`.")
    return make_plan(grid, asked.given, facts, catalogue)


def dry_run(
    asked: Asked,
    session: Session,
    *,
    folder: Path,
    workers: int = 1,
    is_measured: bool = True,
) -> DryRun:
    """Return what a sweep would do and how long it would take; nothing is written into its folder.

    Args:
        asked: the grid, its cells and settings.
        session: of which the places are used: mirror, task files and tracker.
        folder: the sweep's folder; steps that it holds already do not count.
        workers: processes that the estimate is for.
        is_measured: run a few rows of each kind of work that the folder has no measurement of.
    """
    held = SweepFolder(folder)
    old = held.plan()
    planned = plan_sweep(asked, _facts_of(old), session.catalogue)
    valid = without_first_rows(_facts_of(old), needs_of(planned.steps, session.catalogue)[0])
    planned = plan_sweep(asked, valid, session.catalogue)
    _name_lacking(planned, session)
    records = held.records(planned.steps)
    done = frozenset(key for key, record in records.items() if record.state == "done")
    states: dict[str, State] = {step.key: "done" if step.key in done else "waiting" for step in planned.steps}
    speeds = speeds_of(planned.steps, records)
    measured = f"from {sum(record.state == 'done' for record in records.values())} finished steps in {folder}"
    unknown = {step.work: step for step in planned.steps if step.key not in done and seconds_of(step, speeds) is None}
    if unknown and is_measured:
        probed = probe(list(unknown.values()), session, workers)
        speeds |= {work: Speed(*costs) for work, costs in probed.speeds.items()}
        measured = "from a probe of a few rows of each kind of work, on this machine"
        if missing := [work for work in unknown if work not in speeds]:
            measured = f"nothing could be measured for {', '.join(missing)}: {probed.faults[0]}"
    left = seconds_left(planned.steps, states, records, speeds=speeds, now=time.time())
    if left is None and not is_measured:
        measured = "nothing was measured yet"
    seconds = None if left is None else left_with(left, workers, planned.steps, states)
    return DryRun(planned, done, stages_without_sharing(planned), seconds, measured)


def sweep(
    asked: Asked,
    session: Session,
    *,
    folder: Path,
    site: Site = Site(),  # noqa: B008  # frozen
    is_update: bool = False,
    stages_of: Sequence[Path] = (),
) -> int:
    """Do everything in a sweep that is not done yet.

    Args:
        asked: the grid, its cells and settings.
        session: of which the places are used: mirror, task files and tracker.
        folder: the sweep's folder; a sweep that was stopped there is continued.
        site: where the steps are done.
        is_update: continue although settings, rows or weights differ from those of the folder's results.
        stages_of: folders of other sweeps, whose finished stages and scorings with the same key are taken.

    Returns:
        How many steps failed or were blocked by one that did.

    Raises:
        ToolkitError: another sweep works in the folder, something changed, the disk is full.
    """
    from toolkit.recipes.sweep.conductor import Conductor
    from toolkit.recipes.sweep.opening import open_engine
    from toolkit.recipes.sweep.sweep_run import SweepRun

    held = SweepFolder(folder)
    require_sweeps(stages_of, folder)
    # Before anything is loaded: faults of the file, and changes that the file alone shows.
    old = held.plan()
    planned = plan_sweep(asked, _facts_of(old), session.catalogue)
    _check_changes(held, old, planned, is_update)
    with closing(held.lock()) as lease:
        require_atomic_rename(folder)
        old = held.plan()
        with open_engine(site, folder, session, lease) as engine:
            on_event = passing_on(session.tell)
            needs, backbones = needs_of(planned.steps, session.catalogue)
            found = engine.ask(LookUp(tuple(backbones), tuple(needs)), LookedUp, on_event=on_event)
            planned = plan_sweep(asked, Facts(found.backbones, found.rows), session.catalogue)
            _check_changes(held, old, planned, is_update)
            _name_lacking(planned, session, *roads_of(found.rows))
            taken = take_steps(held, planned, stages_of)
            if taken != Taken():
                session.say(f"{taken} were taken from other sweeps.")
            planned = _registered(held, old, planned, asked.given)
            run = SweepRun(planned, folder, session.config, engine.clerk, on_event)
            planned = replace(planned, workers=engine.count(), run_id=run.open(old))
            try:
                held.write_plan(planned)
            except ToolkitError:  # a full disk
                run.give_up(planned)
                raise
            conductor = Conductor(planned, held, engine, run.experiment, session.tell, lease=lease)
            status: RunStatus = "FAILED"
            try:
                failed = conductor.run()
                status = "FAILED" if failed else "FINISHED"
            except KeyboardInterrupt:
                status = "KILLED"
                raise Interrupted(f"{conductor.told()} are done and kept in {folder}/") from None
            finally:
                run.close(planned, held, status)
    return failed


def _registered(held: SweepFolder, old: Planned | None, planned: Planned, given: Texts) -> Planned:
    """Write down what is asked, before any step of this start, and return the plan with the digest of that."""
    steps = {step.key: step for step in (*(old.steps if old is not None else ()), *planned.steps)}
    records = held.records(list(steps.values()))
    done = [steps[key] for key, record in records.items() if record.state == "done"]
    scored = sum(not step.is_stage for step in done)
    digest = register(held.root, planned.sweep, given, steps_done=len(done), cells_done=scored, now=time.time())
    return replace(planned, facts={**planned.facts, DIGEST: digest})


def _check_changes(held: SweepFolder, old: Planned | None, new: Planned, is_update: bool) -> None:
    """Raise if a folder's results were made with other settings, rows or weights than those that are asked for now."""
    if old is None or is_update:
        return
    done = {key for key, record in held.records(old.steps).items() if record.state == "done"}
    found = changes(old, new, done=done)
    if found is not None:
        raise ToolkitError(
            f"{held.root} holds this sweep with something else ({'; '.join(found.why)}): {found.again} of its {len(done)} "
            f"finished steps would be done again and {found.kept} kept; give --update to do so, or name another folder with "
            "--out."
        )


def _name_lacking(planned: Planned, session: Session, *more: str) -> None:
    for sentence in (*lacking_languages(planned.steps, session.catalogue, session.config.data_root), *more):
        session.say(sentence)


def _facts_of(old: Planned | None) -> Facts:
    return Facts() if old is None else Facts(old.facts["backbones"], old.facts["rows"])
