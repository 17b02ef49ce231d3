"""Runs whose id, or record, is waited for at once."""

from __future__ import annotations

from pathlib import Path

from toolkit.tracking import MlflowTracker, Opening, Tracker, spool
from toolkit.tracking.events import Event


def opened(tracker: Tracker, opening: Opening) -> str:
    """Open a run and return its id."""
    tracker.start(opening)
    return tracker.run_id


def given_up(tracker: MlflowTracker) -> None:
    """Let a tracker leave what is not sent in the spool, as where its budget is spent."""
    tracker._delivery._give_up()


def unsent(folder: Path) -> dict[str | None, list[Event]]:
    """Return the events in the spool that no tracker has, by the id of their run."""
    found = {}
    for path in spool.spooled(folder):
        (start, behind), *_ = spool.read_events(path)
        known = spool.read_progress(path)
        some = [event for event, _ in spool.read_events(path, known.get("offset", behind))]
        found[known.get("run_id", start["run_id"])] = some
    return found


def sent(tracker: MlflowTracker) -> None:
    """Wait until everything was sent."""
    tracker._delivery.finish(is_killed=False)
