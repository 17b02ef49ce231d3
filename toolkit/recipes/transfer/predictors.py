"""Predictors of transfer: each gives a source a number for a target, higher if the source should help more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from toolkit.errors import DataError, SourceError
from toolkit.recipes.transfer.evidence import Absent, Context
from toolkit.registry import unknown
from toolkit.similarity import (
    cosine,
    fisher_similarity,
    language_similarity,
    linear_cka,
    logme,
    transrate,
    vocabulary_overlap,
)

Measure = Callable[[Context, str, str], float]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A function that gives each source a number for a target.

    Attributes:
        name: as `--by` takes it.
        definition: in a few words, for tables and help.
        measure: context, source, target -> the number; raises `Absent` if there is none.
        needs_adapters: whose adapters must be trained: ``, `source` or `both`.
        needs_labels: whether the target must have labels.
        is_symmetric: whether source and target can be exchanged.
        is_control: whether it is a baseline that useful predictors must beat.
        needs_sweep: whether it is fitted on observed gains.
        reads: what it needs of an adapter: `items` (of every target), `shared`, `fisher`.
        reference: where it is defined.
    """

    name: str
    definition: str
    measure: Measure = field(repr=False)
    needs_adapters: Literal["", "source", "both"] = ""
    needs_labels: bool = False
    is_symmetric: bool = False
    is_control: bool = False
    needs_sweep: bool = False
    reads: tuple[Literal["items", "shared", "fisher"], ...] = ()
    reference: str = ""


def scores(predictor: Predictor, sources: Sequence[str], target: str, context: Context) -> dict[str, float | str]:
    """Return for each source its number for the target, higher if it should help more, or why there is none.

    Args:
        sources: tasks, such as `mnli` or `udpos.tr`.
        target: a task.
        context: reads them; the same one for all predictors, so that nothing is read twice.

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
    """Read everything that predictors need, circuit by circuit, so that each circuit is wired once.

    `scores` reads what is missing; without this function it would wire every circuit again for every target.
    """
    reads = {each for predictor in predictors for each in predictor.reads}
    for task in dict.fromkeys((*sources, *targets)):
        try:
            if reads & {"shared", "items"}:
                asked = targets if "items" in reads and task in sources else ()
                context.ahead(task, asked, with_shared="shared" in reads)
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


def _estimated(estimate: Callable[[], float]) -> float:
    """Return an estimate; its refusal (one label, too few examples) is the reason why there is none."""
    try:
        return estimate()
    except DataError as refusal:
        raise Absent(str(refusal)) from None


def _text_embedding(context: Context, source: str, target: str) -> float:
    return cosine(context.text_vector(source), context.text_vector(target))


def _fisher(context: Context, source: str, target: str) -> float:
    a, b = context.fisher(source), context.fisher(target)
    return _estimated(lambda: fisher_similarity(a, b))


def _logme(context: Context, source: str, target: str) -> float:
    labels = context.labels(target)
    vectors = context.features(source, target)
    return _estimated(lambda: logme(vectors, labels))


def _transrate(context: Context, source: str, target: str) -> float:
    labels = context.labels(target)
    vectors = context.features(source, target)
    return _estimated(lambda: transrate(vectors, labels))


def _cka(context: Context, source: str, target: str) -> float:
    a, b = context.shared(source), context.shared(target)
    # With hundreds of texts and as many dimensions the plain estimate is near 1 for any features.
    return _estimated(lambda: linear_cka(a, b, debiased=True))


def _language(context: Context, source: str, target: str) -> float:
    own = context.rows(source).language.partition(".")[0]
    found = []
    for language in context.languages(target):
        try:
            found.append(language_similarity(own, language))
        except SourceError as fault:
            reason = str(fault)
    if not found:
        raise Absent(reason)
    return float(np.mean(found))


def _vocabulary(context: Context, source: str, target: str) -> float:
    a, b = context.token_counts(source), context.token_counts(target)
    return _estimated(lambda: vocabulary_overlap(a, b))


def _size(context: Context, source: str, target: str) -> float:
    return float(context.n_learnt(source))


def _mean_effect(context: Context, source: str, target: str) -> float:
    if context.gains is None:
        raise Absent("mean-effect is a mean over gains that were observed; name a finished sweep (--sweep DIR).")
    others = [gains[source] for other, gains in context.gains.items() if other != target and source in gains]
    if not others:
        raise Absent(f"No other target of the sweep was trained on '{source}', so its mean effect is not known.")
    return float(np.mean(others))


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
            name="fisher",
            definition="cosine of the adapters' diagonal empirical Fisher, mean over modules",
            measure=_fisher,
            needs_adapters="both",
            is_symmetric=True,
            reads=("fisher",),
            reference="Vu et al. 2020, arXiv 2005.00770 (of the whole encoder there)",
        ),
        Predictor(
            name="logme",
            definition="evidence of the target's labels given the source adapter's features",
            measure=_logme,
            needs_adapters="source",
            needs_labels=True,
            reads=("items",),
            reference="You et al. 2021, arXiv 2102.11005",
        ),
        Predictor(
            name="transrate",
            definition="coding rate of the source adapter's features that the target's labels account for",
            measure=_transrate,
            needs_adapters="source",
            needs_labels=True,
            reads=("items",),
            reference="Huang et al. 2022, arXiv 2106.09362",
        ),
        Predictor(
            name="cka",
            definition="linear CKA (debiased) between the two adapters' features of a shared text",
            measure=_cka,
            needs_adapters="both",
            is_symmetric=True,
            reads=("shared",),
            reference="Kornblith et al. 2019, arXiv 1905.00414",
        ),
        Predictor(
            name="language",
            definition="the source's training language with the target's languages, mean cosine of URIEL syntax features",
            measure=_language,
            reference="Littell et al. 2017 (EACL)",
        ),
        Predictor(
            name="vocabulary",
            definition="weighted Jaccard similarity of the tasks' token frequencies",
            measure=_vocabulary,
            is_symmetric=True,
        ),
        Predictor(
            name="size",
            definition="training rows of the source: those its adapter learnt from, without an adapter all",
            measure=_size,
            is_control=True,
            reference="Poth et al. 2021, arXiv 2104.08247",
        ),
        Predictor(
            name="mean-effect",
            definition="mean gain of the source over the sweep's other targets",
            measure=_mean_effect,
            is_control=True,
            needs_sweep=True,
        ),
    )
}
