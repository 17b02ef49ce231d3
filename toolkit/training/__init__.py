"""The training loop: one Stage's parts, on one or several tasks' rows, resumable to the bit."""

from __future__ import annotations

from toolkit.training.fit import Watch, fit
from toolkit.training.loop import TaskData, plan_run, with_epochs
from toolkit.training.state import FitResult

__all__ = ["FitResult", "TaskData", "Watch", "fit", "plan_run", "with_epochs"]
