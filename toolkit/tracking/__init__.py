"""Runs, their numbers and their files: in MLflow, or in a local spool for later; never in the way of a run."""

from __future__ import annotations

from toolkit.tracking.events import SCORE, Data, Opening
from toolkit.tracking.limits import NOTE_TAG
from toolkit.tracking.mlflow_tracker import MlflowTracker
from toolkit.tracking.server import tracking_uri
from toolkit.tracking.tracker import NoTracker, Tracker, open_tracker
from toolkit.tracking.upload import sync

__all__ = [
    "NOTE_TAG",
    "SCORE",
    "Data",
    "MlflowTracker",
    "NoTracker",
    "Opening",
    "Tracker",
    "open_tracker",
    "sync",
    "tracking_uri",
]
