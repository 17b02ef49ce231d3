"""Context of a tracked run: closed as FINISHED at its end, as KILLED by a signal, and as FAILED whatever else is raised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.progress import Say
from toolkit.tracking.events import Opening
from toolkit.tracking.tracker import Tracker


@contextmanager
def tracked(tracker: Tracker, say: Say, opening: Opening) -> Iterator[Tracker]:
    """Open a run, give its tracker, close the run however the block ends, and say what the tracker notes.

    Args:
        tracker: keeps the run; what is logged inside goes to the run that was opened last.
        say: gets the tracker's notes, each once.
        opening: of the run.
    """
    status = "FAILED"
    tracker.start(opening)
    try:
        yield tracker
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:  # an interruption by the user must not leave the run open either
        try:
            tracker.close(status)
        finally:
            _say_notes(tracker, say)


@dataclass(frozen=True)
class SharedRun:
    """A run that several processes work under: one opens it and leaves it open, a later one closes it.

    Attributes:
        opening: of the run; its `run_id` is that of the run which an earlier process opened, None for a new one.
    """

    opening: Opening

    def open(self, tracker: Tracker, say: Say) -> str:
        """Open the run, leave it open and return its id."""
        tracker.start(self.opening)
        try:
            return tracker.run_id
        finally:
            _say_notes(tracker, say)

    def close(
        self,
        tracker: Tracker,
        say: Say,
        *,
        status: Literal["FINISHED", "FAILED", "KILLED"],
        metrics: Mapping[str, float],
        files: Iterable[Path],
    ) -> None:
        """Log metrics and files, and close the run; as FAILED if that raises."""
        tracker.start(self.opening)
        ended = "FAILED"
        try:
            tracker.log_metrics(metrics)
            for file in files:
                tracker.log_artifact(file)
            ended = status
        finally:
            try:
                tracker.close(ended)
            finally:
                _say_notes(tracker, say)


def _say_notes(tracker: Tracker, say: Say) -> None:
    for note in tracker.take_notes():
        say(note)
