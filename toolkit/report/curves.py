"""Curves: precision against recall, and a score against the layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.report.plots import save


def precision_recall_curve(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    path: Path,
    *,
    title: str,
    chosen: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Draw precision against recall as a PNG, in percent.

    Args:
        curves: for each label, recall and precision at every cut, fractions.
        path: the file to write.
        title: what was mined, by which protocol.
        chosen: for a label, recall and precision at the threshold that was used; drawn as a point.

    Raises:
        ToolkitError: the file cannot be written.
    """
    figure, axes = _axes(title, "recall, %", "precision, %")
    for label, (recall, precision) in curves.items():
        (line,) = axes.plot([100 * v for v in recall], [100 * v for v in precision], label=label, linewidth=1.2)
        if chosen and label in chosen:
            axes.plot(*([100 * v] for v in chosen[label]), "o", color=line.get_color(), markersize=5)
    axes.set_xlim(0, 101)
    axes.set_ylim(0, 101)
    axes.legend(fontsize=8)
    save(figure, path)


def layer_curve(
    curves: Mapping[str, Mapping[int, float]], path: Path, *, title: str, measure: str = "accuracy"
) -> None:
    """Draw a score against the layer it was read from as a PNG, in percent.

    Args:
        curves: for each label, layer -> score, a fraction.
        path: the file to write.
        title: what was scored.
        measure: name of the score.

    Raises:
        ToolkitError: the file cannot be written.
    """
    figure, axes = _axes(title, "layer (0: embeddings)", f"{measure}, %")
    for label, values in curves.items():
        layers = sorted(values)
        axes.plot(layers, [100 * values[layer] for layer in layers], marker="o", markersize=3, label=label)
    axes.legend(fontsize=8)
    save(figure, path)


def _axes(title: str, x_label: str, y_label: str) -> tuple[Any, Any]:
    # The object interface: no display, no state shared with a user's own pyplot figures.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=9, wrap=True)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    return figure, axes
