"""Outcomes of a sweep by row, and its scores on resampled test sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from toolkit.errors import DataError
from toolkit.progress import Say
from toolkit.recipes.score.outcomes import aligned, outcomes_of
from toolkit.recipes.sweep.publish import Systems
from toolkit.report.sweep.columns import label
from toolkit.results.predictions import read_predictions
from toolkit.statistics.bootstrap import resample
from toolkit.statistics.draws import Resampled
from toolkit.statistics.outcomes import Outcomes
from toolkit.sweeps import CellResult, SweepResults
from toolkit.tasks import Task


def drawn_of(
    results: SweepResults,
    task: Task,
    metric: str,
    resamples: int,
    seed: int,
    say: Say,
    held: Mapping[str, Systems] | None = None,
) -> dict[tuple[str, str], Resampled]:
    """Return (target, variant) -> its resampled scores.

    Variants that were scored on the same rows are drawn together, so that the change under noise is a paired difference. A
    variant with other rows is drawn apart. Draws are seeded by the target's name and its rows, and not by its place.

    Args:
        held: what each answer was worth, of published results (`published_outcomes`); None: read from the predictions.
    """
    found_by = {
        variant: _systems(results, task, variant, metric) if held is None else _held(results, held, task, variant)
        for variant in results.sweep.variants
    }
    every = aligned({name: each for some in found_by.values() for name, each in some.items()}, task)
    systems = {variant: {name: every[name] for name in some} for variant, some in found_by.items() if some}
    _leave_out_others(systems, results, task, say)
    groups: list[list[str]] = []
    for variant, some in systems.items():
        ids = _ids(next(iter(some.values())))
        same = next((group for group in groups if _ids(next(iter(systems[group[0]].values()))) == ids), None)
        if same is None:
            groups.append([variant])
        else:
            same.append(variant)
    found: dict[tuple[str, str], Resampled] = {}
    for group in groups:
        together = {name: outcomes for variant in group for name, outcomes in systems[variant].items()}
        if len(together) > 1:
            drawn = resample(
                together,
                is_parallel=task.parallel,
                n_resamples=resamples,
                seed=(seed, task.name, _digest(next(iter(together.values())))),
                trained=_trained(results, task.name),
            )
            found |= {(task.name, variant): drawn for variant in group}
    return found


def systems_of(results: SweepResults, task: Task, metric: str) -> dict[str, dict[str, Outcomes]]:
    """Return the outcomes of every row of a target, by its label with its point on the axis `settings`."""
    some = [_systems(results, task, variant, metric) for variant in results.sweep.variants]
    return {name: outcomes for by_row in some for name, outcomes in by_row.items()}


def _held(
    results: SweepResults, held: Mapping[str, Systems], task: Task, variant: str
) -> dict[str, dict[str, Outcomes]]:
    """Return the published outcomes of a column, in the order of the table."""
    names = [label(row, variant) for row in results.sweep.rows]
    own = held.get(task.name, {})
    return {name: dict(own[name]) for name in names if name in own}


def _systems(results: SweepResults, task: Task, variant: str, metric: str) -> dict[str, dict[str, Outcomes]]:
    """Return the outcomes of every row of a column, by its label."""
    systems: dict[str, dict[str, Outcomes]] = {}
    here = [one for one in results.cells if (one.cell.task, one.cell.variant) == (task.name, variant)]
    for row in dict.fromkeys(one.cell.row for one in here):
        cells = [one for one in results.at(row, task.name, variant=variant) if one.state == "done"]
        cells.sort(key=lambda one: one.cell.seed)
        # The measure of some protocols is not a sum over rows.
        if not cells or not any(score.metric == metric for score in cells[0].scores):
            continue
        if all(_has_answers(one, metric) for one in cells):
            systems[label(row, variant)] = _outcomes(cells, task, metric)
    return systems


def _has_answers(one: CellResult, metric: str) -> bool:
    place = one.predictions
    codes = {score.language for score in one.scores if score.metric == metric}
    return place is not None and all((place / f"{one.cell.task}.{code}.jsonl").exists() for code in codes)


def _leave_out_others(
    systems: Mapping[str, dict[str, dict[str, Outcomes]]], results: SweepResults, task: Task, say: Say
) -> None:
    """Leave out the rows of each column that were not scored on its baseline's test rows, and say so."""
    bases = {label(one.cell.row, one.cell.variant) for one in results.cells if one.cell.is_baseline}
    for some in systems.values():
        base = next((name for name in some if name in bases), next(iter(some)))
        for name in [name for name in some if _ids(some[name]) != _ids(some[base])]:
            say(
                f"'{name}' was not scored on the rows of '{base}' on {task.name}, so their difference cannot be tested."
            )
            del some[name]


def _trained(results: SweepResults, task: str) -> dict[str, str]:
    """Return label -> a name of its training, the first label that has it: one row under several noises is trained once."""
    found: dict[str, list[str]] = {}
    for one in sorted(results.cells, key=lambda one: one.cell.seed):
        if one.cell.task == task:
            found.setdefault(label(one.cell.row, one.cell.variant), []).append(f"{one.cell.composition} {one.stages}")
    first = {" ".join(found[name]): name for name in sorted(found, reverse=True)}
    return {name: first[" ".join(some)] for name, some in found.items()}


def _ids(outcomes: Mapping[str, Outcomes]) -> dict[str, tuple[str, ...]]:
    return {code: some.ids for code, some in outcomes.items()}


def _digest(outcomes: Mapping[str, Outcomes]) -> str:
    """Return a name of test rows that does not depend on their order."""
    text = json.dumps({code: sorted(some.ids) for code, some in outcomes.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _outcomes(cells: list[CellResult], task: Task, metric: str) -> dict[str, Outcomes]:
    languages = list(dict.fromkeys(score.language for score in cells[0].scores if score.metric == metric))
    found = {}
    for code in languages:
        runs = []
        for cell in cells:
            assert cell.predictions is not None
            runs.append(read_predictions(cell.predictions / f"{task.name}.{code}.jsonl"))
        found[code] = outcomes_of(runs, task, metric)
        expected = [s.value for cell in cells for s in cell.scores if s.language == code and s.metric == metric]
        if abs(found[code].value - sum(expected) / len(expected)) > 1e-6:
            raise DataError(
                f"The predictions of '{cells[0].cell.row}' on {task.name} in {code} do not give the {metric} recorded "
                f"with them ({cells[0].predictions}); remove the cell's record and run the sweep again."
            )
    return found
