"""Delivery of runs: to MLflow by a thread of its own, and from the first fault on to the spool of the working folder."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.tracking import events, server, writing
from toolkit.tracking.events import Event
from toolkit.tracking.limits import Names
from toolkit.tracking.spool import NAME, SpooledRun
from toolkit.tracking.staging import Staging, clear_left
from toolkit.tracking.writer import MOST, Writer

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SHARE, _LEAST_S = 0.05, 5.0  # what waiting for a tracker may take of a run
_STOPPED_S = 5.0  # schedulers kill what does not end soon
# A database file of this machine is as fast as the machine: it is waited for as long as it takes something.
_STILL_S, _STILL_STOPPED_S = 60.0, 20.0


@dataclass(eq=False)
class Run:
    """A run that was opened.

    Attributes:
        start: its start event, with MLflow's id of it as soon as that is known.
        wanted: id of the run that it continues.
        parent: the enclosing run, if that is of the same tracker.
        names: of its metrics.
        is_made: whether MLflow has it.
        spool: its rest in the spool.
        is_lost: neither tracker nor spool took it.
    """

    start: Event
    wanted: str | None = None
    parent: Run | None = None
    names: Names = field(default_factory=Names)
    is_made: bool = False
    spool: SpooledRun | None = None
    is_lost: bool = False

    @property
    def purpose(self) -> str:
        """The composition that it is for."""
        return str(self.start["tags"].get(events.FOR_TAG, ""))

    @property
    def run_id(self) -> str:
        """MLflow's id of it, else a local one, which an upload replaces; empty where nothing keeps it."""
        if self.start["run_id"]:
            return str(self.start["run_id"])
        return "" if self.is_lost else events.LOCAL_PREFIX + self.start["own_id"]

    def find_parent(self) -> None:
        """Take the parent's id as it is known now."""
        if self.parent is not None and self.parent.run_id:
            self.start["tags"][events.PARENT_TAG] = self.parent.run_id


