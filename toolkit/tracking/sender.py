"""Sender of one tracker's records: what is rows of a database in one transaction, files and all that a server takes one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.tracking import events, record, server, writing
from toolkit.tracking.events import Event
from toolkit.tracking.kept import Run
from toolkit.tracking.transaction import one_transaction

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

_ROWS = ("data", "metrics")  # events that are rows of a database and no files
_KINDS = ("start", *_ROWS, "text", "artifact", "adapter", "close")


class Sender:
    """Writes events to MLflow; again changes nothing.

    Args:
        uri: of MLflow.
        folder: working folder.
        note: gets sentences for the user.
        on_made: called with a run that MLflow has now, and its id.
    """

    def __init__(
        self, uri: str, folder: Path, *, note: Callable[[str], None], on_made: Callable[[Run, str], None]
    ) -> None:
        self._uri, self._folder, self._note, self._on_made = uri, folder, note, on_made
        self._is_database = uri.startswith("sqlite")
        self._client: MlflowClient | None = None

    def connected(self) -> MlflowClient:
        """Return the client.

        Raises:
            ConnectionError: MLflow cannot be used.
        """
        if self._client is None:
            if fault := server.fault_of(self._uri, within_s=server.RUN_S):
                raise ConnectionError(fault)
            self._client = server.connect(self._uri)
        return self._client

    def send(self, run: Run, some: Sequence[Event]) -> None:
        """Write events of one run, in order; those of a try that broke off are written again, and the run is made once."""
        client = self.connected()
        left = [event for event in some if event is not run.start or not run.is_made]
        if self._is_database:
            left = self._together(client, run, left)
        if left and left[0] is run.start:
            self._on_made(run, self._make(client, run))
            left = left[1:]
        for kind, group in itertools.groupby(left, key=lambda event: str(event["event"])):
            for part in [list(group)] if kind == "metrics" else [[event] for event in group]:
                self._apply(client, run, part)

    def _together(self, client: MlflowClient, run: Run, some: list[Event]) -> list[Event]:
        """Write events to a database in two transactions, with the files in between; return what is left to do one by one.

        A kill leaves files to a run and a model that are there, as where each call is a transaction of its own. Whatever is
        raised, a number that is there already or a file that is refused, is met again by the call that it belongs to.
        """
        by_kind = {kind: [event for event in some if event["event"] == kind] for kind in _KINDS}
        is_new = bool(by_kind["start"])
        try:
            with one_transaction(client):
                run_id = self._make(client, run) if is_new else run.run_id
                for kind in (kind for kind in _ROWS if by_kind[kind]):
                    writing.apply(client, run_id, by_kind[kind], base=self._folder)
                models = [self._model(client, run, run_id, event) for event in by_kind["adapter"]]
        except Exception:
            return some
        if is_new:
            self._on_made(run, run_id)
        base = self._base(run)
        try:
            for event in (*by_kind["artifact"], *by_kind["text"]):
                writing.apply(client, run_id, [event], base=base)
            for model, event in zip(models, by_kind["adapter"], strict=True):
                record.copy_adapter(client, model, event, base=base)
            with one_transaction(client):
                for model, event in zip(models, by_kind["adapter"], strict=True):
                    record.link_adapter(client, run_id, model, event)
                if by_kind["close"]:
                    writing.apply(client, run_id, by_kind["close"], base=base)
        except Exception:
            return [event for event in some if event["event"] not in ("start", *_ROWS)]
        return []

    def _model(self, client: MlflowClient, run: Run, run_id: str, event: Event) -> LoggedModel:
        experiment = client.get_experiment_by_name(run.start["experiment"])
        if experiment is None:  # renamed since the run was made
            raise LookupError
        return record.model_of(client, run_id, event, experiment_id=experiment.experiment_id)

    def _base(self, run: Run) -> Path:
        return run.spool.path if run.spool is not None else self._folder

    def _apply(self, client: MlflowClient, run: Run, some: list[Event]) -> None:
        base = self._base(run)
        # Once more: another process may have made the same rows' dataset between MLflow's look and its writing.
        for is_last in (False, True):
            try:
                writing.apply(client, run.run_id, some, base=base)
                break
            except Exception as fault:
                if not server.is_refusal(fault):
                    raise
                if is_last:
                    why = server.reason(fault, self._uri)
                    self._note(f"MLflow refuses a {some[0]['event']} event ({why}); it is not tracked.")

    def _make(self, client: MlflowClient, run: Run) -> str:
        """Make the run in MLflow, or find the one that it continues; return its id."""
        run.find_parent()
        run_id = run.wanted
        is_local = bool(run_id) and str(run_id).startswith(events.LOCAL_PREFIX)
        if run_id is None and (key := run.start["tags"].get(events.RESUME_TAG)):
            run_id = writing.unfinished(client, run.start["experiment"], key)
        if run_id and not is_local and writing.is_active(client, run_id):
            writing.reopen(client, run_id, run.start)
        else:
            take_up, run.is_tried = is_local or run.is_tried, True
            run_id = writing.create_run(client, run.start, uri=self._uri, folder=self._folder, take_up=take_up)
        if run.is_named:
            writing.adopt(client, run_id, run.start)
        return run_id
