"""Tables and pictures of the similarity of tasks: a heat map for each predictor, with a dendrogram if it is symmetric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.report.plots import save
from toolkit.report.render import NOTHING
from toolkit.report.table import Table

# Most readers can distinguish blue and orange, and the names of the first group are also in italics.
COLOURS = ("#0b5394", "#b45f06")
PANELS_ACROSS = 3


@dataclass(frozen=True)
class Panel:
    """One predictor's values.

    Attributes:
        name: the predictor.
        definition: of its number, in a few words.
        names: K tasks, in the order of the rows and columns.
        values: K rows of K numbers, row: source, column: target; NaN if there is none.
        groups: the group of each task.
        linkage: scipy's `linkage` of the tasks, with leaves in the order of `names`; None: no tree.
        is_symmetric: whether source and target can be exchanged.
        is_by_column: whether numbers can be compared within a column only.
    """

    name: str
    definition: str
    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    groups: Mapping[str, str]
    linkage: Any = field(default=None, compare=False)
    is_symmetric: bool = True
    is_by_column: bool = False


def similarity_table(panel: Panel, *, notes: Sequence[str] = ()) -> Table:
    """Return sources down and targets across, each source with its group.

    Example:
        >>> from toolkit.report.render import render
        >>> panel = Panel("text", "cosine", ("a", "b"), ((1.0, 0.25), (0.25, math.nan)), {"a": "syntactic", "b": "semantic"})
        >>> print(render(similarity_table(panel)), end="")
        text: cosine
           group      a       b
        a  syntactic  +1.000  +0.250
        b  semantic   +0.250  -
    """
    rows = tuple(
        (name, panel.groups[name], *(number(value) for value in row))
        for name, row in zip(panel.names, panel.values, strict=True)
    )
    return Table(f"{panel.name}: {panel.definition}", ("", "group", *panel.names), rows, tuple(notes), named=2)


def number(value: float) -> str:
    """Return a value with its sign and three digits after the point, two if it is large.

    Example:
        >>> number(0.98765), number(-0.5), number(123.456), number(math.nan)
        ('+0.988', '-0.500', '+123.46', '-')
    """
    if math.isnan(value):
        return NOTHING
    return f"{value:+.2f}" if abs(value) >= 100 else f"{value:+.3f}"


def group_means(panel: Panel) -> dict[tuple[str, str], float]:
    """Return the mean value over pairs of different tasks, by the groups of source and target; groups in order of appearance.

    Example:
        >>> panel = Panel("text", "cosine", ("a", "b"), ((1.0, 0.25), (0.75, 1.0)), {"a": "syntactic", "b": "semantic"})
        >>> group_means(panel)
        {('syntactic', 'semantic'): 0.25, ('semantic', 'syntactic'): 0.75}
    """
    found: dict[tuple[str, str], list[float]] = {}
    for source, row in zip(panel.names, panel.values, strict=True):
        for target, value in zip(panel.names, row, strict=True):
            if source != target and not math.isnan(value):
                found.setdefault((panel.groups[source], panel.groups[target]), []).append(value)
    order = list(dict.fromkeys(panel.groups[name] for name in panel.names))
    keys = [(a, b) for a in order for b in order if (a, b) in found]
    return {key: sum(found[key]) / len(found[key]) for key in keys}


def similarity_maps(panels: Sequence[Panel], paths: Sequence[Path], *, title: str) -> None:
    """Draw a heat map for each predictor, with a dendrogram if it has one, and the groups in colours.

    Colours cover the values of a panel without its diagonal, or each column if only columns compare.

    Args:
        panels: at least one.
        paths: files to write, `.png` or `.svg`.

    Raises:
        ToolkitError: a file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    across = min(PANELS_ACROSS, len(panels))
    down = -(-len(panels) // across)
    most = max(len(panel.names) for panel in panels)
    longest = max(len(name) for panel in panels for name in panel.names)
    width, height = max(1.2 + 0.08 * longest + 0.52 * most, 3.4), 1.9 + 0.06 * longest + 0.42 * most
    figure = Figure(figsize=(width * across, height * down + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subfigures(down, across, squeeze=False, wspace=0.04, hspace=0.04)
    for place, panel in zip(places.flat, panels, strict=False):
        _draw(place, panel)
    groups = _groups(panels)
    marks = [
        Line2D([], [], marker="s", linestyle="", color=COLOURS[i % 2], label=each) for i, each in enumerate(groups)
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    for path in paths:
        save(figure, path)


def _groups(panels: Sequence[Panel]) -> list[str]:
    # The alphabet, backwards: syntactic before semantic, the same in every picture.
    return sorted({group for panel in panels for group in panel.groups.values()}, reverse=True)


def _draw(place: Any, panel: Panel) -> None:
    k = len(panel.names)
    order = list(range(k))
    if panel.linkage is not None:
        from scipy.cluster.hierarchy import dendrogram

        tree = dendrogram(panel.linkage, no_plot=True)
        order = tree["leaves"]
        above, axes = place.subplots(2, 1, gridspec_kw={"height_ratios": [1, max(k / 2, 2)]})
        for x, y in zip(tree["icoord"], tree["dcoord"], strict=True):
            above.plot([(each - 5) / 10 for each in x], y, color="0.35", linewidth=1)
        above.set_xlim(-0.5, k - 0.5)
        above.set_ylim(bottom=0)
        above.axis("off")
        above.set_title(panel.name, fontsize=9)
    else:
        axes = place.subplots()
        axes.set_title(panel.name + (" (colours by column)" if panel.is_by_column else ""), fontsize=9)
    names = [panel.names[i] for i in order]
    values = [[panel.values[i][j] for j in order] for i in order]
    shades = _shades(values, is_by_column=panel.is_by_column)
    axes.set_facecolor("0.9")  # cells without a number, and the diagonal
    axes.imshow(shades, aspect="auto", cmap="viridis", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(k), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(k), names)
    axes.tick_params(length=0, labelsize=8)
    groups = _groups([panel]) if len(set(panel.groups.values())) > 1 else ["syntactic", "semantic"]
    for label, name in [
        *zip(axes.get_xticklabels(), names, strict=True),
        *zip(axes.get_yticklabels(), names, strict=True),
    ]:
        at = groups.index(panel.groups[name]) if panel.groups[name] in groups else 0
        label.set_color(COLOURS[at % 2])
        label.set_style("italic" if at == 0 else "normal")
    if not panel.is_symmetric:
        axes.set_ylabel("source", fontsize=8)
        axes.set_xlabel("target", fontsize=8)
    if panel.linkage is None:
        for edge in range(1, k):
            if panel.groups[names[edge - 1]] != panel.groups[names[edge]]:
                axes.axhline(edge - 0.5, color="white", linewidth=2)
                axes.axvline(edge - 0.5, color="white", linewidth=2)
    for i in range(k):
        for j in range(k):
            if not math.isnan(values[i][j]):
                shade = shades[i][j]
                colour = "black" if math.isnan(shade) or shade > 0.6 else "white"
                axes.text(j, i, _short(values[i][j]), ha="center", va="center", fontsize=7, color=colour)


def _shades(values: Sequence[Sequence[float]], *, is_by_column: bool) -> list[list[float]]:
    """Return the position of each value between the lowest and the highest, 0 to 1; the diagonal has none."""
    k = len(values)
    found = [[math.nan] * k for _ in range(k)]
    columns = [[j] for j in range(k)] if is_by_column else [list(range(k))]
    for block in columns:
        cells = [(i, j) for i in range(k) for j in block if i != j and not math.isnan(values[i][j])]
        if not cells:
            continue
        low, high = (pick(values[i][j] for i, j in cells) for pick in (min, max))
        for i, j in cells:
            found[i][j] = (values[i][j] - low) / (high - low) if high > low else 0.5
    return found


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
