"""Score one way of training on every task of a benchmark, and average as the benchmark does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.files import replace_text
from toolkit.recipes.score.evaluate import evaluate
from toolkit.recipes.score.publish import Scored
from toolkit.recipes.score.retrieve import retrieve
from toolkit.recipes.score.suite_plan import Part, filled, plan_suite, share
from toolkit.recipes.session.session import Session
from toolkit.report import Table, render
from toolkit.report.table import GENERATED_NOTE, Cell
from toolkit.results.result import Record, WrittenResult
from toolkit.results.score import Score, write_csv, write_json
from toolkit.results.summary import mean
from toolkit.tasks import TASKS
from toolkit.tasks.kinds import RETRIEVED
from toolkit.tasks.suites import Suite, get_suite


@dataclass(frozen=True)
class TaskMean:
    """A task's scores, averaged.

    Attributes:
        measures: the mean over the languages, by measure.
        value: the mean of those: what counts.
        by_language: measure -> language -> value.
    """

    part: Part
    measures: dict[str, float]
    value: float
    by_language: dict[str, dict[str, float]]


@dataclass(frozen=True)
class SuiteResult(WrittenResult):
    """Scored of a suite; its folder holds `suite.json`, `suite.csv`, `scores.csv` and `scores.json`.

    Attributes:
        average: the mean over the tasks that were scored.
        partial: why this is not the benchmark's average, a sentence each; empty where it is.
        tasks: what was scored, in the suite's order.
        groups: averages of the groups of which every task was scored.
        scores: every single score.
        run_id: the tracker's run, None without one.
    """

    average: float
    partial: tuple[str, ...]
    tasks: tuple[TaskMean, ...]
    groups: dict[str, float]
    scores: tuple[Score, ...]
    run_id: str | None = None

    def records(self) -> list[Record]:
        """Return one row for each task, measure and language."""
        return [
            {
                "task": each.part.entry.task,
                "composition": each.part.composition,
                "measure": measure,
                "language": language,
                "value": value,
            }
            for each in self.tasks
            for measure, by_language in each.by_language.items()
            for language, value in by_language.items()
        ]


def evaluate_suite(
    expression: str,
    session: Session,
    *,
    suite: str,
    instead: Mapping[str, str] | None = None,
) -> SuiteResult:
    """Score every task of a suite that can be scored; name the others, and say that the average is partial.

    Args:
        expression, suite, instead: see `plan_suite`.

    Raises:
        ToolkitError: as `plan_suite`, or no task can be scored.
    """
    config = session.config
    chosen = get_suite(suite)
    planned = plan_suite(expression, session, suite=suite, instead=instead)
    found: list[TaskMean] = []
    scores: list[Score] = []
    missing: list[str] = []
    for part in planned:
        if not part.lacks:
            try:
                scored = _scored(part, session).scores
            except ToolkitError as fault:
                part = replace(part, lacks=str(fault))  # one task's data must not cost the others' scores
            else:
                found.append(task_mean(part, scored))
                scores += scored
        if part.lacks:
            missing.append(f"{part.entry.task}: {part.lacks}")
            session.say(missing[-1])
    if not found:
        raise ToolkitError(f"No task of the suite '{suite}' can be scored. {' '.join(missing)}")
    partial = (*missing, *_shortfalls(found, scores, config))
    values = {each.part.entry.task: each.value for each in found}
    groups = {
        name: mean(values[task] for task in tasks) or 0.0
        for name, tasks in chosen.groups.items()
        if all(task in values for task in tasks)
    }
    average = mean(values.values()) or 0.0
    text = render(_table(chosen, expression, config, planned, found, average, groups, partial), "text")
    folder = Path(config.run_dir) / "suite" / parse(filled(expression)).slug / suite
    result = SuiteResult(
        average=average,
        partial=partial,
        tasks=tuple(found),
        groups=groups,
        scores=tuple(scores),
        text=text,
        folder=folder,
    )
    _write(result, chosen, expression, config)
    return replace(result, run_id=_log(result, chosen, expression, session))


def task_mean(part: Part, scores: Sequence[Score]) -> TaskMean:
    """Average one task: each measure over the languages, then over the measures.

    Raises:
        ToolkitError: a measure of the benchmark was not scored.
    """
    by_language: dict[str, dict[str, float]] = {}
    for measure in part.entry.measures:
        values = {s.language: s.value for s in scores if s.metric == measure and s.language in part.languages}
        if not values:
            known = ", ".join(dict.fromkeys(score.metric for score in scores))
            raise ToolkitError(
                f"{part.entry.task} was scored in {known}; the benchmark averages {measure}: change the protocol."
            )
        by_language[measure] = values
    measures = {measure: mean(values.values()) or 0.0 for measure, values in by_language.items()}
    return TaskMean(part, measures, mean(measures.values()) or 0.0, by_language)


def _scored(part: Part, session: Session) -> Scored:
    task, languages = part.entry.task, list(part.languages)
    session.say(f"{task}: {part.composition}")
    journey = retrieve if TASKS[task].kind in RETRIEVED else evaluate
    return journey(part.composition, session, task=task, languages=languages)


def _shortfalls(found: Sequence[TaskMean], scores: Sequence[Score], config: Config) -> list[str]:
    """Return what of the tasks that were scored is not as the benchmark has it."""
    sentences = []
    for each in found:
        entry = each.part.entry
        scored = {code for values in each.by_language.values() for code in values}
        if lacking := [code for code in entry.languages if code not in scored]:
            sentences.append(f"{entry.task}: {', '.join(lacking)} of {len(entry.languages)} languages lack data.")
        other: dict[str, list[str]] = {}
        for score in scores:
            if score.task == entry.task and score.split != entry.split:
                languages = other.setdefault(score.split, [])
                languages += [score.language] if score.language not in languages else []
        sentences += [
            f"{entry.task}: scored on '{split}' ({', '.join(languages)}), the benchmark on '{entry.split}'."
            for split, languages in other.items()
        ]
    for section, limit in (("eval", config.eval.limit), ("retrieve", config.retrieve.limit)):
        if limit and any((TASKS[each.part.entry.task].kind in RETRIEVED) == (section == "retrieve") for each in found):
            sentences.append(f"{section}.limit={limit}: at most so many rows a language.")
    return sentences


def _table(
    suite: Suite,
    expression: str,
    config: Config,
    planned: Sequence[Part],
    found: Sequence[TaskMean],
    average: float,
    groups: Mapping[str, float],
    partial: Sequence[str],
) -> Table:
    by_task = {each.part.entry.task: each for each in found}
    rows: list[tuple[Cell, ...]] = []
    for part in planned:
        scored = by_task.get(part.entry.task)
        measures = " ".join(f"{name} {100 * value:.1f}" for name, value in scored.measures.items()) if scored else ""
        languages = share(part) if scored else f"0 of {len(part.entry.languages)}"
        rows.append(
            (part.entry.task, part.composition or "-", languages, measures, 100 * scored.value if scored else None)
        )
    rows += [(f"[{name}]", "", "", "", 100 * value) for name, value in groups.items()]
    label = "average" if not partial else "PARTIAL average"
    rows.append((label, f"{len(found)} of {len(suite.entries)} tasks", "", "", 100 * average))
    notes = [f"Partial: {sentence}" for sentence in partial]
    notes += [GENERATED_NOTE] if suite.is_generated else []
    title = f"{suite.name}, {expression}, in %, {config.backbone.name}"
    return Table(title, ("task", "composition", "languages", "measures", "mean"), tuple(rows), tuple(notes))


def _write(result: SuiteResult, suite: Suite, expression: str, config: Config) -> None:
    held: dict[str, Any] = {
        "suite": suite.name,
        "expression": expression,
        "backbone": config.backbone.name,
        "is_generated": suite.is_generated,
        "is_partial": bool(result.partial),
        "average": result.average,
        "partial_because": list(result.partial),
        "groups": result.groups,
        "tasks": {
            each.part.entry.task: {
                "composition": each.part.composition,
                "mean": each.value,
                "measures": each.measures,
                "languages": each.by_language,
            }
            for each in result.tasks
        },
    }
    replace_text(result.folder / "suite.json", json.dumps(held, ensure_ascii=False, indent=1) + "\n")
    rows: list[tuple[Cell, ...]] = [
        (suite.name, each.part.entry.task, each.part.composition, name, code, 100 * value)
        for each in result.tasks
        for name, by_language in [*each.by_language.items(), ("mean", {"mean": each.value})]
        for code, value in by_language.items()
    ]
    label = "partial average" if result.partial else "average"
    rows += [(suite.name, name, expression, "mean", "mean", 100 * value) for name, value in result.groups.items()]
    rows.append((suite.name, label, expression, "mean", "mean", 100 * result.average))
    columns = ("suite", "task", "composition", "measure", "language", "percent")
    replace_text(result.folder / "suite.csv", render(Table("", columns, tuple(rows)), "csv"))
    write_csv(result.scores, result.folder / "scores.csv")
    write_json(result.scores, result.folder / "scores.json")


def _log(result: SuiteResult, suite: Suite, expression: str, session: Session) -> str | None:
    backbone = session.config.backbone.name
    with session.tracked(
        f"{suite.name} {expression}",
        experiment=suite.name,
        tags={
            "journey": "suite",
            "backbone": backbone,
            "composition": expression,
            "is_partial": bool(result.partial),
        },
        params={"composition": expression, "backbone": backbone, "suite": suite.name},
    ) as run:
        # A partial average has a name of its own: a chart of runs must not show it with whole ones.
        average = "partial_average" if result.partial else "average"
        run.log_metrics(
            {
                f"{suite.name}/{average}": result.average,
                **{f"{suite.name}/{each.part.entry.task}/mean": each.value for each in result.tasks},
                **{f"{suite.name}/group/{name}": value for name, value in result.groups.items()},
            }
        )
        for file in ("suite.json", "suite.csv", "scores.csv", "scores.json"):
            run.log_artifact(result.folder / file)
        run.log_text(result.text, "suite.txt")
        return run.run_id or None
