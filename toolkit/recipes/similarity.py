"""How alike tasks are: a matrix for each predictor, with the groups of tasks marked."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Report, silent
from toolkit.recipes import common
from toolkit.recipes.common import Say, say_nothing
from toolkit.recipes.predictors import PREDICTORS, Predictor, extract, get_predictor, scores
from toolkit.recipes.probe_items import task_name
from toolkit.recipes.probing import Absent, Context
from toolkit.recipes.train import train as train_composition
from toolkit.report import GENERATED_NOTE, Table, render
from toolkit.report.similarity import Panel, group_means, number, similarity_maps, similarity_table
from toolkit.score import replace_text
from toolkit.similarity import Matrix
from toolkit.tasks import get_task, training_task
from toolkit.tasks.task import LEVELS

WIDTH = 160
MAX_NAME = 80


@dataclass(frozen=True)
class SimilarityResult:
    """What was found.

    Attributes:
        matrices: one for each predictor, tasks by group.
        reasons: predictor -> (source, target) -> why there is no number.
        text: the tables, for a terminal.
        folder: where `similarity.md`, `similarity.csv`, `similarity.png` and `.svg` lie.
        n_encoded: sequences that went through an encoder; 0 where the store held all.
        n_examples: rows that gradients were taken of, for Fishers; 0 where the store held all.
    """

    matrices: tuple[Matrix, ...]
    reasons: Mapping[str, Mapping[tuple[str, str], str]]
    text: str
    folder: Path
    n_encoded: int
    n_examples: int


def compare_tasks(
    tasks: Sequence[str],
    config: Config,
    *,
    by: str | Sequence[str] = "all",
    train: bool = False,
    report: Report = silent,
    say: Say = say_nothing,
) -> SimilarityResult:
    """Compare tasks by every predictor that is asked for.

    What a predictor reads is extracted once and kept in the embedding store. A predictor that needs an adapter leaves out the
    tasks that have none in the zoo, and says which command trains it.

    Args:
        tasks: two or more, `mnli`, or with a language, `udpos.tr`.
        config: `config.similarity` says how much of each task is looked at.
        by: `all`, or names of `PREDICTORS` that are no controls.
        train: train the adapters that are missing, each on its task alone.
    """
    names = by_group([str(task_name(task)) for task in tasks])
    if len(names) < 2:
        raise ToolkitError(f"{len(names)} task is named; similarity compares two or more.")
    predictors = chosen(by)
    if train and any(predictor.needs_adapters for predictor in predictors):
        train_missing(names, config, report=report, say=say)
    with Context(config, report=report, say=say) as context:
        extract(predictors, names, names, context)
        reasons: dict[str, dict[tuple[str, str], str]] = {}
        matrices = []
        for done, predictor in enumerate(predictors):
            report(Progress("compare", done, len(predictors)))
            matrices.append(_matrix(predictor, names, context, reasons.setdefault(predictor.name, {})))
        sentences = dict.fromkeys(reason for found in reasons.values() for reason in found.values())
        for sentence in sentences:
            say(f"Left out: {sentence}")
        levels = {name: level(name) for name in names}
        panels = [_panel(PREDICTORS[matrix.predictor], matrix, levels) for matrix in matrices]
        tables = [_tasks_table(names, context), *_tables(panels, names)]
        folder = Path(config.run_dir) / "similarity" / _folder_name(names)
        _write(folder, tables, panels, matrices, reasons, list(sentences), config)
        _track(names, matrices, config, folder, say)
        text = "\n".join(render(table, "text", width=WIDTH) for table in tables)
        return SimilarityResult(tuple(matrices), reasons, text, folder, context.n_encoded, context.n_examples)


def level(task: str) -> str:
    """Return the group of a task, `syntactic` or `semantic`.

    Example:
        >>> level("udpos.tr"), level("mnli")
        ('syntactic', 'semantic')
    """
    return get_task(task_name(task).name).level


def by_group(tasks: Iterable[str]) -> list[str]:
    """Return the tasks group by group, in the order given within each, none twice.

    Example:
        >>> by_group(["mnli", "udpos", "squad", "mnli"])
        ['udpos', 'mnli', 'squad']
    """
    return sorted(dict.fromkeys(tasks), key=lambda task: LEVELS.index(level(task)))


def chosen(by: str | Sequence[str]) -> list[Predictor]:
    """Return the predictors that are asked for.

    Raises:
        ToolkitError: no such predictor, or one that says nothing about a pair of tasks.
    """
    asked = by.split(",") if isinstance(by, str) else list(by)
    if asked == ["all"]:
        return [predictor for predictor in PREDICTORS.values() if not predictor.is_control]
    found = [get_predictor(name.strip()) for name in dict.fromkeys(asked)]
    for predictor in found:
        if predictor.is_control:
            raise ToolkitError(
                f"'{predictor.name}' is of a source alone ({predictor.definition}), so it says nothing about two tasks; "
                "`xstilts predict` sets it beside the others."
            )
    return found


def train_missing(
    tasks: Iterable[str], config: Config, *, report: Report = silent, say: Say = say_nothing
) -> list[str]:
    """Train an adapter for each task that has none in the zoo, on its task alone; return the entries that were made."""
    made = []
    with Context(config) as context:
        for task in tasks:
            try:
                context.entry_of(task)
            except Absent:
                if training_task(get_task(task_name(task).name)).has_train:
                    entry = context.lender(task)
                    train_composition(entry, config, report=report, say=say)
                    made.append(entry)
    return made


# -- values -------------------------------------------------------------------------------------------------------


def _matrix(
    predictor: Predictor, names: Sequence[str], context: Context, reasons: dict[tuple[str, str], str]
) -> Matrix:
    import numpy as np

    values = np.full((len(names), len(names)), math.nan)
    for j, target in enumerate(names):
        # A symmetric predictor is asked once for a pair: the sources up to the target itself.
        asked = names[: j + 1] if predictor.is_symmetric else names
        for source, found in scores(predictor, asked, target, context).items():
            i = names.index(source)
            if isinstance(found, str):
                reasons[source, target] = found
                continue
            values[i, j] = found
            if predictor.is_symmetric:
                values[j, i] = found
    return Matrix(tuple(names), values, predictor.is_symmetric, predictor.name)


def _panel(predictor: Predictor, matrix: Matrix, levels: Mapping[str, str]) -> Panel:
    left = [name for name in matrix.names if name not in matrix.absent]
    shown = matrix.only(left) if left else matrix
    linkage = None
    if matrix.is_symmetric and len(left) > 1 and not any(math.isnan(value) for row in shown.values for value in row):
        linkage = shown.linkage()
    values = tuple(tuple(float(value) for value in row) for row in shown.values)
    return Panel(
        predictor.name,
        predictor.definition,
        shown.names,
        values,
        levels,
        linkage,
        is_symmetric=predictor.is_symmetric,
        is_by_column=predictor.needs_labels,
    )


# -- what is shown ------------------------------------------------------------------------------------------------


def _tasks_table(names: Sequence[str], context: Context) -> Table:
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


def _tables(panels: Sequence[Panel], names: Sequence[str]) -> list[Table]:
    tables = []
    for panel in panels:
        notes = []
        if not panel.is_symmetric:
            notes.append("Rows: source. Columns: target.")
        if panel.is_by_column:
            notes.append("Compare within a column only: the numbers depend on the target's labels.")
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
    if means and len({level(name) for name in names}) > 1:
        title = "means over pairs of different tasks, by group"
        tables.append(Table(title, ("predictor", "group", "with", "mean"), tuple(means), named=3))
    return tables


def _folder_name(names: Sequence[str]) -> str:
    joined = "+".join(names)
    if len(joined) <= MAX_NAME:
        return joined
    return f"{joined[: MAX_NAME - 9]}-{hashlib.sha256(joined.encode()).hexdigest()[:8]}"


def _write(
    folder: Path,
    tables: Sequence[Table],
    panels: Sequence[Panel],
    matrices: Sequence[Matrix],
    reasons: Mapping[str, Mapping[tuple[str, str], str]],
    sentences: Sequence[str],
    config: Config,
) -> None:
    """Write the tables as Markdown, every pair as a line of CSV, and the figure."""
    parts = [render(table, "markdown") for table in tables]
    parts.append("![similarity](similarity.png)\n")
    if sentences:
        parts.append("".join(f"- Left out: {sentence}\n" for sentence in sentences))
    replace_text(folder / "similarity.md", f"# Similarity of tasks on {config.backbone.name}\n\n" + "\n".join(parts))
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
    replace_text(folder / "similarity.csv", buffer.getvalue())
    drawn = [panel for panel in panels if any(not math.isnan(value) for row in panel.values for value in row)]
    if drawn:
        title = f"Similarity of tasks, {config.backbone.name}"
        similarity_maps(drawn, [folder / "similarity.png", folder / "similarity.svg"], title=title)


def _track(names: Sequence[str], matrices: Sequence[Matrix], config: Config, folder: Path, say: Say) -> None:
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
