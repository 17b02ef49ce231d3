"""Delivery of runs: written ahead to the spool of the working folder, and sent to MLflow by a thread of its own."""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path

from toolkit.tracking import server, spool, upload, writing
from toolkit.tracking.events import Event
from toolkit.tracking.kept import Record, Run
from toolkit.tracking.sender import Sender
from toolkit.tracking.spool import NAME
from toolkit.tracking.staging import Staging, clear_left
from toolkit.tracking.writer import MOST, Writer

_SHARE, _LEAST_S = 0.05, 5.0  # what waiting for a tracker may take of a run
_STOPPED_S = 5.0  # schedulers kill what does not end soon
# A database file of this machine is as fast as the machine: it is waited for as long as it takes something.
_STILL_S, _STILL_STOPPED_S = 60.0, 20.0
# A request that failed is sent again after a second, then after twice as long each time; the end waits for three of them.
_PAUSE_S, _PAUSE_MOST_S, _TRIES = 1.0, 60.0, 3
_AWAY_S = 60.0  # so long runs go to the spool alone, after a tracker was given up
_LAG_S = 1.0  # so long a record waits for others that go to a database in one transaction with it


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
        is_database = uri.startswith("sqlite")
        self._is_local = is_database or server.local_path(uri) is not None
        self._is_loaded = self._has_given_up = self._has_answered = self._is_cleared = False
        self._away_until, self._n_faults, self._fault = -math.inf, 0, ""
        self._staging, self._sender = Staging(), Sender(uri, folder, note=self.note, on_made=self._take_id)
        self._open: weakref.WeakSet[Run] = weakref.WeakSet()
        self._leftovers: Generator[bool, None, None] | None = None
        self._writer: Writer[Run, Record] = Writer(
            self._send,
            may_join=lambda record: is_database or bool(record.event["event"] == "metrics"),
            work=self._clear_up,
            on_fault=self._failed,
            on_exit=self._at_exit,
            lag_s=_LAG_S if is_database else 0.0,
        )
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: method() if (method := forked()) is not None else None)

    def load(self) -> None:
        """Import MLflow, which takes seconds, in the caller's thread: two threads that import may block each other."""
        if not self._is_loaded:
            self._is_loaded = True
            try:
                server.load(self.uri)
            except Exception as fault:
                self._n_faults, self._fault = _TRIES, server.reason(fault, self.uri)
                self._give_up(for_s=math.inf)

    def put(self, run: Run, event: Event) -> None:
        """Take an event: it is in the spool when this returns, and is sent soon, or by a later upload."""
        with self._writer.lock:
            if run.is_lost:
                return
            if event is run.start:
                self._open.add(run)
            if time.monotonic() < self._away_until:
                run.keep()
            try:
                record = run.write(event, self._staging)
            except OSError as fault:
                self.note(f"{event['path']} cannot be copied ({server.reason(fault)}); it is not tracked.")
                return
            run.is_closed = event["event"] == "close"
            if run.is_kept:
                self._keep(run)
                return
            run.n_waiting += 1
            if not self._writer.put(run, record):
                self._give_up(f"{MOST:,} records wait for it")
                self._keep(run)

    def wait_for(self, run: Run) -> None:
        """Wait until MLflow has a run, or it is known that it may come later, or the budget is spent."""
        if not self._wait(lambda: run.is_made or run.is_kept or run.is_lost or self._n_faults > 0):
            self._give_up(self._waited())

    def finish(self, *, is_killed: bool) -> None:
        """Wait until everything was sent, or the budget is spent and the rest is left in the spool.

        Args:
            is_killed: the command has to end soon.

        Raises:
            KeyboardInterrupt: Ctrl-C; the rest is in the spool.
        """
        # What earlier commands have left is sent as well, but nothing else waits for it.
        until = (lambda: self._writer.is_empty) if is_killed else (lambda: self._writer.is_done)
        if not self._wait(until, is_killed=is_killed):
            if self._writer.is_empty:
                self._writer.rest()
            else:
                self._give_up(self._waited())
        self._staging.clear()

    def tidy(self) -> None:
        """Send what earlier commands have left in the spool, and end the runs that killed processes have left open."""
        with suppress(Exception):  # a tracker that is away keeps them until it is there again
            clear_left()
            if spool.spooled(self.folder) or server.may_have_open_runs(self.uri):
                self.load()
                if time.monotonic() >= self._away_until:
                    self._writer.wake()
                self.finish(is_killed=False)

    def note(self, sentence: str) -> None:
        """Keep a sentence for the user, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _wait(self, until: Callable[[], bool], *, is_killed: bool = False) -> bool:
        """Wait until something holds; return whether it does."""
        if until():
            return True
        began = time.monotonic()
        try:
            is_done = self._writer.wait(until, lambda: self._left_s(began, is_killed=is_killed))
        except KeyboardInterrupt:
            if self._writer.is_empty:
                self._writer.rest()
            else:
                self._give_up("the wait for it was interrupted")
            raise
        self._waited_s += time.monotonic() - began
        return is_done

    def _waited(self) -> str:
        return f"the run waited {self._waited_s:.0f} s for it"

    def _left_s(self, began: float, *, is_killed: bool) -> float:
        """Return the seconds that a wait which began then may still take."""
        if self._n_faults and (not self._has_answered or self._n_faults >= _TRIES):
            return 0.0
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
        self._staging, self._leftovers = Staging(), None
        for run in list(self._open):
            run.forget()
        self._n_faults, self._fault = _TRIES, "this process was forked from the one that began the run"
        self._give_up(for_s=math.inf)

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _send(self, run: Run, some: list[Record]) -> None:
        self._sender.send(run, [record.event for record in some])
        with self._writer.lock:
            self._n_faults, self._has_answered = 0, True
            if run.is_kept:  # it took too long
                return
            run.tick_off(some, uri=server.shown(self.uri), staging=self._staging)
            if not self._is_cleared:
                self._writer.wake()

    def _take_id(self, run: Run, run_id: str) -> None:
        """Note that MLflow has a run."""
        with self._writer.lock:
            run.start["run_id"], run.is_made = run_id, True
            self._writer.lock.notify_all()

    def _failed(self, fault: Exception) -> float:
        """Return the seconds after which what failed is sent again."""
        self._n_faults += 1
        self._fault = server.reason(fault, self.uri)
        return min(_PAUSE_S * 2.0 ** min(self._n_faults - 1, 10), _PAUSE_MOST_S)

    def _clear_up(self) -> bool:
        """Do a step of what earlier commands have left to do; return whether there is more."""
        steps = self._leftovers = self._leftovers or self._steps()
        try:
            if next(steps, False):
                return True
        except Exception:  # the next command tries again
            steps.close()
        self._leftovers, self._is_cleared = None, True
        return False

    def _steps(self) -> Generator[bool, None, None]:
        clear_left()
        client = self._sender.connected()
        writing.end_left(client)
        yield True
        n = 0
        for is_whole in upload.leftovers(self.folder, self.uri, client):
            n += is_whole
            yield True
        if n:
            what = "1 run that was" if n == 1 else f"{n} runs that were"
            self.note(f"MLflow at {server.shown(self.uri)} got {what} left in {self.folder / NAME}/.")

    # -- to the spool --------------------------------------------------------------------------------------------------

    def _give_up(self, why: str = "", *, for_s: float = _AWAY_S) -> None:
        """Leave what was not sent in the spool, and for some time everything else."""
        with self._writer.lock:
            self._away_until = max(self._away_until, time.monotonic() + for_s)
            self._is_cleared, self._leftovers = False, None
            what = f"cannot be used ({self._fault}); the run continues, its record"
            if not self._n_faults:
                what = f"is slow ({why}); the rest of the record"
            if not self._has_given_up:
                self._has_given_up = True
                self.note(
                    f"MLflow at {server.shown(self.uri)} {what} is kept in {self.folder / NAME}/, and the next command, or "
                    f"`{spool.sync_command(self.folder)}`, uploads it later."
                )
            for run in {run: None for run, _ in self._writer.take_all()}:
                self._keep(run)
            self._staging.clear()

    def _keep(self, run: Run) -> None:
        run.keep()
        if run.fault and not run.is_lost:
            run.is_lost = True
            self.note(
                f"{self.folder / NAME} cannot be written ({run.fault}); the run continues without a record of it."
            )
        if run.is_closed:
            run.let_go()
