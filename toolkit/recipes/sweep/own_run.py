"""The sweep's own run in the tracker, as the worker that opened it sees it: open, close, and end with a stopped sweep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.messages import CloseRun, OpenRun, RunClosed, RunOpened
from toolkit.tracking import Opening
from toolkit.tracking.tracked import SharedRun


@dataclass
class OwnRun:
    """Run that one job opens and another one closes.

    Attributes:
        killed: the job that ends the run with a stopped sweep; None: this worker has not opened it, or it is closed.
    """

    killed: CloseRun | None = None

    def open(self, job: OpenRun, session: Session) -> RunOpened:
        """Open the run, or the one that an earlier try opened."""
        opening = Opening(
            job.name,
            job.experiment,
            job.tags,
            job.params,
            run_id=job.run_id or None,
            resume=job.resume,
            is_shared=True,
        )
        opened = RunOpened(SharedRun(opening).open(session.tracker, session.say))
        self.killed = CloseRun(job.name, job.experiment, job.tags, opened.run_id, "KILLED")
        return opened

    def close(self, job: CloseRun, session: Session) -> RunClosed:
        """Close the run."""
        opening = Opening(job.name, job.experiment, job.tags, {}, run_id=job.run_id or None, is_shared=True)
        run = SharedRun(opening)
        run.close(session.tracker, session.say, status=job.status, metrics=job.metrics, files=map(Path, job.files))
        self.killed = None
        return RunClosed()
