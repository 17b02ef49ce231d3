"""Conductor of a sweep: gives steps to workers as soon as their parents are done, and records the outcome of each."""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import replace

from toolkit.engine.engine import Engine
from toolkit.engine.messages import Answer, Began, Event, Failed, Progressed, Said
from toolkit.errors import ToolkitError
from toolkit.leases import Lease
from toolkit.progress import Progress, Tell
from toolkit.recipes.sweep.board import Board
from toolkit.recipes.sweep.messages import Below, DoStep, Resumed, StepDone
from toolkit.results.score import printed
from toolkit.space import Need, in_words, require_space
from toolkit.sweeps import Attempt, Planned, Record, Step, SweepFolder
from toolkit.sweeps.outlook import left_with, seconds_left, speeds_of
from toolkit.sweeps.results import ancestors
from toolkit.sweeps.values import State
from toolkit.zoo import Zoo
from toolkit.zoo.names import shelf_name

_HEARTBEAT_S = 2.0
MIN_FREE_BYTES = 32 * 2**20
_OF_A_STEP = 64 * 2**10  # bytes: its record, card or scores, and a picture
_SHARE = 0.02  # of the time, for estimates of the time that is left
_BAD: tuple[State, ...] = ("failed", "blocked")
_MANY_DEATHS = 2  # of processes that were never ready, for each that works: then a new one would die as well


