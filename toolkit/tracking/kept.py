"""A run on its way to MLflow: each of its events is in the spool before it is sent, so that a kill loses none."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from toolkit.tracking import events, server, spool
from toolkit.tracking.events import Event
from toolkit.tracking.limits import Names
from toolkit.tracking.spool import SpooledRun
from toolkit.tracking.staging import Staging


class Record(NamedTuple):
    """An event that waits to be sent.

    Attributes:
        event: with the path of a copy where it names a file.
        end: bytes of the run's events in the spool up to and with it; None where the spool does not have it.
    """

    event: Event
    end: int | None


@dataclass(eq=False)
class Run:
    """A run that was opened.

    Attributes:
        folder: working folder, of the spool.
        start: its start event, with MLflow's id of it as soon as that is known.
        wanted: id of the run that it continues.
        parent: the enclosing run, if that is of the same tracker.
        names: of its metrics.
        is_tried: whether MLflow was asked to make it.
        is_made: whether MLflow has it.
        is_named: whether its local id was given away.
        is_kept: whether it is left to later uploads.
        is_closed: whether it has ended.
        is_lost: neither tracker nor spool took it.
        n_waiting: records that are not sent yet.
        fault: why the spool cannot be written; empty where it can.
        spool: its events in the spool.
    """

    folder: Path
    start: Event
    wanted: str | None = None
    parent: Run | None = None
    names: Names = field(default_factory=Names)
    is_tried: bool = False
    is_made: bool = False
    is_named: bool = False
    is_kept: bool = False
    is_closed: bool = False
    is_lost: bool = False
    n_waiting: int = 0
    fault: str = ""
    spool: SpooledRun | None = None

    def __post_init__(self) -> None:
        if self.wanted and not self.wanted.startswith(events.LOCAL_PREFIX):
            self.start["run_id"] = self.wanted

    @property
    def purpose(self) -> str:
        """The composition that it is for."""
        return str(self.start["tags"].get(events.FOR_TAG, ""))

    @property
    def run_id(self) -> str:
        """MLflow's id of it, else a local one, which an upload replaces; empty where nothing keeps it."""
        if self.start["run_id"]:
            return str(self.start["run_id"])
        return "" if self.fault else events.LOCAL_PREFIX + str(self.start["own_id"])

    def find_parent(self) -> None:
        """Take the parent's id as it is known now."""
        if self.parent is not None and self.parent.run_id:
            self.start["tags"][events.PARENT_TAG] = self.parent.run_id

    def write(self, event: Event, staging: Staging) -> Record:
        """Write an event to the spool; where that cannot be, only copy the file that it names.

        Raises:
            OSError: a file that it names cannot be copied anywhere.
        """
        fault = self.fault
        if not fault:
            try:
                if self.spool is None:
                    self.find_parent()
                    self.spool = SpooledRun(self.folder, self.start, is_sent=not self.is_kept)
                if event is not self.start:
                    (event,) = self.spool.append(event)
                return Record(event, self.spool.end)
            except Exception as error:
                fault = server.reason(error)
        if "path" in event:
            event = {**event, "path": str(staging.take(Path(event["path"])))}
        self.fault = fault
        return Record(event, None)

    def keep(self) -> None:
        """Leave the run to later uploads: nothing of it is sent by this process any more."""
        try:
            if self.spool is not None:
                self.spool.keep()
        except OSError as fault:
            self.fault = server.reason(fault)
        self.is_kept = True
        if self.is_closed:
            self.let_go()

    def let_go(self) -> None:
        """Close the file in the spool."""
        if self.spool is not None:
            self.spool.close()

    def forget(self) -> None:
        """Leave the run in the spool to the process that this one was forked from."""
        self.let_go()
        self.spool, self.is_kept = None, True

    def tick_off(self, some: list[Record], *, uri: str, staging: Staging) -> None:
        """Note that records were sent; a run of which everything was sent leaves the spool.

        Args:
            uri: of MLflow, without credentials.
        """
        self.n_waiting -= len(some)
        copies = [record for record in some if "path" in record.event]
        for record in copies:
            if record.end is None:
                staging.drop(Path(record.event["path"]))
        if self.spool is None:
            return
        is_shared = events.PROCESS_TAG not in self.start["tags"]
        if some[-1].event["event"] == "close" or (is_shared and not self.n_waiting):
            self.spool.remove()
            self.spool = None
        elif (end := some[-1].end) is not None:
            with suppress(OSError):  # on a full disk an upload sends more than it has to, which changes nothing
                spool.write_progress(self.spool.path, uri=uri, run_id=str(self.start["run_id"]), offset=end)
                for record in copies:  # behind the note: a copy that is not there was sent
                    self.spool.drop_copy(record.event["path"])
