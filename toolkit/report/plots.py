"""Picture of scores, and the writer of all pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from toolkit.errors import unwritable
from toolkit.files import replacing
from toolkit.report.table import table
from toolkit.results.score import Score
from toolkit.safe_text import visible


def heat_map(scores: Sequence[Score], path: Path, *, pivot_language: str = "en") -> None:
    """Draw compositions against languages as a PNG, each cell with its percentage, renamed into place.

    The rows and columns are those of `table`; colours run from the lowest to the highest number of the picture, the
    gap stays without colour, and a picture with generated rows says so.

    Args:
        scores: at least one.
        path: the file to write.
        pivot_language: the language the tasks were trained in.

    Raises:
        ToolkitError: the file cannot be written.
        DataError, ValueError: as for `table`.
    """
    # The object interface: no display, no state shared with a user's own pyplot figures.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = table(scores, pivot_language=pivot_language)
    places = [i for i in range(len(found.columns)) if not any(isinstance(row[i], str) for row in found.rows)]
    names = [found.columns[i] for i in places]
    labels = [_short("  ".join(str(cell) for cell in row if isinstance(cell, str) and cell)) for row in found.rows]
    values = [[math.nan if row[i] is None else float(str(row[i])) for i in places] for row in found.rows]
    colours = [[math.nan if name == "gap" else v for name, v in zip(names, row, strict=True)] for row in values]
    present = [v for row in colours for v in row if not math.isnan(v)]
    low, high = min(present), max(present)
    high = high if high > low else low + 1.0

    width = 1.0 + 0.08 * max(map(len, labels)) + 0.55 * len(names)
    height = 1.2 + 0.4 * len(labels) + 0.2 * len(found.notes)
    figure = Figure(figsize=(max(width, 4.0), height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(colours, aspect="auto", cmap="viridis", vmin=low, vmax=high)
    axes.set_xticks(range(len(names)), names, rotation=45 if len(names) > 8 else 0)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0, labelsize=8)
    axes.set_title(found.title, fontsize=9)
    if found.notes:
        axes.set_xlabel(" ".join(found.notes), fontsize=8)
    for row, numbers in enumerate(values):
        for column, number in enumerate(numbers):
            if not math.isnan(number):
                is_dark = names[column] != "gap" and (number - low) / (high - low) < 0.6
                colour = "white" if is_dark else "black"
                axes.text(column, row, f"{number:.1f}", ha="center", va="center", fontsize=7, color=colour)

    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a figure as a PNG, or as an SVG if the name ends in `.svg`; the file is whole or absent.

    Its texts are shown as they are: none is read as a formula, and none holds what an SVG cannot.

    Raises:
        ToolkitError: the file cannot be written.
    """
    from matplotlib import rc_context

    path = Path(path)
    _make_plain(figure)
    try:
        with (
            replacing(path) as file,
            rc_context({"svg.hashsalt": "xstilts", "svg.fonttype": "none", "text.parse_math": False}),
        ):
            # Without version, date and random ids inside, the same scores make the same file.
            if path.suffix == ".svg":
                figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
            else:
                figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
    except OSError as fault:
        raise unwritable(path, fault) from None


def _make_plain(figure: Any) -> None:
    from matplotlib.axis import Axis
    from matplotlib.text import Text

    for axis in figure.findobj(Axis):  # the texts of ticks are made when the figure is drawn
        formatter = axis.get_major_formatter()
        formatter.format_ticks = partial(_plain_ticks, formatter.format_ticks)
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(visible(text.get_text()))


def _plain_ticks(made: Callable[[Sequence[float]], Sequence[str]], places: Sequence[float]) -> list[str]:
    return [visible(text) for text in made(places)]


def _short(label: str, length: int = 60) -> str:
    return label if len(label) <= length else label[: length - 1] + "…"
