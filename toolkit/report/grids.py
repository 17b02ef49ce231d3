"""Picture of several grids of shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.report.plots import save


@dataclass(frozen=True)
class Grid:
    """Shares by two names.

    Attributes:
        title: above the grid.
        rows, columns: their names.
        values: fractions, one row each.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


def grid_maps(grids: Sequence[Grid], path: Path, *, title: str) -> None:
    """Draw grids below each other as a PNG, in percent, with one scale of colours, renamed into place.

    Raises:
        ToolkitError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    numbers = [value for grid in grids for row in grid.values for value in row]
    low, high = min(numbers), max(numbers)
    high = high if high > low else low + 1.0
    width = 2.0 + 0.08 * max(len(name) for grid in grids for name in grid.rows)
    width += 0.5 * max(len(grid.columns) for grid in grids)
    heights = [0.9 + 0.35 * len(grid.rows) for grid in grids]
    figure = Figure(figsize=(max(width, 5.0), sum(heights) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, grid in zip(
        figure.subplots(len(grids), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0], grids, strict=True
    ):
        axes.imshow(grid.values, aspect="auto", cmap="viridis", vmin=low, vmax=high)
        is_long = sum(map(len, grid.columns)) > 60
        axes.set_xticks(range(len(grid.columns)), grid.columns, rotation=45 if is_long else 0)
        axes.set_yticks(range(len(grid.rows)), grid.rows)
        axes.tick_params(length=0, labelsize=8)
        axes.set_title(grid.title, fontsize=9)
        for i, row in enumerate(grid.values):
            for j, value in enumerate(row):
                colour = "white" if (value - low) / (high - low) < 0.6 else "black"
                axes.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=7, color=colour)
    figure.suptitle(title, fontsize=10)
    save(figure, path)
