"""Pictures of predicted transfer: places against observed gains, or places by predictor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.report.compare import COLOURS
from toolkit.report.plots import save

ACROSS = 4
MARKERS = {"semantic": "o", "syntactic": "^"}


@dataclass(frozen=True)
class Point:
    """A source for a target.

    Attributes:
        target, source: the tasks; `level`: of the source, semantic or syntactic.
        place: its place among the target's sources by a predictor, 0 for the last to 1 for the first.
        gain: observed, a fraction.
    """

    target: str
    source: str
    level: str
    place: float
    gain: float


def agreement_figure(panels: Mapping[str, Sequence[Point]], path: Path, *, title: str, note: str = "") -> None:
    """Draw observed gains against predicted places, a panel for each predictor, as PNG or SVG.

    A good predictor's points rise from left to right within each colour (a target). Circles are semantic sources, triangles
    syntactic ones.

    Raises:
        ToolkitError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    targets = list(dict.fromkeys(point.target for points in panels.values() for point in points))
    colours = {target: COLOURS[i % len(COLOURS)] for i, target in enumerate(targets)}
    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(2.4 * across + 0.8, 2.1 * down + 1.5), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_visible(False)
            continue
        name, points = list(panels.items())[place]
        axes.axhline(0, color="black", linewidth=0.6)
        for target in targets:
            own = sorted((p for p in points if p.target == target), key=lambda p: p.place)
            axes.plot(
                [p.place for p in own], [100 * p.gain for p in own], color=colours[target], linewidth=0.7, alpha=0.5
            )
            for p in own:
                axes.plot(p.place, 100 * p.gain, MARKERS.get(p.level, "s"), color=colours[target], markersize=4)
        axes.set_title(name, fontsize=8)
        axes.set_xticks([0, 1], ["last", "first"], fontsize=7)
        axes.tick_params(axis="y", labelsize=7)
        axes.grid(alpha=0.3)
        if place % across == 0:
            axes.set_ylabel("observed, points", fontsize=7)
    grid.flat[0].set_xlim(-0.08, 1.08)
    figure.suptitle(f"{title}\n{note}" if note else title, fontsize=9)
    levels = dict.fromkeys(point.level for points in panels.values() for point in points)
    lines = [Line2D([], [], color=colours[target], label=target) for target in targets]
    lines += [
        Line2D(
            [], [], linestyle="", marker=MARKERS.get(level, "s"), color="grey", markersize=5, label=f"{level} source"
        )
        for level in levels
        if level
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=min(5, len(lines)), fontsize=7)
    save(figure, path)


def places_figure(
    places: Mapping[str, Mapping[str, float]], labels: Mapping[str, str], path: Path, *, title: str, note: str = ""
) -> None:
    """Draw each source's place by each predictor, sources down and predictors across, as PNG or SVG.

    Args:
        places: predictor -> source -> place, 1 for the first.
        labels: source -> its name with its level, in the order of the rows.
        path: the file.
        title, note: above and below.

    Raises:
        ToolkitError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sources, names = list(labels), list(places)
    figure = Figure(figsize=(2.0 + 0.75 * len(names), 1.8 + 0.35 * len(sources)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    grid = [[places[name].get(source, math.nan) for name in names] for source in sources]
    axes.imshow(grid, aspect="auto", cmap="Blues_r", vmin=1, vmax=max(len(sources) * 1.4, 2))
    for y, row in enumerate(grid):
        for x, place in enumerate(row):
            text, colour = ("-", "grey") if math.isnan(place) else (f"{place:g}", "black")
            is_dark = not math.isnan(place) and place < 0.45 * len(sources)
            axes.text(x, y, text, ha="center", va="center", fontsize=8, color="white" if is_dark else colour)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(sources)), list(labels.values()))
    axes.tick_params(length=0, labelsize=8)
    axes.set_title(title, fontsize=9, wrap=True)
    if note:
        axes.set_xlabel(note, fontsize=7)
    save(figure, path)
