"""What `similarity` shows and writes: tables, Markdown, CSV, the figure, and a run in the tracker."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from toolkit.config import Config
from toolkit.files import replace_text
from toolkit.recipes.session import common
from toolkit.recipes.session.common import Say
from toolkit.recipes.transfer.evidence import Context
from toolkit.recipes.transfer.probe import task_name
from toolkit.report import GENERATED_NOTE, Table, render
from toolkit.report.similarity import Panel, group_means, number, similarity_maps, similarity_table
from toolkit.similarity import Matrix
from toolkit.tasks import get_task
from toolkit.tasks.kinds import LEVELS

MAX_NAME = 80


def tasks_table(names: Sequence[str], context: Context) -> Table:
    """Return what was looked at of each task: group, rows, vectors, labels."""
    rows = []
    for name in names:
        task = get_task(task_name(name).name)
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
    """Return the matrix of each predictor, and where there are two groups the means within and between them."""
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
    """Return a folder's name for a set of tasks: their names, or of many the first ones and a digest of all.

    Example:
        >>> folder_name(["udpos", "mnli"])
        'udpos+mnli'
    """
    joined = "+".join(names)
    if len(joined) <= MAX_NAME:
        return joined
    return f"{joined[: MAX_NAME - 9]}-{hashlib.sha256(joined.encode()).hexdigest()[:8]}"


def write_similarity(
    folder: Path,
    tables: Sequence[Table],
    panels: Sequence[Panel],
    matrices: Sequence[Matrix],
    reasons: Mapping[str, Mapping[tuple[str, str], str]],
    sentences: Sequence[str],
    levels: Mapping[str, str],
    config: Config,
) -> None:
    """Write the tables as Markdown, every pair as a line of CSV, and the figure."""
    parts = [render(table, "markdown") for table in tables]
    parts.append("![similarity](similarity.png)\n")
    if sentences:
        parts.append("".join(f"- Left out: {sentence}\n" for sentence in sentences))
    replace_text(folder / "similarity.md", f"# Similarity of tasks on {config.backbone.name}\n\n" + "\n".join(parts))
    replace_text(folder / "similarity.csv", similarity_csv(matrices, reasons, levels.__getitem__))
    drawn = [panel for panel in panels if any(not math.isnan(value) for row in panel.values for value in row)]
    if drawn:
        title = f"Similarity of tasks, {config.backbone.name}"
        similarity_maps(drawn, [folder / "similarity.png", folder / "similarity.svg"], title=title)


def similarity_csv(
    matrices: Sequence[Matrix],
    reasons: Mapping[str, Mapping[tuple[str, str], str]],
    level: Callable[[str], str],
) -> str:
    """Return every number as tidy CSV, one line for each predictor and pair of tasks."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["predictor", "source", "source_group", "target", "target_group", "value", "why_not"])
    for matrix in matrices:
        for source in matrix.names:
            for target in matrix.names:
                value = matrix.value(source, target)
                why_not = reasons[matrix.predictor].get((source, target), "")
                if matrix.is_symmetric:
                    why_not = why_not or reasons[matrix.predictor].get((target, source), "")
                shown = "" if math.isnan(value) else repr(value)
                writer.writerow([matrix.predictor, source, level(source), target, level(target), shown, why_not])
    return buffer.getvalue()


def track_similarity(names: Sequence[str], matrices: Sequence[Matrix], config: Config, folder: Path, say: Say) -> None:
    """Record one run: every number, and what was written."""
    tracker = common.open_config_tracker(config)
    settings = config.similarity
    tracker.start(
        "similarity " + ", ".join(names),
        experiment="similarity",
        tags={"journey": "similarity", "backbone": config.backbone.name},
        params={
            "tasks": ", ".join(names),
            "backbone": config.backbone.name,
            "limit": settings.limit,
            "seed": settings.seed,
        },
    )
    for matrix in matrices:
        pairs = {
            f"{matrix.predictor}/{source}/{target}": matrix.value(source, target)
            for source in matrix.names
            for target in matrix.names
        }
        tracker.log_metrics({key: value for key, value in pairs.items() if not math.isnan(value)})
    for file in ("similarity.md", "similarity.csv", "similarity.png", "similarity.svg"):
        if (folder / file).exists():
            tracker.log_artifact(folder / file)
    tracker.close()
    for note in tracker.notes:
        say(note)
