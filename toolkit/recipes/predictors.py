"""Predictors: what gives each source a number for a target, higher where it should help more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.recipes.probing import Absent, Context
from toolkit.registry import unknown
from toolkit.tasks import get_task

Measure = Callable[[Context, str, str], float]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """What gives each source a number for a target.

    Attributes:
        name: as `--by` takes it.
        definition: in a few words, for tables and help.
        measure: context, source, target -> the number; raises `Absent` where there is none.
        needs_adapters: whose adapters must be trained: `` nobody's, `source` or `both`.
        needs_labels: whether the target must have labels.
        is_symmetric: whether source and target may change places.
        is_control: whether it is what a predictor must beat to be worth anything.
        needs_sweep: whether it is fitted on observed gains.
        reads: what is extracted for it of an adapter: `items` (of every target), `shared`, `fisher`.
        reference: where it is defined.
    """

    name: str
    definition: str
    measure: Measure = field(repr=False)
    needs_adapters: str = ""
    needs_labels: bool = False
    is_symmetric: bool = False
    is_control: bool = False
    needs_sweep: bool = False
    reads: tuple[str, ...] = ()
    reference: str = ""


def scores(predictor: Predictor, sources: Sequence[str], target: str, context: Context) -> dict[str, float | str]:
    """Return for each source its number for the target, higher where it should help more, or why there is none.

    Args:
        sources: tasks, such as `mnli` or `udpos.tr`.
        target: a task.
        context: what is read of them; the same one for all predictors, so that nothing is read twice.

    Raises:
        ToolkitError: no such task, or its rows or an adapter cannot be read.
    """
    found: dict[str, float | str] = {}
    for source in sources:
        try:
            found[source] = predictor.measure(context, source, target)
        except Absent as reason:
            found[source] = str(reason)
    return found


def extract(predictors: Iterable[Predictor], sources: Sequence[str], targets: Sequence[str], context: Context) -> None:
    """Read everything that predictors need, circuit by circuit, so that each is wired once.

    `scores` reads what is missing by itself; without this it would wire every circuit again for every target.
    """
    reads = {each for predictor in predictors for each in predictor.reads}
    for task in dict.fromkeys((*sources, *targets)):
        try:
            if "shared" in reads:
                context.shared(task)
            if "items" in reads and task in sources:
                for target in targets:
                    context.features(task, target)
            if "fisher" in reads:
                context.fisher(task)
        except Absent:
            continue  # `scores` says why


def get_predictor(name: str) -> Predictor:
    """Return the predictor of that name.

    Raises:
        ToolkitError: there is none; the message offers the nearest name.

    Example:
        >>> get_predictor("logme").needs_adapters
        'source'
    """
    if name not in PREDICTORS:
        raise unknown("predictor", name, PREDICTORS)
    return PREDICTORS[name]


# -- measures -----------------------------------------------------------------------------------------------------


def _text_embedding(context: Context, source: str, target: str) -> float:
    a, b = (context.text_vector(task).astype(np.float64) for task in (source, target))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _size(context: Context, source: str, target: str) -> float:
    return float(len(context.rows(source)))


PREDICTORS: dict[str, Predictor] = {
    each.name: each
    for each in (
        Predictor(
            name="text-embedding",
            definition="cosine of the tasks' mean text vectors on the bare backbone",
            measure=_text_embedding,
            is_symmetric=True,
            reference="Vu et al. 2020, arXiv 2005.00770",
        ),
        Predictor(
            name="size",
            definition="training rows of the source",
            measure=_size,
            is_control=True,
            reference="Poth et al. 2021, arXiv 2104.08247",
        ),
    )
}
