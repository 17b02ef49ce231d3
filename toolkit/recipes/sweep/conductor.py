"""Conductor of a sweep: gives steps to workers as soon as their parents are done, and records the outcome of each."""

from __future__ import annotations

import shutil
import socket
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace

from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Tell
from toolkit.recipes.sweep.messages import Answer, Below, DoStep, Event, Failed, OpenRun, Progressed, Resumed, StepDone
from toolkit.recipes.sweep.pool import Pool, Worker
from toolkit.results.score import printed
from toolkit.space import Need, in_words, require_space
from toolkit.sweeps import Attempt, Planned, Record, Step, SweepFolder
from toolkit.sweeps.outlook import left_with, seconds_left, speeds_of
from toolkit.sweeps.results import ancestors, states_of
from toolkit.sweeps.values import State
from toolkit.zoo import Zoo
from toolkit.zoo.names import shelf_name

_HEARTBEAT_S = 2.0
MIN_FREE_BYTES = 32 * 2**20
_OF_A_STEP = 64 * 2**10  # bytes: its record, card or scores, and a picture


class Conductor:
    """Does the steps of a plan that are not done yet.

    Args:
        planned: the steps, parents first.
        folder: the sweep's folder.
        pool: its workers.
        experiment: of the steps' runs in the tracker.
        tell: where progress and sentences go.
        own_run: job that opens the sweep's own run again, in a worker that replaces the first one.
    """

    def __init__(
        self,
        planned: Planned,
        folder: SweepFolder,
        pool: Pool,
        experiment: str,
        tell: Tell,
        *,
        own_run: OpenRun | None = None,
    ) -> None:
        self._planned, self._folder, self._pool, self._experiment = planned, folder, pool, experiment
        self._tell, self._own_run = tell, own_run
        self._again: set[str] = set()  # steps that were given to a worker that was dead
        self._steps = {step.key: step for step in planned.steps}
        self._below = ancestors(planned.steps)
        self._records = folder.records(planned.steps)
        self._states: dict[str, State] = {}
        self._carried: dict[str, float] = {}
        self._first_with: dict[str, str] = {}  # the step that failed first, by its error
        self._written = 0.0
        for step in planned.steps:
            self._states[step.key] = "done" if self._is_done(step) else "waiting"

    def run(self) -> int:
        """Do every step that can be done; return how many could not."""
        done = sum(state == "done" for state in self._states.values())
        total = len(self._states)
        root = self._folder.root
        # What a stage writes exactly, it compares itself before it trains.
        require_space([Need("the steps that are left", root, (total - done) * _OF_A_STEP, 0, "name another --out")])
        self._tell.say(f"{total} steps, {done} done already; {root}/ keeps them, `xstilts status` shows them.")
        while True:
            while self._hand_out():
                pass
            self._show(total)
            if not any(worker.job for worker in self._pool.workers):
                break
            for worker, event in self._pool.hear(1.0):
                self._take(worker, event)
        states, _ = self._now()
        return sum(state in ("failed", "blocked") for state in states.values())

    def told(self) -> str:
        """Return how many steps are done, in words."""
        return f"{self._count('done')} of {len(self._states)} steps"

    # -- handing out

    def _hand_out(self) -> bool:
        """Give free workers the steps that can be done now; return whether a step turned out to be done already."""
        states, _ = self._now()
        is_new = False
        for step in self._planned.steps:
            worker = self._pool.free()
            if worker is None:
                return False
            if states[step.key] != "waiting" or any(states[parent] != "done" for parent in step.parents):
                continue
            if self._is_done(step):  # a parent was made again and has the same digest as before
                self._states[step.key] = "done"
                is_new = True
            else:
                self._begin(worker, step)
        return is_new

    def _begin(self, worker: Worker, step: Step) -> None:
        earlier = self._records.get(step.key)
        attempts = earlier.attempts if earlier is not None else ()
        # Seconds that a killed attempt had spent; they count if this one resumes from its checkpoint.
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
        root = self._folder.root
        below = tuple(
            Below(
                self._steps[key].composition,
                str((self._folder.home(self._steps[key]) / "zoo").relative_to(root)),
                key in step.parents,
            )
            for key in self._below[step.key]
        )
        job = DoStep(step, str(root), str(self._folder.home(step)), below, self._planned.run_id, self._experiment)
        self._pool.give(worker, job)

    # -- hearing

    def _take(self, worker: Worker, event: Event) -> None:
        step = _step_of(worker)
        if step is not None:
            if isinstance(event, Failed | Answer):
                self._tell.progress(Progress("", 1, 1, lane=_lane(step)))
            if isinstance(event, Failed) and event.is_dead and not worker.has_spoken and step.key not in self._again:
                self._again.add(step.key)  # the worker was dead when it was given the step, which is not to blame
                self._put_back(step)
            else:
                self._note(step, event)
        if isinstance(event, Failed) and event.is_dead:
            hired = self._pool.replace(worker, event)
            if self._own_run is not None and self._own_run.run_id and hired.number == 0:
                self._pool.give(hired, self._own_run)  # the first worker keeps the sweep's run
        elif isinstance(event, Failed | Answer):
            worker.job = None

    def _put_back(self, step: Step) -> None:
        """Let a step wait again, as if its last attempt had not begun."""
        record = self._records[step.key]
        self._states[step.key] = "waiting"
        self._records[step.key] = replace(record, attempts=record.attempts[:-1], seconds=self._carried[step.key])

    def _note(self, step: Step, event: Event) -> None:
        record = self._records[step.key]
        *before, attempt = record.attempts
        now = time.time()
        spent = now - attempt.started
        match event:
            case Progressed(what, done, total, figures):
                own = what.removesuffix(f" {step.composition}")  # the lane names it
                self._tell.progress(Progress(own, done, total, figures, lane=_lane(step)))
                seconds = self._carried[step.key] * bool(attempt.resumed_at) + spent
                record = replace(record, what=what, done=done, total=total, seconds=seconds)
                self._records[step.key] = record
                if now - self._written > _HEARTBEAT_S:
                    self._write(record)
            case Resumed(at):
                self._write(replace(record, attempts=(*before, replace(attempt, resumed_at=at))))
                if at:
                    self._tell.say(f"{_lane(step)} continues from step {at}.")
            case Failed(error):
                ended = replace(attempt, ended=now, outcome="failed")
                self._states[step.key] = "failed"
                self._write(replace(record, state="failed", error=error, attempts=(*before, ended)))
                first = self._first_with.setdefault(error, _lane(step))
                self._tell.say(f"{_lane(step)}: failed{f': {error}' if first == _lane(step) else f' as {first} did.'}")
                self._stop_where_disk_is_full()
            case StepDone():
                ended = replace(attempt, ended=now, outcome=event.outcome)
                is_resumed = attempt.resumed_at > 0 or event.outcome == "found"
                self._states[step.key] = "done"
                record = _finished(replace(record, attempts=(*before, ended)), step, event)
                record = replace(record, seconds=event.seconds + self._carried[step.key] * is_resumed)
                self._write(record)
                self._tell.say(f"{_lane(step)}: done in {spent:.0f} s{_main(record)}")

    def _stop_where_disk_is_full(self) -> None:
        free = shutil.disk_usage(self._folder.root).free
        if free < MIN_FREE_BYTES:
            raise ToolkitError(
                f"The disk of {self._folder.root} is full ({in_words(free)} left); free space and run the same command "
                f"again: {self._count('done')} of {len(self._states)} steps are done and kept."
            )

    def _write(self, record: Record) -> None:
        self._records[record.key] = record
        self._written = time.time()
        self._folder.write(record)

    # -- knowing

    def _is_done(self, step: Step) -> bool:
        """Return whether a step was done with the parents that exist now."""
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
        zoo = Zoo(self._folder.home(step) / "zoo")
        shelf = shelf_name(step.settings["backbone"]["name"], step.settings["adapter"]["kind"])
        return zoo.holds(step.composition, shelf)

    def _now(self) -> tuple[dict[str, State], dict[str, str]]:
        """Return every step's state; the descendants of a failed step are blocked."""
        shown = {
            key: replace(record, state=self._states[key])
            for key, record in self._records.items()
            if self._states[key] != "waiting"
        }
        return states_of(self._planned.steps, shown, is_alive=True)

    def _count(self, state: State) -> int:
        return self._count_of(self._states, state)

    @staticmethod
    def _count_of(states: Mapping[str, State], state: State) -> int:
        return sum(found == state for found in states.values())

    def _show(self, total: int) -> None:
        """Report how many steps are done, and the time that is left as `xstilts status` estimates it."""
        steps, (states, _), now = self._planned.steps, self._now(), time.time()
        left = seconds_left(steps, states, self._records, speeds=speeds_of(steps, self._records), now=now)
        seconds = None if left is None else left_with(left, len(self._pool.workers), steps, states)
        figures = {state: float(found) for state in ("failed", "blocked") if (found := self._count_of(states, state))}
        what = f"sweep {self._planned.sweep.name}"
        self._tell.progress(Progress(what, self._count("done"), total, figures, seconds_left=seconds))


def _step_of(worker: Worker) -> Step | None:
    return worker.job.step if isinstance(worker.job, DoStep) else None


def _finished(record: Record, step: Step, event: StepDone) -> Record:
    return replace(
        record,
        state="done",
        peak_memory_mib=event.peak_memory_mib,
        examples=step.examples or 0,
        digest=event.digest,
        parents=event.parents,
        folder=event.folder,
        predictions=event.predictions,
        scores=event.scores,
        contamination=event.contamination,
        what="",
        done=0,
        total=0,
        error="",
    )


def _lane(step: Step) -> str:
    """Return the words of a step in the progress of a sweep."""
    return f"{step.composition}{_on(step)}"


def _on(step: Step) -> str:
    return f" on {step.task}" if step.task else f" (seed {step.seed})"


def _main(record: Record) -> str:
    """Return the mean of a record's first measure, for the reader."""
    if not record.scores:
        return ""
    first = record.scores[0]
    values = [score.value for score in record.scores if (score.task, score.metric) == (first.task, first.metric)]
    split = "dev " if first.split == "dev" else ""
    return f", {split}{first.task} {first.metric} {printed(first.metric, statistics.fmean(values)):.1f}"
