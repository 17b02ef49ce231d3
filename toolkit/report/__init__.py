"""Scores as tables and pictures; the only place where a fraction becomes a percentage."""

from __future__ import annotations

from toolkit.report.curves import layer_curve, precision_recall_curve
from toolkit.report.grids import Grid, grid_maps
from toolkit.report.plots import heat_map
from toolkit.report.render import render
from toolkit.report.table import GENERATED_NOTE, Table, table

__all__ = [
    "GENERATED_NOTE",
    "Grid",
    "Table",
    "grid_maps",
    "heat_map",
    "layer_curve",
    "precision_recall_curve",
    "render",
    "table",
]
