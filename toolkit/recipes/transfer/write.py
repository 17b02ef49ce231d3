"""Files, tables and tracked runs of `similarity` and `rank`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.composition import parse
from toolkit.files import replace_text
from toolkit.recipes.session.session import Session
from toolkit.recipes.transfer.evidence import Context
from toolkit.report import GENERATED_NOTE, Table, render
from toolkit.report.similarity import Panel, group_means, number, similarity_maps, similarity_table
from toolkit.report.transfer import Point, agreement_figure, places_figure
from toolkit.report.transfer_tables import (
    prediction_csv,
    prediction_markdown,
    ranking_table,
    validation_csv,
    validation_table,
)
from toolkit.safe_text import csv_text, markdown_text
from toolkit.similarity import MEASURES, Matrix
from toolkit.similarity.ranking import FILE, FOLDER, TransferRanking, to_json
from toolkit.tasks.kinds import LEVELS
from toolkit.tracking import NOTE_TAG

MAX_NAME = 80
Reasons = Mapping[str, Mapping[tuple[str, str], str]]
"""Predictor -> (source, target) -> why there is no number."""


@dataclass(frozen=True)
class Compared:
    """Everything that `similarity` found.

    Attributes:
        names: the tasks, group by group.
        levels: task -> its group.
        matrices: one for each predictor.
        panels: the same as pictures show them.
        reasons: why numbers are absent.
    """

    names: tuple[str, ...]
    levels: Mapping[str, str]
    matrices: tuple[Matrix, ...]
    panels: tuple[Panel, ...]
    reasons: Reasons

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reasons, each once."""
        return tuple(dict.fromkeys(reason for found in self.reasons.values() for reason in found.values()))


# -- similarity ---------------------------------------------------------------------------------------------------


def tasks_table(names: Sequence[str], context: Context) -> Table:
    """Return the rows, vectors and labels that each task is described by, and its group."""
    rows = []
    for name in names:
        task = context.task(name)
        held, probe = context.rows(name), context.probe(name)
        labels = "-" if probe.labels is None else f"{len(set(probe.labels.tolist()))}"
        described = f"{held.task.name} {held.split}" + (" (generated)" if held.is_generated else "")
        rows.append(
            (name, task.level, task.kind, described, held.language, f"{len(held):,}", f"{len(probe.items):,}", labels)
        )
    columns = ("", "group", "kind", "rows from", "language", "rows", "vectors", "labels")
    notes = [GENERATED_NOTE] if any(context.rows(name).is_generated for name in names) else []
    return Table("tasks", columns, tuple(rows), tuple(notes), named=2)


def similarity_tables(panels: Sequence[Panel], names: Sequence[str], shared_text: str | None) -> list[Table]:
    """Return the matrix of each predictor, and with two groups the means within and between them."""
    tables = []
    for panel in panels:
        notes = []
        if not panel.is_symmetric:
            notes.append("Rows: source. Columns: target.")
        if panel.is_by_column:
            notes.append("Compare within a column only: the numbers depend on the target's labels.")
        if panel.name == "cka":
            notes.append(f"Shared text: {shared_text or 'English of the micro-world, which is generated'}.")
        absent = [name for name in names if name not in panel.names]
        if absent:
            notes.append(f"Left out: {', '.join(absent)}.")
        tables.append(similarity_table(panel, notes=notes))
    means = [
        (panel.name, source, target, number(value))
        for panel in panels
        if not panel.is_by_column
        for (source, target), value in group_means(panel).items()
        if not panel.is_symmetric or LEVELS.index(source) <= LEVELS.index(target)
    ]
    if means and len({group for panel in panels for group in panel.groups.values()}) > 1:
        title = "means over pairs of different tasks, by group"
        tables.append(Table(title, ("predictor", "group", "with", "mean"), tuple(means), named=3))
    return tables


def folder_name(names: Sequence[str]) -> str:
    """Return a folder's name for a set of tasks: their names, or for many tasks the first ones and a digest of all.

    Example:
        >>> folder_name(["udpos", "mnli"])
        'udpos+mnli'
    """
    joined = "+".join(names)
    if len(joined) <= MAX_NAME:
        return joined
    return f"{joined[: MAX_NAME - 9]}-{hashlib.sha256(joined.encode()).hexdigest()[:8]}"


def write_similarity(found: Compared, tables: Sequence[Table], folder: Path, backbone: str) -> None:
    """Write the tables as Markdown, every pair as a line of CSV, and the figure."""
    parts = [render(table, "markdown") for table in tables]
    parts.append("![similarity](similarity.png)\n")
    if found.sentences:
        parts.append("".join(f"- Left out: {markdown_text(sentence)}\n" for sentence in found.sentences))
    replace_text(folder / "similarity.md", f"# Similarity of tasks on {markdown_text(backbone)}\n\n" + "\n".join(parts))
    text = similarity_csv(found.matrices, found.reasons, found.levels)
    replace_text(folder / "similarity.csv", text)
    drawn = [panel for panel in found.panels if any(not math.isnan(value) for row in panel.values for value in row)]
    if drawn:
        title = f"Similarity of tasks, {backbone}"
        similarity_maps(drawn, [folder / "similarity.png", folder / "similarity.svg"], title=title)


