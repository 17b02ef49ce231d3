"""Journey `similarity`: a matrix over tasks for each predictor, with the groups of tasks marked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.outputs import Output
from toolkit.progress import Progress
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.together import staffed
from toolkit.recipes.train.pending import complete
from toolkit.recipes.train.train import train as train_composition
from toolkit.recipes.transfer.evidence import Absent, Context
from toolkit.recipes.transfer.predictors import PREDICTORS, Predictor, extract, get_predictor, scores
from toolkit.recipes.transfer.probe import task_name
from toolkit.recipes.transfer.write import (
    Compared,
    folder_name,
    similarity_csv,
    similarity_tables,
    tasks_table,
    track_similarity,
    write_similarity,
)
from toolkit.registry import each_once
from toolkit.report import render
from toolkit.report.similarity import Panel
from toolkit.results.result import Record, WrittenResult, from_csv
from toolkit.similarity import Matrix
from toolkit.tasks import Catalogue
from toolkit.tasks.kinds import LEVELS, Level

WIDTH = 160


@dataclass(frozen=True)
class SimilarityResult(WrittenResult):
    """Result of comparing tasks; its folder holds `similarity.md`, `similarity.csv`, `similarity.png` and `.svg`.

    Attributes:
        matrices: one for each predictor, tasks by group.
        reasons: predictor -> (source, target) -> why there is no number.
        levels: task -> its group.
        n_encoded: sequences that went through an encoder; 0 where the store held all.
        n_examples: rows that gradients were taken of, for Fishers; 0 where the store held all.
    """

    matrices: tuple[Matrix, ...]
    reasons: Mapping[str, Mapping[tuple[str, str], str]]
    levels: Mapping[str, str]
    n_encoded: int
    n_examples: int

    def records(self) -> list[Record]:
        """Return one row for each predictor and pair of tasks; a pair without a number says why."""
        return from_csv(similarity_csv(self.matrices, self.reasons, self.levels))


def compare_tasks(
    tasks: Sequence[str],
    session: Session,
    *,
    by: str | Sequence[str] = "all",
    train: bool = False,
) -> SimilarityResult:
    """Compare tasks by every predictor that is asked for.

    What a predictor reads is extracted once and kept in the embedding store. A predictor that needs an adapter leaves out the
    tasks that have none in the zoo, and names the command that trains it.

    Args:
        tasks: two or more, `mnli`, or with a language, `udpos.tr`.
        session: of a configuration whose section `similarity` says how much of each task is read.
        by: `all`, or names of `PREDICTORS` that are not controls.
        train: train the adapters that are missing, each on its task alone.
    """
    catalogue = session.catalogue
    every = each_once([str(task_name(task, catalogue)) for task in tasks], "task", said=tasks)
    names = by_group(every, catalogue)
    if len(names) < 2:
        raise ToolkitError(f"{len(names)} task is named; similarity compares two or more.")
    predictors = chosen(by)
    if train and any(predictor.needs_adapters for predictor in predictors):
        train_missing(names, session)
    with staffed(session) as session, Context(session) as context:
        found = _compared(names, predictors, context)
        for sentence in found.sentences:
            session.say(f"Left out: {sentence}")
        shared = session.config.similarity.shared_text
        tables = [tasks_table(names, context), *similarity_tables(found.panels, names, shared)]
        folder = Path(session.config.run_dir) / "similarity" / folder_name(names)
        with Output(folder) as output:
            write_similarity(found, tables, output.stage, session.config.backbone.name)
            output.commit()
        track_similarity(found, output.stage, session)
        return SimilarityResult(
            matrices=found.matrices,
            reasons=found.reasons,
            levels=found.levels,
            text="\n".join(render(table, "text", width=WIDTH) for table in tables),
            folder=folder,
            output=output,
            n_encoded=context.n_encoded,
            n_examples=context.n_examples,
        )


def _compared(names: Sequence[str], predictors: Sequence[Predictor], context: Context) -> Compared:
    extract(predictors, names, names, context)
    reasons: dict[str, dict[tuple[str, str], str]] = {}
    matrices = []
    for done, predictor in enumerate(predictors):
        context.session.report(Progress("compare", done, len(predictors)))
        matrices.append(_matrix(predictor, names, context, reasons.setdefault(predictor.name, {})))
    context.session.report(Progress("compare", len(predictors), len(predictors)))
    levels = {name: level(name, context.session.catalogue) for name in names}
    panels = tuple(_panel(PREDICTORS[matrix.predictor], matrix, levels) for matrix in matrices)
    return Compared(tuple(names), levels, tuple(matrices), panels, reasons)


def level(task: str, catalogue: Catalogue) -> Level:
    """Return the group of a task, `syntactic` or `semantic`.

    Example:
        >>> from toolkit.tasks import BUILT_IN
        >>> level("udpos.tr", BUILT_IN), level("mnli", BUILT_IN)
        ('syntactic', 'semantic')
    """
    return catalogue.get(task_name(task, catalogue).name).level


def by_group(tasks: Iterable[str], catalogue: Catalogue) -> list[str]:
    """Return the tasks group by group, in the order given within each, none twice.

    Example:
        >>> from toolkit.tasks import BUILT_IN
        >>> by_group(["mnli", "udpos", "squad", "mnli"], BUILT_IN)
        ['udpos', 'mnli', 'squad']
    """
    return sorted(dict.fromkeys(tasks), key=lambda task: LEVELS.index(level(task, catalogue)))


def chosen(by: str | Sequence[str]) -> list[Predictor]:
    """Return the predictors that are asked for.

    Raises:
        ToolkitError: no such predictor, or a control, which does not depend on the target.
    """
    asked = by.split(",") if isinstance(by, str) else list(by)
    if asked == ["all"]:
        return [predictor for predictor in PREDICTORS.values() if not predictor.is_control]
    found = [get_predictor(name) for name in each_once([name.strip() for name in asked], "predictor")]
    for predictor in found:
        if predictor.is_control:
            raise ToolkitError(
                f"'{predictor.name}' is of a source alone ({predictor.definition}), so it says nothing about two tasks; "
                "`xstilts rank` compares it with the others."
            )
    return found


def train_missing(tasks: Iterable[str], session: Session) -> list[str]:
    """Train an adapter for each task that has none in the zoo, on its task alone; return the entries that were made."""
    made = []
    complete(session)
    with Context(session) as context:
        for task in tasks:
            try:
                context.entry_of(task)
            except Absent:
                if context.has_train(task):
                    entry = context.lender(task)
                    train_composition(entry, session)
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
