"""Runs in the tracker as a worker sees them: the sweep's own, which it opens, closes or ends, and those of its steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from toolkit.config import Config, TrackingConfig
from toolkit.recipes.session.session import Session, tracker_of
from toolkit.recipes.sweep.messages import CloseRun, OpenRun, RunClosed, RunOpened
from toolkit.tracking import Opening, Tracker
from toolkit.tracking.tracked import SharedRun


@dataclass
class OwnRun:
    """Run that one job opens and another one closes, and the tracker that the steps of this worker share.

    Attributes:
        killed: the job that ends the run with a stopped sweep; None: this worker has not opened it, or it is closed.
    """

    killed: CloseRun | None = None
    _trackers: dict[TrackingConfig, Tracker] = field(default_factory=dict)

    def of_steps(self, config: Config) -> Tracker:
        """Return the tracker of a step, that of the steps before it: MLflow is asked once what killed processes left."""
        if config.tracking not in self._trackers:
            self._trackers = {config.tracking: tracker_of(config)}
        return self._trackers[config.tracking]

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
