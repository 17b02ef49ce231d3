"""The sweep's own run in the tracker, as the sweep sees it: jobs for a worker, which loads the library."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from toolkit.config import Config
from toolkit.engine.crew import Slot
from toolkit.engine.hand import OnEvent
from toolkit.engine.messages import Answer, Failed
from toolkit.errors import ToolkitError
from toolkit.recipes.sweep.messages import CloseRun, OpenRun, RunOpened, RunStatus
from toolkit.safe_text import visible
from toolkit.sweeps import Planned, SweepFolder, load_results
from toolkit.sweeps.registered import DIGEST


class SweepRun:
    """The sweep's own run in the tracker, above those of its steps: a worker, the clerk, opens and closes it, and loads the library."""

    def __init__(self, planned: Planned, folder: Path, config: Config, clerk: Slot, on_event: OnEvent) -> None:
        self._is_tracked = config.tracking.enabled
        self._clerk, self._on_event = clerk, on_event
        sweep = planned.sweep
        self.experiment = config.tracking.experiment or f"sweep {sweep.name}"
        self._name = f"sweep {sweep.name}"
        self._tags = {"journey": "sweep", "sweep": sweep.name, "question": visible(sweep.question)}
        self._tags["registered"] = str(planned.facts.get(DIGEST, ""))
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
        opened = self._ask(self._opening(old.run_id if old is not None else ""))
        if not isinstance(opened, RunOpened) or not opened.run_id:
            return ""
        self._clerk.opening = self._opening(opened.run_id)  # of a process that replaces the clerk
        return opened.run_id

    def _opening(self, earlier: str) -> OpenRun:
        """Return the job that opens the run, or the run `earlier` again."""
        # A grid that has grown has other params, which MLflow never changes.
        params = {} if earlier else self._params
        return OpenRun(self._name, self.experiment, self._tags, params, earlier, "" if earlier else self._resume)

    def close(self, planned: Planned, folder: SweepFolder, status: RunStatus) -> None:
        """Close the run, with the sweep's counts."""
        if not self._is_tracked or self._clerk.is_busy:  # being stopped, it ends the run itself
            return
        results = load_results(folder.root)
        metrics: dict[str, float] = {
            "cells_done": results.count("done"),
            "stages_done": sum(stage.state == "done" for stage in results.stages),
            "stage_seconds": sum(stage.record.seconds for stage in results.stages if stage.record is not None),
        }
        files = (str(folder.root / "sweep.json"),)
        job = CloseRun(self._name, self.experiment, self._tags, planned.run_id, status, metrics, files)
        self._ask(job)

    def give_up(self, planned: Planned) -> None:
        """Close the run of a sweep whose folder does not hold it."""
        if self._is_tracked:
            job = CloseRun(self._name, self.experiment, self._tags, planned.run_id, "FAILED")
            self._ask(job)

    def _ask(self, job: OpenRun | CloseRun) -> Answer:
        for is_last in (False, True):
            event = self._clerk.do(job, self._on_event)
            if not isinstance(event, Failed):
                return event
            if is_last or not event.is_killed:
                raise ToolkitError(event.error)
        raise AssertionError("the last try has returned or raised")
