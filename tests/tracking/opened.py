"""Runs whose id, or record, is waited for at once."""

from __future__ import annotations

from toolkit.tracking import MlflowTracker, Opening, Tracker


def opened(tracker: Tracker, opening: Opening) -> str:
    """Open a run and return its id."""
    tracker.start(opening)
    return tracker.run_id


def sent(tracker: MlflowTracker) -> None:
    """Wait until everything was sent."""
    tracker._delivery.finish(is_killed=False)
