"""The training loop: one Stage's parts, on one or several tasks' rows, resumable to the bit."""

from __future__ import annotations

from toolkit.training.fit import FitResult, TaskData, fit

__all__ = ["FitResult", "TaskData", "fit"]
