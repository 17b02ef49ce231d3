"""A tracker whose disk is full: it opens and closes runs, and raises at everything that they log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.tracking import NoTracker, Opening


class FailingTracker(NoTracker):
    """Keeps the status of every run by its name; an open run is RUNNING."""

    def __init__(self) -> None:
        super().__init__()
        self.status: dict[str, str] = {}
        self._open: list[str] = []

    @property
    def run_id(self) -> str:  # type: ignore[override]  # NoTracker's is a constant
        return self._open[-1] if self._open else ""

    def start(self, opening: Opening) -> None:
        self.status[opening.name] = "RUNNING"
        self._open.append(opening.name)

    def close(self, status: str = "FINISHED") -> None:
        self.status[self._open.pop()] = status

    def log_metrics(self, values: Mapping[str, Any], step: int | None = None, *, at: int | None = None) -> None:
        raise OSError("no space left")

    def log_artifact(self, path: Path, folder: str = "") -> None:
        raise OSError("no space left")

    def log_data(self, some: Sequence[Any]) -> None:
        raise OSError("no space left")