class Delivery:
    """Takes the events of all runs of one tracker.

    Args:
        uri: of MLflow.
        folder: working folder, also of the spool.
        budget_s: seconds that runs may wait for MLflow; None: 5 % of their time, at least 5 s.

    Attributes:
        notes: sentences for the user.
    """

    def __init__(self, uri: str, folder: Path, budget_s: float | None) -> None:
        self.uri, self.folder, self._budget_s = uri, folder, budget_s
        self.notes: list[str] = []
        self._began, self._waited_s = time.monotonic(), 0.0
        self._is_local = uri.startswith("sqlite") or server.local_path(uri) is not None
        self._client: MlflowClient | None = None
        self._is_down = self._is_loaded = False
        self._staging = Staging()
        self._writer: Writer[Run, Event] = Writer(
            self._send,
            may_join=lambda event: bool(event["event"] == "metrics"),
            on_fault=self._went_down,
            on_exit=self._at_exit,
        )
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: method() if (method := forked()) is not None else None)

    def load(self) -> None:
        """Import MLflow, which takes seconds, in the caller's thread: two threads that import may block each other."""
        if not (self._is_loaded or self._is_down):
            try:
                server.load(self.uri)
            except Exception as fault:
                self._went_down(fault)
            self._is_loaded = True

    def put(self, run: Run, event: Event) -> None:
        """Take an event: it is sent soon, or in the spool when this returns."""
        with self._writer.lock:
            if self._is_down:
                self._keep(run, [event])
                return
            try:
                staged = {**event, "path": str(self._staging.take(Path(event["path"])))} if "path" in event else event
            except OSError as fault:
                self.note(f"{event['path']} cannot be copied ({server.reason(fault)}); it is not tracked.")
                return
            if not self._writer.put(run, staged):
                self._is_slow(f"{MOST:,} records wait for it")
                self._keep(run, [event])

    def wait_for(self, run: Run) -> None:
        """Wait until MLflow has a run, or the spool, or the budget is spent."""
        self._wait(lambda: run.is_made)

    def finish(self, *, is_killed: bool) -> None:
        """Wait until everything was sent, or the budget is spent and the rest is in the spool.

        Args:
            is_killed: the command has to end soon.

        Raises:
            KeyboardInterrupt: Ctrl-C; the rest is in the spool.
        """
        self._wait(lambda: self._writer.is_empty, is_killed=is_killed)
        self._staging.clear()

    def tidy(self) -> None:
        """End the runs that killed processes of this machine have left open, and remove what they had copied."""
        with suppress(Exception):  # a tracker that is away keeps them until it is there again
            clear_left()
            if server.may_have_open_runs(self.uri):
                server.load(self.uri)
                if self._client is None and server.fault_of(self.uri, within_s=server.RUN_S) is None:
                    self._client = server.connect(self.uri)
                if self._client is not None:
                    writing.end_left(self._client)

    def note(self, sentence: str) -> None:
        """Keep a sentence for the user, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _wait(self, until: Callable[[], bool], *, is_killed: bool = False) -> None:
        if self._is_down or until():
            return
        began = time.monotonic()
        try:
            is_done = self._writer.wait(
                lambda: self._is_down or until(), lambda: self._left_s(began, is_killed=is_killed)
            )
        except KeyboardInterrupt:
            self._is_slow("the wait for it was interrupted")
            raise
        self._waited_s += time.monotonic() - began
        if not is_done:
            self._is_slow(f"the run waited {self._waited_s:.0f} s for it")

    def _left_s(self, began: float, *, is_killed: bool) -> float:
        """Return the seconds that a wait which began then may still take."""
        now = time.monotonic()
        if self._is_local:
            still_s = _STILL_STOPPED_S if is_killed else _STILL_S
            return still_s - (now - max(began, self._writer.moved_at))
        limit_s = max(_LEAST_S, _SHARE * (now - self._began)) if self._budget_s is None else self._budget_s
        left_s = limit_s - self._waited_s - (now - began)
        return min(left_s, _STOPPED_S - (now - began)) if is_killed else left_s

    def _at_exit(self) -> None:
        """Take what a program has logged that ends without closing its runs."""
        with suppress(KeyboardInterrupt):  # it ends anyway, and the rest is in the spool
            self.finish(is_killed=True)

    def _forked(self) -> None:
        """Use the spool alone in a forked process: the thread of the other one may have held any lock of MLflow's."""
        self._writer.begin()
        self._staging = Staging()
        self._give_up("cannot be used (this process was forked from the one that began the run); its record")

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _send(self, run: Run, some: list[Event]) -> None:
        if some[0] is run.start:
            self._make(run)
            return
        assert self._client is not None
        # Once more: another process may have made the same rows' dataset between MLflow's look and its writing.
        for is_last in (False, True):
            try:
                writing.apply(self._client, run.run_id, some, base=self.folder)
                break
            except Exception as fault:
                if not server.is_refusal(fault):
                    raise
                if is_last:
                    why = server.reason(fault, self.uri)
                    self.note(f"MLflow refuses a {some[0]['event']} event ({why}); it is not tracked.")
        for event in some:
            if "path" in event:
                self._staging.drop(Path(event["path"]))

    def _make(self, run: Run) -> None:
        """Make the run in MLflow, or find the one that it continues."""
        is_first = self._client is None
        if self._client is None:
            if fault := server.fault_of(self.uri, within_s=server.RUN_S):
                raise ConnectionError(fault)
            self._client = server.connect(self.uri)
        run.find_parent()
        client, run_id = self._client, run.wanted
        is_local = bool(run_id) and str(run_id).startswith(events.LOCAL_PREFIX)
        if run_id is None and (key := run.start["tags"].get(events.RESUME_TAG)):
            run_id = writing.unfinished(client, run.start["experiment"], key)
        if run_id and not is_local and writing.is_active(client, run_id):
            writing.reopen(client, run_id, run.start)
        else:
            run_id = writing.create_run(client, run.start, uri=self.uri, folder=self.folder, take_up=is_local)
        with self._writer.lock:
            run.start["run_id"], run.is_made = run_id, True
            self._writer.lock.notify_all()
        if is_first:
            writing.end_left(client)

    # -- to the spool --------------------------------------------------------------------------------------------------

    def _went_down(self, fault: Exception) -> None:
        self._give_up(f"cannot be used ({server.reason(fault, self.uri)}); the run continues, its record")

    def _is_slow(self, why: str) -> None:
        self._give_up(f"is slow ({why}); the rest of the record")

    def _give_up(self, why: str) -> None:
        """Put what was not sent into the spool, and everything from now on."""
        with self._writer.lock:
            if self._is_down:
                return
            self._is_down = True
            self.note(
                f"MLflow at {server.shown(self.uri)} {why} is kept in {NAME}/, and `xstilts track sync` uploads it later."
            )
            left: dict[Run, list[Event]] = {}
            for run, event in self._writer.take_all():
                left.setdefault(run, []).append(event)
            for run, some in left.items():
                self._keep(run, some)
            self._staging.clear()

    def _keep(self, run: Run, some: list[Event]) -> None:
        if run.is_lost:
            return
        try:
            if run.spool is None:
                run.find_parent()
                run.spool = SpooledRun(self.folder, run.start)
            run.spool.append(*(event for event in some if event is not run.start))
            if some[-1]["event"] == "close":
                run.spool.close()
        except Exception as fault:
            run.is_lost = True
            why = server.reason(fault)
            self.note(f"{self.folder / NAME} cannot be written ({why}); the run continues without a record of it.")
