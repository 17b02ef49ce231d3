"""Tracker as journeys see it: start, log, close. It never raises into a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from toolkit.tracking.events import Data, Opening
from toolkit.tracking.mlflow_tracker import MlflowTracker


class Tracker(Protocol):
    """Keeps runs. Runs nest: what is logged goes to the run started last, and `close` ends that one.

    Attributes:
        notes: sentences for the user, at most one for a whole outage; the command line prints them.
        run_id: of the run that was started last and is still open; empty without one.
    """

    @property
    def notes(self) -> list[str]: ...

    @property
    def run_id(self) -> str: ...

    def start(self, opening: Opening) -> None:
        """Open a run."""

    def log_metrics(self, values: Mapping[str, Any], step: int | None = None, *, at: int | None = None) -> None:
        """Keep numbers under their names, at a step and a time (ms since 1970, by default now)."""

    def log_data(self, some: Sequence[Data]) -> None:
        """Keep which rows the run learns from or is scored on."""

    def log_adapter(
        self, name: str, digest: str, folder: Path, *, is_made: bool, params: Mapping[str, Any], note: str
    ) -> None:
        """Keep an adapter that the run made or used: a folder with its card, once for each digest."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Keep a copy of a file or folder."""

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as an artifact of that name."""

    def close(self, status: str = "FINISHED") -> None:
        """End the run: FINISHED, FAILED or KILLED."""

    def take_notes(self) -> list[str]:
        """Return the notes that were not taken before."""

    def tidy(self) -> None:
        """Close the runs that killed processes have left open, where no run is opened that would do so."""


class NoTracker:
    """Keeps nothing."""

    run_id = ""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def start(self, opening: Opening) -> None:
        """Do nothing."""

    def log_metrics(self, values: Mapping[str, Any], step: int | None = None, *, at: int | None = None) -> None:
        """Do nothing."""

    def log_data(self, some: Sequence[Data]) -> None:
        """Do nothing."""

    def log_adapter(
        self, name: str, digest: str, folder: Path, *, is_made: bool, params: Mapping[str, Any], note: str
    ) -> None:
        """Do nothing."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Do nothing."""

    def log_text(self, text: str, name: str) -> None:
        """Do nothing."""

    def close(self, status: str = "FINISHED") -> None:
        """Do nothing."""

    def take_notes(self) -> list[str]:
        """Return no notes."""
        return []

    def tidy(self) -> None:
        """Do nothing."""


def open_tracker(
    kind: Literal["mlflow", "none"],
    *,
    uri: str | None = None,
    folder: Path = Path("."),
    experiment: str | None = None,
    parent: str | None = None,
    budget_s: float | None = None,
) -> MlflowTracker | NoTracker:
    """Return a tracker; nothing is imported, written or looked for before its first run starts.

    Args:
        kind: `mlflow`, or `none` for one that keeps nothing.
        uri: an MLflow tracking URI; None for `MLFLOW_TRACKING_URI`, else `mlflow.db` in `folder`.
        folder: working folder.
        experiment, parent, budget_s: as in `MlflowTracker`.

    Example:
        >>> open_tracker("none").run_id
        ''
    """
    if kind == "none":
        return NoTracker()
    return MlflowTracker(uri=uri, folder=folder, experiment=experiment, parent=parent, budget_s=budget_s)
