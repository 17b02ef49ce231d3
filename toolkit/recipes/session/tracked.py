"""Context of a tracked run: closed as FINISHED at its end, and as FAILED whatever is raised in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolkit.progress import Say
from toolkit.tracking import Tracker


@contextmanager
def tracked(
    tracker: Tracker,
    say: Say,
    name: str,
    *,
    experiment: str,
    tags: Mapping[str, Any],
    params: Mapping[str, Any],
    began: int | None = None,
) -> Iterator[Tracker]:
    """Open a run, give its tracker, close the run however the block ends, and say what the tracker notes.

    Args:
        tracker: keeps the run; what is logged inside goes to the run that was opened last.
        say: gets the tracker's notes, each once.
        name: of the run.
        experiment: where it goes.
        tags, params: of the run.
        began: when the work began, in milliseconds since 1970; None: now.
    """
    status = "FAILED"
    tracker.start(name, experiment=experiment, tags=tags, params=params, began=began)
    try:
        yield tracker
        status = "FINISHED"
    finally:  # an interruption by the user must not leave the run open either
        tracker.close(status)
        for note in tracker.take_notes():
            say(note)


@dataclass(frozen=True)
class SharedRun:
    """A run that several processes work under: one opens it and leaves it open, a later one closes it.

    Attributes:
        name: of the run.
        experiment: where it goes.
        tags, params: of the run.
        run_id: of the run that an earlier process opened; empty: a new one.
    """

    name: str
    experiment: str
    tags: Mapping[str, Any]
    params: Mapping[str, Any]
    run_id: str = ""

    def open(self, tracker: Tracker, say: Say) -> str:
        """Open the run, leave it open and return its id."""
        run_id = self._start(tracker)
        for note in tracker.take_notes():
            say(note)
        return run_id

    def close(
        self,
        tracker: Tracker,
        say: Say,
        *,
        status: Literal["FINISHED", "FAILED"],
        metrics: Mapping[str, float],
        files: Iterable[Path],
    ) -> None:
        """Log metrics and files, and close the run; as FAILED if that raises."""
        self._start(tracker)
        ended = "FAILED"
        try:
            tracker.log_metrics(metrics)
            for file in files:
                tracker.log_artifact(file)
            ended = status
        finally:
            tracker.close(ended)
            for note in tracker.take_notes():
                say(note)

    def _start(self, tracker: Tracker) -> str:
        return tracker.start(
            self.name, experiment=self.experiment, tags=self.tags, params=self.params, run_id=self.run_id or None
        )
