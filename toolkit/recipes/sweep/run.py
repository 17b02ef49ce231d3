"""Run a sweep: plan its steps, do what is not done yet, in one or several processes, and record everything."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.config import Config, to_dict
from toolkit.config.convert import sections
from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Report, silent
from toolkit.recipes.sweep.conductor import Conductor, Say
from toolkit.recipes.sweep.plan import Facts, is_retrieved, make_plan, needs_of, stages_without_sharing
from toolkit.recipes.sweep.pool import Event, Pool
from toolkit.sweeps import Planned, Step, SweepFolder, load_results, read_sweep
from toolkit.sweeps.changes import changes
from toolkit.sweeps.outlook import Speed, left_with, seconds_left, seconds_of, speeds_of
from toolkit.sweeps.values import State, Texts


@dataclass(frozen=True)
class DryRun:
    """What a sweep would do.

    Attributes:
        planned: all its steps.
        done: keys of those that are done already.
        unshared: stages that a loop over the cells would train.
        seconds: estimate of what is left; None where nothing could be measured.
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


def plan_sweep(file: Path, given: Texts, facts: Facts) -> Planned:
    """Read a sweep's file and plan its steps.

    Raises:
        ToolkitError: a fault of the file, or a setting of the command that is an axis of the grid.
    """
    grid = read_sweep(file, is_retrieved=is_retrieved)
    varied = {key for cell in grid.cells for key in cell.settings} | {"train.seed"}
    if both := sorted(varied & set(given)):
        raise ToolkitError(f"{both[0]} is given, but it is an axis of {file}; change it in the file's `axes`.")
    return make_plan(grid, given, facts)


def dry_run(
    file: Path,
    config: Config,
    *,
    given: Texts,
    folder: Path,
    workers: int = 1,
    task_files: Sequence[str] = (),
    is_measured: bool = True,
    report: Report = silent,
) -> DryRun:
    """Say what a sweep would do, and how long it would take; writes nothing into its folder.

    Args:
        file: the grid.
        config: places: mirror and tracker.
        given: settings from the command line.
        folder: the sweep's folder; what it holds already is not counted again.
        workers: processes that the estimate is for.
        task_files: tasks of the user's own.
        is_measured: run a few rows of each kind of work where the folder has no measurement.
        report: progress callback.
    """
    held = SweepFolder(folder)
    old = held.plan()
    planned = plan_sweep(file, given, _facts_of(old))
    records = held.records(planned.steps)
    done = frozenset(key for key, record in records.items() if record.state == "done")
    states: dict[str, State] = {step.key: "done" if step.key in done else "waiting" for step in planned.steps}
    speeds = speeds_of(planned.steps, records)
    measured = f"from {sum(record.state == 'done' for record in records.values())} finished steps in {folder}"
    unknown = {step.work: step for step in planned.steps if step.key not in done and seconds_of(step, speeds) is None}
    if unknown and is_measured:
        probed = _measure(list(unknown.values()), _places(config), tuple(task_files), workers, report)
        speeds |= {work: Speed(*costs) for work, costs in probed["speeds"].items()}
        measured = "from a probe of a few rows of each kind of work, on this machine"
        if missing := [work for work in unknown if work not in speeds]:
            measured = f"nothing could be measured for {', '.join(missing)}: {probed['faults'][0]}"
    left = seconds_left(planned.steps, states, records, speeds=speeds, now=time.time())
    if left is None and not is_measured:
        measured = "nothing was measured yet"
    seconds = None if left is None else left_with(left, workers, planned.steps, states)
    return DryRun(planned, done, stages_without_sharing(planned), seconds, measured)


def sweep(
    file: Path,
    config: Config,
    *,
    given: Texts,
    folder: Path,
    workers: int = 1,
    is_update: bool = False,
    task_files: Sequence[str] = (),
    report: Report = silent,
    say: Say = lambda sentence: None,
) -> int:
    """Do everything in a sweep that is not done yet.

    Args:
        file: the grid.
        config: places: mirror and tracker.
        given: settings from the command line, by dotted key as text.
        folder: where it lives; a sweep that was stopped there goes on.
        workers: processes.
        is_update: go on although configuration, rows or weights are not what the folder's results were made with.
        task_files: tasks of the user's own.
        report: progress callback, over steps.
        say: called with sentences for the reader.

    Returns:
        How many steps failed or were blocked by one that did.

    Raises:
        ToolkitError: another sweep works in the folder, something changed, the disk is full.
    """
    held = SweepFolder(folder)
    # Before anything is loaded: faults of the file, and changes that the file alone shows.
    old = held.plan()
    planned = plan_sweep(file, given, _facts_of(old))
    _check_changes(held, old, planned, is_update)
    with closing(held.lock()) as lock:
        old = held.plan()
        with Pool(workers, folder, lock=lock.descriptor, places=_places(config), task_files=tuple(task_files)) as pool:
            told: set[str] = set()

            def on_event(event: Event) -> None:
                if event["event"] == "progress":
                    report(Progress(event["what"], event["done"], event["total"]))
                elif event["event"] == "say" and event["text"] not in told:  # one sentence for a whole outage
                    told.add(event["text"])
                    say(event["text"])

            needs, backbones = needs_of(planned.steps)
            asked = {"needs": [asdict(need) | {"name": need.name} for need in needs], "backbones": backbones}
            found = pool.ask({"job": "facts", **asked}, on_event=on_event)
            planned = plan_sweep(file, given, Facts(found["backbones"], found["rows"]))
            _check_changes(held, old, planned, is_update)
            run = _SweepRun(planned, config)
            planned = replace(planned, workers=workers, run_id=run.open(pool, old, on_event))
            held.write_plan(planned)
            conductor = Conductor(planned, held, pool, run.experiment, report, say)
            status = "FAILED"
            try:
                failed = conductor.run()
                status = "FAILED" if failed else "FINISHED"
            finally:
                run.close(pool, planned, held, status, on_event)
    return failed


