"""Tables and curves of robustness: scores under noise and under attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.report.plots import save
from toolkit.report.table import Cell, Table
from toolkit.statistics.estimates import Estimate
from toolkit.statistics.robustness import Fall

MEANING_NOTE = "†: a reader may answer otherwise too, so a fall is not the model's fault alone."
STARS_NOTE = (
    "*: more than chance at 5 % (paired bootstrap over rows, Holm's correction over the table). change: noisy minus clean score; "
    "spared: this change minus the baseline's, above 0 if it is more robust."
)
SAME_NOISE_NOTE = "Same noise for all: every composition was scored on the same perturbed rows."
OWN_ATTACK_NOTE = (
    "Attacked one by one: each composition against its own search, so the rows differ between compositions; do not compare "
    "numbers of this table with those of the same-noise table."
)


def falls_table(
    all_falls: Sequence[Fall], *, title: str, dubious: Sequence[str] = (), notes: Sequence[str] = ()
) -> Table:
    """Return perturbations and strengths down, and for each composition its noisy score, its change, and the points spared.

    Args:
        all_falls: of `robustness.falls`.
        dubious: perturbations that may change the gold answer; marked.
    """
    names = list(dict.fromkeys(fall.composition for fall in all_falls))
    columns = ["perturbation", "strength", "languages"]
    for name in names:
        columns += [name, "change", *(["spared"] if any(f.spared for f in all_falls if f.composition == name) else [])]
    rows: list[tuple[Cell, ...]] = []
    if len({fall.languages for fall in all_falls}) == 1:
        # The clean score depends on the languages, so it has a line only if all rows share them.
        clean = {fall.composition: 100 * fall.clean for fall in all_falls}
        line: dict[int, Cell] = {0: "clean", 2: str(len(all_falls[0].languages))}
        line |= {columns.index(name): clean[name] for name in names}
        rows.append(tuple(line.get(place, "" if place < 3 else None) for place in range(len(columns))))
    for key in dict.fromkeys((fall.perturbation, fall.strength) for fall in all_falls):
        own = {fall.composition: fall for fall in all_falls if (fall.perturbation, fall.strength) == key}
        some = next(iter(own.values()))
        cells: list[Cell] = [key[0] + ("†" if key[0] in dubious else ""), f"{key[1]:g}", str(len(some.languages))]
        for name in names:
            fall = own[name]
            cells += [100 * fall.noisy, signed(fall.drop, sign=-1), *([signed(fall.spared)] if fall.spared else [])]
        rows.append(tuple(cells))
    marks = [MEANING_NOTE] if any(str(row[0]).endswith("†") for row in rows) else []
    return Table(title, tuple(columns), tuple(rows), (SAME_NOISE_NOTE, STARS_NOTE, *marks, *notes))


def signed(found: Estimate | None, *, sign: int = 1) -> str:
    """Return a difference in percentage points with its sign, and a star if it is more than chance.

    Example:
        >>> signed(Estimate(0.034, 0.01, 0.05, 0.001))
        '+3.4*'
    """
    if found is None:
        return ""
    return f"{100 * sign * found.value:+.1f}{'*' if found.is_significant else ''}"


_MEASURES = {
    "clean_accuracy": "clean", "robust_accuracy": "robust", "attack_success_rate": "success rate", "performance_drop_rate": "drop rate",
    "changed_words": "words changed", "chrf": "chrF", "queries": "queries",
}  # fmt: skip


def attacks_table(measures: Mapping[str, Mapping[str, Mapping[str, float]]], *, title: str) -> Table:
    """Return compositions down and the measures of an attack across, means over languages.

    Args:
        measures: composition -> language -> measure -> value, of `attack_measures`.
    """
    rows: list[tuple[Cell, ...]] = []
    for composition, by_language in measures.items():
        cells: list[Cell] = [composition]
        for name in _MEASURES:
            values = [found[name] for found in by_language.values() if name in found]
            cells.append(_shown(name, sum(values) / len(values) if values else None))
        rows.append(tuple(cells))
    return Table(title, ("composition", *_MEASURES.values()), tuple(rows), (OWN_ATTACK_NOTE,))


def attack_by_language(measures: Mapping[str, Mapping[str, float]], *, title: str) -> Table:
    """Return languages down and the measures of an attack on one composition across.

    Args:
        measures: language -> measure -> value.
    """
    rows = [(code, *(_shown(name, found.get(name)) for name in _MEASURES)) for code, found in measures.items()]
    return Table(title, ("language", *_MEASURES.values()), tuple(rows), (OWN_ATTACK_NOTE,))


def _shown(name: str, value: float | None) -> Cell:
    return value if value is None or name == "queries" else 100 * value


def strength_curves(all_falls: Sequence[Fall], path: Path, *, title: str, measure: str) -> None:
    """Draw score against strength as a PNG: one panel a perturbation, one line a composition, with 95 % intervals of the drop.

    Raises:
        ToolkitError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys(fall.perturbation for fall in all_falls))
    names = list(dict.fromkeys(fall.composition for fall in all_falls))
    across = min(4, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(2.9 * across + 0.5, 2.4 * down + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_visible(False)
            continue
        for name in names:
            own = [f for f in all_falls if f.perturbation == panels[place] and f.composition == name]
            own.sort(key=lambda fall: fall.strength)
            _line(axes, own, name)
        axes.set_title(f"{panels[place]} ({len(own[0].languages)} languages)", fontsize=8)
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=7)
        axes.set_xlabel("strength", fontsize=7)
        if place % across == 0:
            axes.set_ylabel(f"{measure}, %", fontsize=7)
    figure.suptitle(title, fontsize=9)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(names)), fontsize=8)
    save(figure, path)


def _line(axes: Any, own: Sequence[Fall], name: str) -> None:
    x = [0.0, *(fall.strength for fall in own)]
    y = [100 * own[0].clean, *(100 * fall.noisy for fall in own)]
    half = [0.0, *(100 * (fall.drop.high - fall.drop.value) for fall in own)]
    (line,) = axes.plot(x, y, marker="o", markersize=3, linewidth=1.2, label=name)
    low, high = ([a + sign * b for a, b in zip(y, half, strict=True)] for sign in (-1, 1))
    axes.fill_between(x, low, high, alpha=0.15, color=line.get_color(), linewidth=0)
