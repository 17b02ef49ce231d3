"""Sweeps: a grid of compositions, targets and seeds, its folder, and its results."""

from toolkit.sweeps.folder import Planned, SweepFolder
from toolkit.sweeps.read import read_sweep
from toolkit.sweeps.results import CellResult, StageResult, SweepResults, load_results
from toolkit.sweeps.values import Attempt, Cell, Record, Step, Sweep

__all__ = [
    "Attempt",
    "Cell",
    "CellResult",
    "Planned",
    "Record",
    "StageResult",
    "Step",
    "Sweep",
    "SweepFolder",
    "SweepResults",
    "load_results",
    "read_sweep",
]