class _SweepRun:
    """The sweep's own run in the tracker, which the runs of its steps are nested under."""

    def __init__(self, planned: Planned, config: Config) -> None:
        self._is_tracked = config.tracking.enabled
        self.experiment = config.tracking.experiment or f"sweep {planned.sweep.name}"
        sweep = planned.sweep
        self._base = {
            "name": f"sweep {sweep.name}",
            "experiment": self.experiment,
            "tags": {"journey": "sweep", "sweep": sweep.name, "question": sweep.question},
        }
        self._params = {
            "cells": len(sweep.cells),
            "rows": ", ".join(sweep.rows),
            "targets": ", ".join(sweep.targets),
            "seeds": ", ".join(map(str, sweep.seeds)),
            "backbone": planned.steps[0].settings["backbone"]["name"],
        }

    def open(self, pool: Pool, old: Planned | None, on_event: Callable[[Event], None]) -> str:
        if not self._is_tracked:
            return ""
        earlier = old.run_id if old is not None else ""
        # A grid that has grown has other params, which MLflow never changes.
        params = {} if earlier else self._params
        job = {"job": "open", **self._base, "params": params, "run_id": earlier}
        return str(pool.ask(job, on_event=on_event)["run_id"])

    def close(
        self, pool: Pool, planned: Planned, folder: SweepFolder, status: str, on_event: Callable[[Event], None]
    ) -> None:
        if not self._is_tracked:
            return
        results = load_results(folder.root)
        metrics = {
            "cells_done": sum(cell.state == "done" for cell in results.cells),
            "stages_done": sum(stage.state == "done" for stage in results.stages),
            "stage_seconds": sum(stage.record.seconds for stage in results.stages if stage.record is not None),
        }
        worker = pool.workers[0]
        if worker.job is not None or worker.is_deaf:  # it is being stopped
            return
        job = {"job": "close", **self._base, "run_id": planned.run_id, "metrics": metrics, "status": status}
        pool.ask({**job, "files": [str(folder.root / "sweep.json")]}, on_event=on_event)


def _check_changes(held: SweepFolder, old: Planned | None, new: Planned, is_update: bool) -> None:
    """Raise where a folder's results were made with something else than what is asked for now."""
    if old is None or is_update:
        return
    done = {key for key, record in held.records(old.steps).items() if record.state == "done"}
    found = changes(old, new, done=done)
    if found is not None:
        raise ToolkitError(
            f"{held.root} holds this sweep with something else ({'; '.join(found.why)}): {found.again} of its {len(done)} "
            f"finished steps would be done again and {found.kept} kept; give --update to do so, or name another folder with "
            "--dir."
        )


def _facts_of(old: Planned | None) -> Facts:
    return Facts() if old is None else Facts(old.facts["backbones"], old.facts["rows"])


def _places(config: Config) -> dict[str, Any]:
    """Return what steps need besides their settings, as plain values: where things lie, and what is recorded."""
    plain = to_dict(config)
    own = ("zoo", "run_dir")  # every step has its own
    return {key: value for key, value in plain.items() if key == "tracking" or key not in (*sections(), *own)}


def _measure(
    steps: Sequence[Step], places: Mapping[str, Any], task_files: tuple[str, ...], workers: int, report: Report
) -> dict[str, Any]:
    """Run a few rows of each kind of work in as many processes as will work, which fetch nothing.

    Processes that work at the same time have less of the machine each: one alone would promise too much.
    """
    from tempfile import TemporaryDirectory

    speeds: dict[str, Any] = {}
    faults: list[str] = []
    with TemporaryDirectory(prefix="xstilts-dry-run-") as scratch:
        pool = Pool(workers, Path(scratch), lock=None, places=places, task_files=task_files, offline=True)
        with pool:
            jobs = [{"job": "probe", "steps": [asdict(step) for step in steps]}] * workers
            for found in pool.ask_all(jobs, on_event=lambda event: _pass_on(event, report)):
                faults += found["faults"]
                for work, costs in found["speeds"].items():
                    speeds.setdefault(work, []).append(costs)
    middle = {work: [statistics.median(part) for part in zip(*costs, strict=True)] for work, costs in speeds.items()}
    return {"speeds": middle, "faults": faults}


def _pass_on(event: Event, report: Report) -> None:
    if event["event"] == "progress":
        report(Progress(event["what"], event["done"], event["total"]))
