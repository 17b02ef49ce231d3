"""Picture of a sweep's table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from toolkit.report.compare import mark, points
from toolkit.report.plots import save
from toolkit.report.sweep.colours import BETTER, WORSE, scale_of, shade, shown_gain
from toolkit.report.sweep.columns import label
from toolkit.report.sweep.report import SweepReport
from toolkit.report.table import GENERATED_NOTE


def difference_map(report: SweepReport, path: Path) -> None:
    """Draw the differences to the baseline, rows down and targets across, as PNG or SVG; without a baseline the scores.

    Raises:
        ToolkitError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    scale = scale_of(report)
    columns = [label(*column) for column in report.columns]
    grid = [[math.nan] * len(columns) for _ in report.lines]
    width = 1.5 + 0.08 * max(map(len, report.lines)) + 1.1 * len(columns)
    figure = Figure(figsize=(max(width, 4.5), 1.6 + 0.42 * len(report.lines)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for y, row in enumerate(report.lines):
        for x, column in enumerate(report.columns):
            entry = report.entry(row, *column)
            if entry is None:
                continue
            if entry.mean is None:
                axes.text(x, y, entry.state, ha="center", va="center", fontsize=7, color="grey", style="italic")
                continue
            text, colour, weight = points(entry.mean, is_signed=False), "#000", "normal"
            if entry.gain is not None:
                shown = shown_gain(entry.gain, entry.estimate, scale)
                grid[y][x] = shown
                marks = mark(entry.estimate) if entry.estimate else ""
                text = f"{points(entry.gain)}{marks}\n{text}"
                colour = "#fff" if shade(shown, scale)[1] else "#000"
                weight = "bold" if marks else "normal"
            axes.text(x, y, text, ha="center", va="center", fontsize=7, color=colour, weight=weight)
    ends = [[part / 255 for part in end] for end in (WORSE, BETTER)]
    palette = LinearSegmentedColormap.from_list("difference", [ends[0], (1.0, 1.0, 1.0), ends[1]])
    axes.imshow(grid, aspect="auto", cmap=palette, vmin=-scale, vmax=scale)
    is_long = max(map(len, columns)) > 12
    turned: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if is_long else {}
    axes.set_xticks(range(len(columns)), columns, **turned)
    axes.set_yticks(range(len(report.lines)), report.lines)
    axes.tick_params(length=0, labelsize=8)
    partial = " (partial)" if report.lacks else ""
    axes.set_title(f"{report.title or report.name}{partial}", fontsize=9, wrap=True)
    below = (
        f"difference to '{report.baseline}' over score in %; * more than chance (Holm), pale: may be chance"
        if report.baseline
        else "%"
    )
    axes.set_xlabel(f"{below}\n{GENERATED_NOTE}" if report.is_generated else below, fontsize=7)
    save(figure, path)
