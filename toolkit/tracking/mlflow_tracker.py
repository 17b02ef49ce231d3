"""Tracker that keeps runs in MLflow, and in the spool of the working folder where MLflow cannot be used."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.tracking import events, server, writing
from toolkit.tracking.events import Data, Event, Opening
from toolkit.tracking.limits import Names
from toolkit.tracking.spool import NAME, SpooledRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

_ANSWER_S, _UPLOAD_S = 3, 60
_BURST_S, _BURST_EVENTS = 1.0, 500
_SHARE, _LEAST_S = 0.05, 5.0  # what writing to a tracker may take of a run


@dataclass
class _Open:
    start: Event
    is_live: bool = False
    spool: SpooledRun | None = None
    is_lost: bool = False  # neither tracker nor spool took it
    pending: list[Event] = field(default_factory=list)
    names: Names = field(default_factory=Names)  # of its metrics
    sent_at: float = -math.inf

    @property
    def purpose(self) -> str:
        return str(self.start["tags"].get(events.FOR_TAG, ""))

    @property
    def run_id(self) -> str:
        if self.start["run_id"]:
            return str(self.start["run_id"])
        return self.spool.run_id if self.spool else ""


class MlflowTracker:
    """Keeps runs in MLflow; from the first fault on, the rest of them in the spool of the working folder.

    MLflow is imported, and the tracker looked for, when the first run starts.

    Args:
        uri: where; None for `MLFLOW_TRACKING_URI`, else `mlflow.db` and `mlartifacts/` in `folder`.
        folder: working folder, also of the spool.
        experiment: where every run goes, whatever `start` says; None: where `start` says.
        parent: id of the run that runs are nested under while none is open; None: under none.
        budget_s: seconds that writing may hold up the runs, files apart; None: 5 % of their time, at least 5 s.
    """

    def __init__(
        self,
        *,
        uri: str | None = None,
        folder: Path = Path("."),
        experiment: str | None = None,
        parent: str | None = None,
        budget_s: float | None = None,
    ) -> None:
        self._budget_s, self._spent_s, self._began = budget_s, 0.0, time.monotonic()
        self.notes: list[str] = []
        self._n_taken = 0
        self._experiment, self._parent = experiment, parent
        self.folder = Path(folder).resolve()  # a later chdir must not split a run
        self.uri = server.tracking_uri(uri, self.folder)
        # The working folder's own store is recorded as None, so that a moved folder still finds it.
        self._recorded = server.shown(self.uri) if self.uri != server.own_store(self.folder) else None
        self._open: list[_Open] = []
        self._client: MlflowClient | None = None
        self._is_down = False
        self._lock = threading.RLock()  # what samples a machine's load logs from a thread of its own

    def start(self, opening: Opening) -> str:
        """Open a run and return MLflow's id for it, or a local one that `sync` replaces."""
        with self._lock:
            parent, run_id = opening.parent, opening.run_id
            if parent is None:
                parent = self._open[-1].run_id if self._open else self._parent
            # A run that was opened while the tracker was away is known by its own id, here and in the spool.
            is_local = run_id is not None and run_id.startswith(events.LOCAL_PREFIX)
            begun = events.start(
                replace(
                    opening,
                    experiment=self._experiment or opening.experiment,
                    purpose=opening.purpose or (self._open[-1].purpose if self._open else ""),
                ),
                parent=parent,
                uri=self._recorded,
                own_id=str(run_id).removeprefix(events.LOCAL_PREFIX) if is_local else None,
            )
            for note in begun["whole"]["notes"]:
                self._note(note)
            whole = events.whole_texts(begun)
            run = _Open(begun)
            self._open.append(run)
            if not self._is_down:
                try:
                    self._create(run, run_id)
                    self._check_budget()
                except Exception as fault:
                    self._went_down(fault)
            if not run.is_live:
                self._spool(run)
            for text in whole:
                self._write_alone(text)
            return run.run_id

    def log_metrics(self, values: Mapping[str, Any], step: int | None = None, *, at: int | None = None) -> None:
        """Keep numbers; what is not a number is left out and noted."""
        numbers: dict[str, float] = {}
        for name, value in values.items():
            try:
                numbers[name] = float(value)
            except (TypeError, ValueError):
                self._note(f"Metric '{name}' is {value!r}, which is not a number; it is not tracked.")
        with self._lock:
            if numbers and self._open:
                names = self._open[-1].names
                known = len(names.changed)
                self._write_alone(events.metrics(numbers, step, names=names, at=at))
                if len(names.changed) > known:
                    self._write_alone(events.name_list(names))

    def log_data(self, some: Sequence[Data]) -> None:
        """Keep which rows the run learns from or is scored on."""
        if some:
            self._write(events.data(some))

    def log_adapter(
        self, name: str, digest: str, folder: Path, *, is_made: bool, params: Mapping[str, Any], note: str
    ) -> None:
        """Keep an adapter as a logged model of MLflow, found again by its digest."""
        place = Path(folder).resolve()
        self._write(events.adapter(name, digest, place, is_made=is_made, params=params, note=note))

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Keep a copy of a file or folder; one that is not there is noted."""
        if Path(path).exists():
            self._write(events.artifact(Path(path).resolve(), folder))
        else:
            self._note(f"There is no file {path}; it is not tracked.")

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as an artifact."""
        self._write(events.text(text, name))

    def close(self, status: str = "FINISHED") -> None:
        """End the run started last."""
        with self._lock:
            if not self._open:
                return
            self._write(events.close(status))
            run = self._open.pop()
            if run.spool:
                run.spool.close()

    @property
    def run_id(self) -> str:
        """Id of the run started last, while it is open: MLflow's, or a local one that `sync` replaces."""
        return self._open[-1].run_id if self._open else ""

    def take_notes(self) -> list[str]:
        """Return the notes that were not taken before."""
        found = self.notes[self._n_taken :]
        self._n_taken = len(self.notes)
        return found

    def _create(self, run: _Open, run_id: str | None) -> None:
        if self._client is None:
            if fault := server.fault_of(self.uri):
                raise ConnectionError(fault)
            self._client = server.connect(self.uri)
            with server.waits(timeout_s=_ANSWER_S, retries=1):
                writing.end_left(self._client)
        with server.waits(timeout_s=_ANSWER_S, retries=1), self._on_the_clock():
            is_local = bool(run_id) and str(run_id).startswith(events.LOCAL_PREFIX)
            if run_id is None and (key := run.start["tags"].get(events.RESUME_TAG)):
                run_id = writing.unfinished(self._client, run.start["experiment"], key)
            if run_id and not is_local and writing.is_active(self._client, run_id):
                writing.reopen(self._client, run_id, run.start)
                run.start["run_id"] = run_id
            else:
                run.start["run_id"] = writing.create_run(
                    self._client, run.start, uri=self.uri, folder=self.folder, take_up=is_local
                )
        run.is_live = True

    def _write(self, event: Event) -> None:
        with self._lock:
            self._write_alone(event)

    def _write_alone(self, event: Event) -> None:
        if not self._open:
            return
        run = self._open[-1]
        run.pending.append(event)
        # A training loop logs hundreds of numbers a second and MLflow takes milliseconds for each request; a lone
        # number goes out at once.
        is_burst = time.monotonic() - run.sent_at < _BURST_S and len(run.pending) < _BURST_EVENTS
        if event["event"] == "metrics" and is_burst:
            return
        pending, run.pending, run.sent_at = run.pending, [], time.monotonic()
        numbers = [some for some in pending if some["event"] == "metrics"]
        for some in (numbers, [event] if event["event"] != "metrics" else []):
            if some:
                self._deliver(run, some)

    def _deliver(self, run: _Open, some: list[Event]) -> None:
        if run.is_live and not self._is_down:
            try:
                self._send(run, some)
                self._check_budget()
                return
            except Exception as fault:
                if server.is_refusal(fault):
                    why = server.reason(fault, self.uri)
                    self._note(f"MLflow refuses a {some[0]['event']} event ({why}); it is not tracked.")
                    return
                self._went_down(fault)
        if run.spool is None:
            self._spool(run)
        if run.spool is not None and not run.is_lost:
            try:
                run.spool.append(*some)
            except Exception as fault:
                self._lost(run, fault)

    def _send(self, run: _Open, some: list[Event]) -> None:
        assert self._client is not None
        timeout_s = _ANSWER_S
        clock: Callable[[], AbstractContextManager[None]] = self._on_the_clock
        if some[0]["event"] in ("artifact", "adapter", "text") and self.uri.startswith("http"):
            clock = nullcontext
            # A large file may take its time, so a tracker that is gone has to show in another way.
            if fault := server.fault_of(self.uri):
                raise ConnectionError(fault)
            timeout_s = _UPLOAD_S
        with server.waits(timeout_s=timeout_s, retries=1), clock():
            writing.apply(self._client, run.run_id, some, base=self.folder)

    def _spool(self, run: _Open) -> None:
        if run.is_lost:
            return
        try:
            run.spool = SpooledRun(self.folder, run.start)
        except Exception as fault:
            self._lost(run, fault)

    def _went_down(self, fault: Exception) -> None:
        self._is_down = True
        self._note(
            f"MLflow at {server.shown(self.uri)} cannot be used ({server.reason(fault, self.uri)}); the run continues, "
            f"its record is kept in {NAME}/, and `xstilts track sync` uploads it later."
        )

    @contextmanager
    def _on_the_clock(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent_s += time.monotonic() - began

    def _check_budget(self) -> None:
        """Keep the rest in the spool where the tracker takes more of the runs' time than it may."""
        now = time.monotonic()
        limit_s = max(_LEAST_S, _SHARE * (now - self._began)) if self._budget_s is None else self._budget_s
        if self.uri.startswith("sqlite") or self._spent_s <= limit_s or self._is_down:
            return  # a file of this machine is as fast as the machine
        self._is_down = True
        self._note(
            f"MLflow at {server.shown(self.uri)} is slow: writing to it took {self._spent_s:.0f} s of {now - self._began:.0f} s; "
            f"the rest of the record is kept in {NAME}/, and `xstilts track sync` uploads it later."
        )

    def _lost(self, run: _Open, fault: Exception) -> None:
        run.is_lost = True
        why = server.reason(fault)
        self._note(f"{self.folder / NAME} cannot be written ({why}); the run continues without a record of it.")

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
