"""Run a sweep: plan its steps, do what is not done yet, in one or several processes, and record everything."""

from __future__ import annotations

import shutil
import socket
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
from toolkit.recipes.sweep_plan import Facts, is_retrieved, make_plan, needs_of, stages_without_sharing
from toolkit.recipes.sweep_pool import Event, Pool, Worker
from toolkit.score import from_dict as score_from_dict
from toolkit.sweeps import Attempt, Planned, Record, Step, SweepFolder, load_results, read_sweep
from toolkit.sweeps.changes import changes
from toolkit.sweeps.outlook import left_with, seconds_left, seconds_of, speeds_of
from toolkit.sweeps.results import ancestors, states_of
from toolkit.sweeps.values import State, Texts
from toolkit.zoo import Zoo

Say = Callable[[str], None]
_HEARTBEAT_S = 2.0
MIN_FREE_BYTES = 32 * 2**20


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
        probed = _measure(list(unknown.values()), _places(config), tuple(task_files), report)
        speeds |= probed["speeds"]
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
            conductor = _Conductor(planned, held, pool, run.experiment, report, say)
            status = "FAILED"
            try:
                failed = conductor.run()
                status = "FAILED" if failed else "FINISHED"
            finally:
                run.close(pool, planned, held, status, on_event)
    return failed


