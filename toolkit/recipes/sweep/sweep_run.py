"""The sweep's own run in the tracker, as the sweep sees it: jobs for a worker, which loads the library."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from toolkit.config import Config
from toolkit.recipes.sweep.messages import CloseRun, OpenRun, RunClosed, RunOpened, RunStatus
from toolkit.recipes.sweep.pool import OnEvent, Pool
from toolkit.safe_text import visible
from toolkit.sweeps import Planned, SweepFolder, load_results


class SweepRun:
    """The sweep's own run in the tracker, above those of its steps: a worker opens and closes it, and loads the library."""

    def __init__(self, planned: Planned, folder: Path, config: Config, pool: Pool, on_event: OnEvent) -> None:
        self._is_tracked = config.tracking.enabled
        self._pool, self._on_event = pool, on_event
        sweep = planned.sweep
        self.experiment = config.tracking.experiment or f"sweep {sweep.name}"
        self._name = f"sweep {sweep.name}"
        self._tags = {"journey": "sweep", "sweep": sweep.name, "question": visible(sweep.question)}
        self._params: dict[str, str | int] = {
            "cells": len(sweep.cells),
            "rows": ", ".join(sweep.rows),
            "targets": ", ".join(sweep.targets),
            "seeds": ", ".join(map(str, sweep.seeds)),
            "backbone": planned.steps[0].settings["backbone"]["name"],
        }
        work = json.dumps([str(folder.resolve()), self._params])
        self._resume = hashlib.sha256(work.encode()).hexdigest()

    def open(self, old: Planned | None) -> str:
        """Open the run, or the run that an earlier try opened; return its id."""
        if not self._is_tracked:
            return ""
        opening = self.opening(old.run_id if old is not None else "")
        return self._pool.ask(opening, RunOpened, on_event=self._on_event).run_id

    def opening(self, earlier: str) -> OpenRun:
        """Return the job that opens the run, or the run `earlier` again."""
        # A grid that has grown has other params, which MLflow never changes.
        params = {} if earlier else self._params
        return OpenRun(self._name, self.experiment, self._tags, params, earlier, "" if earlier else self._resume)

    def close(self, planned: Planned, folder: SweepFolder, status: RunStatus) -> None:
        """Close the run, with the sweep's counts."""
        worker = self._pool.workers[0]
        if not self._is_tracked or worker.job is not None or worker.is_gone:  # being stopped, it ends the run itself
            return
        results = load_results(folder.root)
        metrics: dict[str, float] = {
            "cells_done": results.count("done"),
            "stages_done": sum(stage.state == "done" for stage in results.stages),
            "stage_seconds": sum(stage.record.seconds for stage in results.stages if stage.record is not None),
        }
        files = (str(folder.root / "sweep.json"),)
        job = CloseRun(self._name, self.experiment, self._tags, planned.run_id, status, metrics, files)
        self._pool.ask(job, RunClosed, on_event=self._on_event)

    def give_up(self, planned: Planned) -> None:
        """Close the run of a sweep whose folder does not hold it."""
        if self._is_tracked:
            job = CloseRun(self._name, self.experiment, self._tags, planned.run_id, "FAILED")
            self._pool.ask(job, RunClosed, on_event=self._on_event)
