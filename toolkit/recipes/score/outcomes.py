"""Outcomes of answers: the numerators and denominators by row that the paired bootstrap draws from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.errors import DataError, ToolkitError
from toolkit.metrics import MAIN
from toolkit.results.predictions import Prediction
from toolkit.statistics.outcomes import Outcomes
from toolkit.tasks import Task
from toolkit.tasks.kinds import KINDS, Kind

# Whether answers are lists of pairs, of which each composition has others; else they are rows, the same for all compositions.
HAS_PAIRS: dict[Kind, bool] = {
    "pair": False,
    "choice": False,
    "span": False,
    "tags": False,
    "bitext": False,
    "mining": True,
    "retrieval": False,
    "text": False,
}
# Whether measures are sums of counts over the corpus; else they are means over rows.
COUNTED: dict[Kind, bool] = {**dict.fromkeys(KINDS, False), "tags": True, "mining": True, "text": True}
# A corpus-level measure of tags, of mined pairs or of masked pieces, from a sentence's counts: numerator and denominator.
_OF_COUNTS = {
    "f1": ({"tp": 2.0}, {"tp": 2.0, "fp": 1.0, "fn": 1.0}),
    "precision": ({"tp": 1.0}, {"tp": 1.0, "fp": 1.0}),
    "recall": ({"tp": 1.0}, {"tp": 1.0, "fn": 1.0}),
    "accuracy": ({"right": 1.0}, {"words": 1.0}),
    "masked_accuracy": ({"right": 1.0}, {"pieces": 1.0}),
}


def outcomes_of(runs: Sequence[Sequence[Prediction]], task: Task, metric: str) -> Outcomes:
    """Return the numerators and denominators whose sums make a measure.

    Args:
        runs: the answers to one language's rows, of each seed.
        task: what was answered.
        metric: one of the task's measures.

    Raises:
        DataError: the seeds were not scored on the same rows.
        ToolkitError: the measure is not made of sums over rows.
    """
    if HAS_PAIRS[task.kind]:
        return _of_pairs(runs, task, metric)
    ids = tuple(each.id for each in runs[0])
    for run in runs[1:]:
        if tuple(each.id for each in run) != ids:
            raise DataError(f"The seeds were scored on different rows of {task.name}; score each on the same rows.")
    fractions = [[_fraction(each, task, metric) for each in run] for run in runs]
    both = np.array(fractions, dtype=np.float64)  # [R, N, 2]
    return Outcomes(ids, both[:, :, 0], both[:, :, 1])


def _of_pairs(runs: Sequence[Sequence[Prediction]], task: Task, metric: str) -> Outcomes:
    """Return the outcomes of the source sentences for which any seed has a pair, mined or right."""
    by_seed = [{each.id: _fraction(each, task, metric) for each in run} for run in runs]
    ids = tuple(sorted({id for some in by_seed for id in some}))
    both = np.array([[some.get(id, (0.0, 0.0)) for id in ids] for some in by_seed], dtype=np.float64)  # [R, N, 2]
    return Outcomes(ids, both[:, :, 0], both[:, :, 1])


def aligned(systems: Mapping[str, Mapping[str, Outcomes]], task: Task) -> dict[str, dict[str, Outcomes]]:
    """Return the outcomes of several compositions on the same rows.

    Each composition has outcomes for the source sentences that it mined a pair for; a sentence that only another one has a
    pair for counts 0 of 0. Other tasks' outcomes are returned as they are.
    """
    if not HAS_PAIRS[task.kind]:
        return {name: dict(some) for name, some in systems.items()}
    found: dict[str, dict[str, Outcomes]] = {name: {} for name in systems}
    for code in dict.fromkeys(code for some in systems.values() for code in some):
        there = {name: some[code] for name, some in systems.items() if code in some}
        ids = tuple(sorted({id for outcomes in there.values() for id in outcomes.ids}))
        place = {id: number for number, id in enumerate(ids)}
        for name, outcomes in there.items():
            at = [place[id] for id in outcomes.ids]
            wide = []
            for values in (outcomes.numerators, outcomes.denominators):
                wide.append(np.zeros((len(values), len(ids))))
                wide[-1][:, at] = values
            found[name][code] = Outcomes(ids, *wide)
    return found


def _fraction(each: Prediction, task: Task, metric: str) -> tuple[float, float]:
    if COUNTED[task.kind] and metric in _OF_COUNTS:
        try:
            above, below = (
                sum(factor * each.counts[name] for name, factor in some.items()) for some in _OF_COUNTS[metric]
            )
        except KeyError as missing:
            raise ToolkitError(
                f"The predictions of {task.name} hold no {missing} of which {metric} is made; evaluate again."
            ) from None
        return above, below
    if task.metric == "accuracy-f1" and metric == "f1":
        positive = task.labels[1]
        return 2.0 * (each.gold == each.prediction == positive), 1.0 * (each.gold == positive) + (
            each.prediction == positive
        )
    if metric in each.counts:
        return each.counts[metric], 1.0
    if metric in (MAIN[task.metric], "accuracy"):
        return each.outcome, 1.0
    raise ToolkitError(
        f"{task.name}'s {metric} is not a sum over rows, so rows cannot be resampled for it; name another."
    )