def similarity_csv(
    matrices: Sequence[Matrix],
    reasons: Reasons,
    levels: Mapping[str, str],
) -> str:
    """Return every number as tidy CSV, one line for each predictor and pair of tasks."""
    lines = []
    for matrix in matrices:
        for source in matrix.names:
            for target in matrix.names:
                value = matrix.value(source, target)
                why_not = reasons[matrix.predictor].get((source, target), "")
                if matrix.is_symmetric:
                    why_not = why_not or reasons[matrix.predictor].get((target, source), "")
                shown = "" if math.isnan(value) else repr(value)
                lines.append([matrix.predictor, source, levels[source], target, levels[target], shown, why_not])
    columns = ["predictor", "source", "source_group", "target", "target_group", "value", "why_not"]
    return csv_text(columns, lines)


def pair_name(predictor: str, source: str, target: str) -> str:
    """Return the name of a pair's metric; a slash parts its three members and occurs in none of them.

    Example:
        >>> pair_name("cka", "mnli", "squad"), pair_name("cka", "mnli/squad", "udpos")
        ('cka/mnli/squad', 'cka/mnli+squad/udpos')
    """
    return f"{predictor}/{parse(source).slug}/{parse(target).slug}"


def track_similarity(found: Compared, folder: Path, session: Session) -> None:
    """Record one run: every number, and the files."""
    config = session.config
    tasks = ", ".join(found.names)
    with session.tracked(
        f"similarity {tasks}",
        experiment="similarity",
        tags={"journey": "similarity", "backbone": config.backbone.name},
        params={
            "tasks": tasks,
            "backbone": config.backbone.name,
            "limit": config.similarity.limit,
            "seed": config.similarity.seed,
        },
    ) as tracker:
        for matrix in found.matrices:
            pairs = {
                pair_name(matrix.predictor, source, target): matrix.value(source, target)
                for source in matrix.names
                for target in matrix.names
            }
            tracker.log_metrics({key: value for key, value in pairs.items() if not math.isnan(value)})
        for file in ("similarity.md", "similarity.csv", "similarity.png", "similarity.svg"):
            if (folder / file).exists():
                tracker.log_artifact(folder / file)


# -- rank ---------------------------------------------------------------------------------------------------------


def prediction_folder(target: str | None, run_dir: Path, sweep: Path | None) -> Path:
    """Return the folder of a prediction: in the sweep's folder if all of its targets are predicted, else in `run_dir`."""
    if target is None:
        assert sweep is not None
        return Path(sweep) / FOLDER
    return Path(run_dir) / "rank" / parse(target).slug


def write_prediction(found: TransferRanking, folder: Path, target: str | None) -> list[Path]:
    """Write a prediction as Markdown, CSV and JSON, with its figures; return the files."""
    texts = {"prediction.md": prediction_markdown(found), "prediction.csv": prediction_csv(found), FILE: to_json(found)}
    if found.validation is not None:
        texts["validation.csv"] = validation_csv(found)
    for name, text in texts.items():
        replace_text(folder / name, text)
    draw = _drawing(found, target)
    figures = [folder / f"prediction.{form}" for form in ("png", "svg")]
    for path in figures:
        draw(path)
    return [*(folder / name for name in texts), *figures]


def _drawing(found: TransferRanking, target: str | None) -> Callable[[Path], None]:
    """Return what draws the picture: places against observed gains if there are any, else places by predictor."""
    note = GENERATED_NOTE if found.is_generated else ""
    if found.validation is not None:
        panels = {name: _points(found, name) for name in found.predictors}
        shown = {f"{name} (control)" if name in found.controls else name: some for name, some in panels.items() if some}
        title = f"Predicted place against observed gain, sweep {found.sweep}, {found.backbone}"
        return lambda path: agreement_figure(shown, path, title=title, note=note)
    ranking = found.of(str(target))
    labels = {each.source: f"{each.source} ({each.level})" for each in ranking.ranked}
    places = {name: ranking.places(name) for name in found.predictors}
    title = f"Predicted places for {target}, {found.backbone}"
    return lambda path: places_figure(places, labels, path, title=title, note=note)


def _points(found: TransferRanking, predictor: str) -> list[Point]:
    points = []
    for ranking in found.rankings:
        places = ranking.places(predictor)
        for each in ranking.ranked:
            if each.source in places and each.gain is not None and len(places) > 1:
                share = 1 - (places[each.source] - 1) / (len(places) - 1)
                points.append(Point(ranking.target, each.source, each.level, share, each.gain))
    return points


def track_prediction(found: TransferRanking, files: Sequence[Path], target: str | None, session: Session) -> str | None:
    """Record one run: agreement by predictor, and the files; return its id."""
    backbone = session.config.backbone.name
    note = render(validation_table(found), "markdown") if found.validation else ""
    if not note and found.rankings:
        note = render(ranking_table(found, found.rankings[0]), "markdown")
    with session.tracked(
        f"rank sources for {target or found.sweep}",
        experiment=f"sweep {found.sweep}" if found.sweep else str(target),
        tags={"journey": "rank", "backbone": backbone, NOTE_TAG: note},
        params={
            "backbone": backbone,
            "predictors": ",".join(found.predictors),
            "targets": ",".join(each.target for each in found.rankings),
            "sweep": found.sweep,
        },
    ) as tracker:
        tracker.log_metrics(metrics(found))
        for path in files:
            tracker.log_artifact(path)
        return tracker.run_id or None


def metrics(found: TransferRanking) -> Mapping[str, float]:
    """Return the agreement of each predictor, under names that a tracker takes: `logme/regret_at_1`."""
    values: dict[str, float] = {}
    for name in found.predictors if found.validation else ():
        for measure in MEASURES:
            assert found.validation is not None
            value = found.validation.of(name, measure).estimate.value
            if value is not None:
                values[f"{name}/{measure.replace('@', '_at_')}"] = value
    return values