class Conductor:
    """Does the steps of a plan that are not done yet.

    Args:
        planned: the steps, parents first.
        folder: the sweep's folder.
        engine: its workers.
        experiment: of the steps' runs in the tracker.
        tell: where progress and sentences go.
        lease: of the folder; None: nobody else can take it.
    """

    def __init__(
        self,
        planned: Planned,
        folder: SweepFolder,
        engine: Engine,
        experiment: str,
        tell: Tell,
        *,
        lease: Lease | None = None,
    ) -> None:
        self._planned, self._folder, self._engine, self._experiment = planned, folder, engine, experiment
        self._tell, self._lease = tell, lease
        self._again: set[str] = set()  # steps that were given to a process that was dead
        self._steps = {step.key: step for step in planned.steps}
        self._below = ancestors(planned.steps)
        self._records = folder.records(planned.steps)
        self._open: dict[str, bool] = {}  # steps that were given away -> whether a process has begun them
        self._carried: dict[str, float] = {}
        self._first_with: dict[str, str] = {}  # the step that failed first, by its error
        self._deaths = 0  # of processes that were never ready, in a row
        self._written = 0.0
        self._left: float | None = None
        self._next_estimate = 0.0
        self._board = Board(planned.steps, self._is_done)

    def run(self) -> int:
        """Do every step that can be done; return how many could not."""
        done, total = self._board.count("done"), len(self._steps)
        root = self._folder.root
        # What a stage writes exactly, it compares itself before it trains.
        require_space([Need("the steps that are left", root, (total - done) * _OF_A_STEP, 0, "name another --out")])
        self._tell.say(f"{total} steps, {done} done already; {root}/ keeps them, `xstilts status` shows them.")
        while True:
            self._hand_out()
            self._show(total)
            if self._board.is_over:
                break
            for key, event in self._engine.hear(1.0):
                self._take(key, event)
            self._engine.revive()
            if not self._engine.count():
                self._tell.once("No worker is left; the sweep waits until one joins.")
            if self._lease is not None and self._lease.is_lost:
                raise ToolkitError(
                    f"{root} was taken over by another sweep while this one was stopped; {self.told()} are done and kept."
                )
        return self._board.count("failed") + self._board.count("blocked")

    def told(self) -> str:
        """Return how many steps are done, in words."""
        return f"{self._board.count('done')} of {len(self._steps)} steps"

    # -- handing out

    def _hand_out(self) -> None:
        """Give away as many steps that can be done now as there are processes for them."""
        while len(self._open) < self._engine.count() and (step := self._board.take()) is not None:
            if self._is_done(step):  # a parent was made again and has the same digest as before
                self._board.finish(step.key)
                continue
            earlier = self._records.get(step.key)
            # Seconds that a killed attempt had spent; they count if this one resumes from its checkpoint.
            self._carried[step.key] = earlier.seconds if earlier is not None and earlier.state == "running" else 0.0
            self._open[step.key] = False
            root = self._folder.root
            below = tuple(
                Below(
                    self._steps[key].composition,
                    str((self._folder.home(self._steps[key]) / "zoo").relative_to(root)),
                    key in step.parents,
                )
                for key in self._below[step.key]
            )
            home = str(self._folder.home(step))
            self._engine.submit(step.key, DoStep(step, str(root), home, below, self._planned.run_id, self._experiment))

    # -- hearing

    def _take(self, key: str, event: Event) -> None:
        step = self._steps.get(key)
        if isinstance(event, Said):
            self._tell.once(event.text)
            return
        if step is None or key not in self._open:
            return
        if isinstance(event, Began):
            self._begin(step, event)
            return
        if not self._open[key]:  # it failed before a process could begin it
            self._begin(step, Began("", 0))
        if isinstance(event, Failed | Answer):
            self._tell.progress(Progress("", 1, 1, lane=_lane(step)))
            del self._open[key]
        if isinstance(event, Failed) and event.is_unready:
            self._count_death(event)
        elif not (isinstance(event, Failed) and event.is_dead):
            self._deaths = 0
        if isinstance(event, Failed) and event.is_unspoken and key not in self._again:
            self._again.add(key)  # the process may have been dead when it was given the step, which is not to blame
            record = self._records[key]
            self._records[key] = replace(record, attempts=record.attempts[:-1], seconds=self._carried[key])
            self._board.put_back(key)
        else:
            self._note(step, event)

    def _count_death(self, death: Failed) -> None:
        self._deaths += 1
        if self._deaths > _MANY_DEATHS * self._engine.count():
            raise ToolkitError(f"Workers die before they have anything to do: {death.error}")

    def _begin(self, step: Step, begun: Began) -> None:
        earlier = self._records.get(step.key)
        if self._open[step.key]:
            self._tell.say(f"{_lane(step)}: begins again on {begun.host}; the worker that did it was lost.")
            if earlier is not None:
                self._carried[step.key] = earlier.seconds
        self._open[step.key] = True
        record = Record(
            key=step.key,
            kind=step.kind,
            composition=step.composition,
            state="running",
            attempts=(*(earlier.attempts if earlier is not None else ()), Attempt(started=time.time())),
            host=begun.host,
            pid=begun.pid,
        )
        self._write(record)

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
                self._board.fail(step.key)
                self._write(replace(record, state="failed", error=error, attempts=(*before, ended)))
                first = self._first_with.setdefault(error, _lane(step))
                self._tell.say(f"{_lane(step)}: failed{f': {error}' if first == _lane(step) else f' as {first} did.'}")
                self._stop_where_disk_is_full()
            case StepDone():
                ended = replace(attempt, ended=now, outcome=event.outcome)
                is_resumed = attempt.resumed_at > 0 or event.outcome == "found"
                self._board.finish(step.key)
                record = _finished(replace(record, attempts=(*before, ended)), step, event)
                record = replace(record, seconds=event.seconds + self._carried[step.key] * is_resumed)
                self._write(record)
                self._tell.say(f"{_lane(step)}: done in {spent:.0f} s{_main(record)}")

    def _stop_where_disk_is_full(self) -> None:
        free = shutil.disk_usage(self._folder.root).free
        if free < MIN_FREE_BYTES:
            raise ToolkitError(
                f"The disk of {self._folder.root} is full ({in_words(free)} left); free space and run the same command "
                f"again: {self._board.count('done')} of {len(self._steps)} steps are done and kept."
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

    def _show(self, total: int) -> None:
        """Report how many steps are done, and the time that is left as `xstilts status` estimates it."""
        began = time.monotonic()
        if began >= self._next_estimate:
            steps, states, now = self._planned.steps, self._board.states, time.time()
            left = seconds_left(steps, states, self._records, speeds=speeds_of(steps, self._records), now=now)
            self._left = None if left is None else left_with(left, self._engine.count(), steps, states)
            ended = time.monotonic()
            self._next_estimate = ended + (ended - began) / _SHARE
        counts = self._board.counts()
        figures: dict[str, float] = {state: float(counts[state]) for state in _BAD if counts[state]}
        what = f"sweep {self._planned.sweep.name}"
        self._tell.progress(Progress(what, counts["done"], total, figures, seconds_left=self._left))


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
