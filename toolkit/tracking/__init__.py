"""Runs, their numbers and their files: in MLflow, or in a local spool for later; never in the way of a run."""

from __future__ import annotations

from toolkit.tracking.events import NOTE_TAG, Data
from toolkit.tracking.mlflow_tracker import MlflowTracker
from toolkit.tracking.server import tracking_uri
from toolkit.tracking.tracker import NoTracker, Tracker, open_tracker
from toolkit.tracking.upload import sync

__all__ = ["NOTE_TAG", "Data", "MlflowTracker", "NoTracker", "Tracker", "open_tracker", "sync", "tracking_uri"]
