"""Tracker that keeps runs in MLflow, and in the spool of the working folder until MLflow has them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.tracking import events, server
from toolkit.tracking.delivery import Delivery
from toolkit.tracking.events import Data, Event, Opening
from toolkit.tracking.kept import Run


class MlflowTracker:
    """Keeps runs in MLflow, and in the spool of the working folder until MLflow has them.

    MLflow is imported when the first run starts. What is logged is written to the spool and sent by a thread: nothing waits
    for MLflow but `run_id` and the end of the outermost run, and these not for longer than the budget.

    Args:
        uri: where; None for `MLFLOW_TRACKING_URI`, else `mlflow.db` and `mlartifacts/` in `folder`.
        folder: working folder, also of the spool.
        experiment: where every run goes, whatever `start` says; None: where `start` says.
        parent: id of the run that runs are nested under while none is open; None: under none.
        budget_s: seconds that runs may wait for MLflow, what is not sent by then goes to the spool; None: 5 % of their
            time, at least 5 s.
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
        self._n_taken = 0
        self._experiment, self._parent = experiment, parent
        self.folder = Path(folder).resolve()  # a later chdir must not split a run
        self.uri = server.tracking_uri(uri, self.folder)
        # The working folder's own store is recorded as None, so that a moved folder still finds it.
        self._recorded = server.shown(self.uri) if self.uri != server.own_store(self.folder) else None
        self._delivery = Delivery(self.uri, self.folder, budget_s)
        self._open: list[Run] = []
        self._lock = threading.RLock()  # what samples a machine's load logs from a thread of its own

    @property
    def notes(self) -> list[str]:
        """Sentences for the user."""
        return self._delivery.notes

    def start(self, opening: Opening) -> None:
        """Open a run; `run_id` says which one it is."""
        self._delivery.load()
        with self._lock:
            enclosing = self._open[-1] if self._open else None
            parent, run_id = opening.parent, opening.run_id
            is_nested = parent is None and enclosing is not None
            # A run that was opened while the tracker was away is known by its own id, here and in the spool.
            is_local = run_id is not None and run_id.startswith(events.LOCAL_PREFIX)
            begun = events.start(
                replace(
                    opening,
                    experiment=self._experiment or opening.experiment,
                    purpose=opening.purpose or (enclosing.purpose if enclosing else ""),
                ),
                parent=enclosing.run_id if is_nested and enclosing else parent or self._parent,
                uri=self._recorded,
                own_id=str(run_id).removeprefix(events.LOCAL_PREFIX) if is_local else None,
            )
            for note in begun["whole"]["notes"]:
                self._delivery.note(note)
            whole = events.whole_texts(begun)
            run = Run(self.folder, begun, wanted=run_id, parent=enclosing if is_nested else None)
            self._open.append(run)
            for event in (begun, *whole):
                self._delivery.put(run, event)

    def log_metrics(self, values: Mapping[str, Any], step: int | None = None, *, at: int | None = None) -> None:
        """Keep numbers; what is not a number is left out and noted."""
        numbers: dict[str, float] = {}
        for name, value in values.items():
            try:
                numbers[name] = float(value)
            except (TypeError, ValueError):
                self._delivery.note(f"Metric '{name}' is {value!r}, which is not a number; it is not tracked.")
        with self._lock:
            if numbers and self._open:
                names = self._open[-1].names
                known = len(names.changed)
                self._write(events.metrics(numbers, step, names=names, at=at))
                if len(names.changed) > known:
                    self._write(events.name_list(names))

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
            self._delivery.note(f"There is no file {path}; it is not tracked.")

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as an artifact."""
        self._write(events.text(text, name))

    def close(self, status: str = "FINISHED") -> None:
        """End the run started last; behind the outermost one the budget's rest is waited for what was not sent.

        Raises:
            KeyboardInterrupt: Ctrl-C during that wait; the rest is in the spool.
        """
        with self._lock:
            if not self._open:
                return
            self._write(events.close(status))
            self._open.pop()
            is_over = not self._open
        if is_over:
            self._delivery.finish(is_killed=status == "KILLED")

    @property
    def run_id(self) -> str:
        """Id of the run started last, while it is open: MLflow's, or a local one that `sync` replaces.

        The budget's rest is waited for it.
        """
        if not self._open:
            return ""
        run = self._open[-1]
        self._delivery.wait_for(run)
        run.is_named = run.is_named or not run.is_made
        return run.run_id

    def take_notes(self) -> list[str]:
        """Return the notes that were not taken before."""
        found = self.notes[self._n_taken :]
        self._n_taken += len(found)
        return found

    def tidy(self) -> None:
        """End as KILLED what killed processes of this machine have left open; a tracker that is away is left alone."""
        self._delivery.tidy()

    def _write(self, event: Event) -> None:
        with self._lock:
            if self._open:
                self._delivery.put(self._open[-1], event)