class _Conductor:
    """Gives steps to workers as their parents are done, and writes down what comes of each."""

    def __init__(
        self, planned: Planned, folder: SweepFolder, pool: Pool, experiment: str, report: Report, say: Say
    ) -> None:
        self._planned, self._folder, self._pool, self._experiment = planned, folder, pool, experiment
        self._report, self._say = report, say
        self._steps = {step.key: step for step in planned.steps}
        self._below = ancestors(planned.steps)
        self._records = folder.records(planned.steps)
        self._states: dict[str, State] = {}
        self._carried: dict[str, float] = {}
        self._written = 0.0
        for step in planned.steps:
            self._states[step.key] = "done" if self._is_done(step) else "waiting"

    def run(self) -> int:
        """Do every step that can be done; return how many could not."""
        done = sum(state == "done" for state in self._states.values())
        total = len(self._states)
        self._say(f"{total} steps, {done} done already; {self._folder.root}/ keeps them, `xstilts status` shows them.")
        while True:
            while self._hand_out():
                pass
            self._report(Progress(self._what(), self._count("done"), total, self._figures()))
            if not any(worker.job for worker in self._pool.workers):
                break
            for worker, event in self._pool.hear(1.0):
                self._take(worker, event)
        states, _ = self._now()
        return sum(state in ("failed", "blocked") for state in states.values())

    # -- handing out

    def _hand_out(self) -> bool:
        """Give free workers what can be done now; return whether a step turned out to be done, so that others can be."""
        states, _ = self._now()
        is_new = False
        for step in self._planned.steps:
            worker = self._pool.free()
            if worker is None:
                return False
            if states[step.key] != "waiting" or any(states[parent] != "done" for parent in step.parents):
                continue
            if self._is_done(step):  # a parent was made again and came out the same
                self._states[step.key] = "done"
                is_new = True
            else:
                self._begin(worker, step)
        return is_new

    def _begin(self, worker: Worker, step: Step) -> None:
        earlier = self._records.get(step.key)
        attempts = earlier.attempts if earlier is not None else ()
        # What a killed try had spent; it counts where this one goes on from its checkpoint.
        self._carried[step.key] = earlier.seconds if earlier is not None and earlier.state == "running" else 0.0
        record = Record(
            key=step.key,
            kind=step.kind,
            composition=step.composition,
            state="running",
            attempts=(*attempts, Attempt(started=time.time())),
            host=socket.gethostname(),
            pid=worker.process.pid,
        )
        self._states[step.key] = "running"
        self._write(record)
        below = [
            {
                "entry": self._steps[key].composition,
                "zoo": str((self._folder.home(self._steps[key]) / "zoo").relative_to(self._folder.root)),
                "is_direct": key in step.parents,
            }
            for key in self._below[step.key]
        ]
        job = {
            "job": "step",
            "kind": step.kind,
            "composition": step.composition,
            "task": step.task,
            "languages": step.languages,
            "settings": step.settings,
            "root": str(self._folder.root),
            "home": str(self._folder.home(step)),
            "below": below,
            "run_id": self._planned.run_id,
            "experiment": self._experiment,
        }
        self._pool.give(worker, job, step)

    # -- hearing

    def _take(self, worker: Worker, event: Event) -> None:
        step: Step | None = worker.job
        if step is not None:
            self._note(step, event)
        if event.get("died"):
            if step is None:  # before it had anything to do: the next one would as well
                raise ToolkitError(event["error"])
            worker.job = None
            self._pool.replace(worker)
        elif event["event"] in ("done", "failed"):
            worker.job = None

    def _note(self, step: Step, event: Event) -> None:
        record = self._records[step.key]
        *before, attempt = record.attempts
        now = time.time()
        spent = now - attempt.started
        kind = event["event"]
        if kind == "progress":
            at = {"what": event["what"], "done": event["done"], "total": event["total"]}
            record = replace(record, **at, seconds=self._carried[step.key] * bool(attempt.resumed_at) + spent)
            self._records[step.key] = record
            if now - self._written > _HEARTBEAT_S:
                self._write(record)
        elif kind == "resumed":
            self._write(replace(record, attempts=(*before, replace(attempt, resumed_at=event["at"]))))
        elif kind == "failed":
            ended = replace(attempt, ended=now, outcome="failed")
            self._states[step.key] = "failed"
            self._write(replace(record, state="failed", error=event["error"], attempts=(*before, ended)))
            self._say(f"{step.composition}{_on(step)}: failed: {event['error']}")
            self._stop_where_disk_is_full()
        elif kind == "done":
            result = event["result"]
            goes_on = attempt.resumed_at > 0 or result["outcome"] == "found"
            ended = replace(attempt, ended=now, outcome=result["outcome"])
            self._states[step.key] = "done"
            record = replace(
                record,
                state="done",
                attempts=(*before, ended),
                seconds=result["seconds"] + self._carried[step.key] * goes_on,
                peak_memory_mib=result["peak_memory_mib"],
                examples=step.examples or 0,
                digest=result.get("digest", ""),
                parents=result["parents"],
                folder=result["folder"],
                predictions=result.get("predictions", ""),
                scores=tuple(score_from_dict(row) for row in result["scores"]),
                contamination=tuple(result.get("contamination", ())),
                what="",
                done=0,
                total=0,
                error="",
            )
            self._write(record)
            self._say(f"{step.composition}{_on(step)}: done in {spent:.0f} s{_main(record)}")

    def _stop_where_disk_is_full(self) -> None:
        free = shutil.disk_usage(self._folder.root).free
        if free < MIN_FREE_BYTES:
            raise ToolkitError(
                f"The disk of {self._folder.root} is full ({free / 2**20:.0f} MiB left); free space and run the same command "
                f"again: {self._count('done')} of {len(self._states)} steps are done and kept."
            )

    def _write(self, record: Record) -> None:
        self._records[record.key] = record
        self._written = time.time()
        self._folder.write(record)

    # -- knowing

    def _is_done(self, step: Step) -> bool:
        """Return whether a step is done, with the parents that there are now."""
        record = self._records.get(step.key)
        if record is None or record.state != "done":
            return False
        if step.is_stage and not self._holds(step):
            return False
        for parent in (self._steps[key] for key in step.parents):
            held = self._records.get(parent.key)
            if held is None or record.parents.get(parent.composition) != held.digest:
                return False
        return True

    def _holds(self, step: Step) -> bool:
        from toolkit.zoo import shelf_name

        zoo = Zoo(self._folder.home(step) / "zoo")
        shelf = shelf_name(step.settings["backbone"]["name"], step.settings["adapter"]["kind"])
        return zoo.holds(step.composition, shelf)

    def _now(self) -> tuple[dict[str, State], dict[str, str]]:
        """Return every step's state; those behind a failed one are blocked."""
        shown = {
            key: replace(record, state=self._states[key])
            for key, record in self._records.items()
            if self._states[key] != "waiting"
        }
        return states_of(self._planned.steps, shown, is_alive=True)

    def _count(self, state: State) -> int:
        return sum(found == state for found in self._states.values())

    def _what(self) -> str:
        running = [worker.job.composition for worker in self._pool.workers if worker.job is not None]
        return ", ".join(running) or "sweep"

    def _figures(self) -> dict[str, float]:
        failed = self._count("failed")
        return {"failed": failed} if failed else {}


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
    steps: Sequence[Step], places: Mapping[str, Any], task_files: tuple[str, ...], report: Report
) -> dict[str, Any]:
    """Run a few rows of each kind of work in a process that fetches nothing, and return its speeds and faults."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="xstilts-dry-run-") as scratch:
        pool = Pool(1, Path(scratch), lock=None, places=places, task_files=task_files, offline=True)
        with pool:
            job = {"job": "probe", "steps": [asdict(step) for step in steps]}
            found = pool.ask(job, on_event=lambda event: _pass_on(event, report))
    return dict(found)


def _pass_on(event: Event, report: Report) -> None:
    if event["event"] == "progress":
        report(Progress(event["what"], event["done"], event["total"]))


def _on(step: Step) -> str:
    return f" on {step.task}" if step.task else f" (seed {step.seed})"


def _main(record: Record) -> str:
    """Return the mean of a record's first measure, for the reader."""
    if not record.scores:
        return ""
    first = record.scores[0]
    values = [score.value for score in record.scores if (score.task, score.metric) == (first.task, first.metric)]
    split = "dev " if first.split == "dev" else ""
    return f", {split}{first.task} {first.metric} {100 * statistics.fmean(values):.1f}"
