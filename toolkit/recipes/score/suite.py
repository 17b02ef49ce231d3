"""Score one way of training on every task of a benchmark, and average as the benchmark does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.composition import parse
from toolkit.errors import ToolkitError
from toolkit.outputs import Output
from toolkit.ranks import LostProcessError
from toolkit.recipes.score.evaluate import evaluate
from toolkit.recipes.score.publish import Scored
from toolkit.recipes.score.retrieve import retrieve
from toolkit.recipes.score.suite_plan import Part, filled, plan_suite
from toolkit.recipes.score.suite_write import Average, SuiteResult, TaskMean, log_suite, suite_table, write_suite
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.together import together
from toolkit.report import render
from toolkit.results.score import Score
from toolkit.results.summary import mean
from toolkit.tasks.kinds import RETRIEVED
from toolkit.tasks.suites import Suite, get_suite


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
    return together(session, lambda own: _evaluated(expression, own, suite, instead))


def _evaluated(expression: str, session: Session, suite: str, instead: Mapping[str, str] | None) -> SuiteResult:
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
            except LostProcessError:
                raise
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
    average = _average(chosen, found, (*missing, *_shortfalls(found, scores, session)))
    title = f"{chosen.name}, {expression}, in %, {config.backbone.name}"
    result = SuiteResult(
        average=average.value,
        partial=average.partial,
        tasks=average.tasks,
        groups=average.groups,
        scores=tuple(scores),
        text=render(suite_table(average, chosen, planned, title=title), "text"),
        folder=Path(config.run_dir) / "suite" / parse(filled(expression)).slug / suite,
    )
    with Output(result.folder) as output:
        write_suite(result, chosen, expression, output.stage, backbone=config.backbone.name)
        output.commit()
    return replace(result, output=output, run_id=log_suite(result, chosen, expression, output.stage, session))


def _average(suite: Suite, found: Sequence[TaskMean], partial: tuple[str, ...]) -> Average:
    values = {each.part.entry.task: each.value for each in found}
    groups = {
        name: mean(values[task] for task in tasks) or 0.0
        for name, tasks in suite.groups.items()
        if all(task in values for task in tasks)
    }
    return Average(mean(values.values()) or 0.0, groups, tuple(found), partial)


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
    journey = retrieve if session.catalogue.get(task).kind in RETRIEVED else evaluate
    return journey(part.composition, session, task=task, languages=languages)


def _shortfalls(found: Sequence[TaskMean], scores: Sequence[Score], session: Session) -> list[str]:
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
    config = session.config
    are_retrieved = {session.catalogue.get(each.part.entry.task).kind in RETRIEVED for each in found}
    for section, limit in (("eval", config.eval.limit), ("retrieve", config.retrieve.limit)):
        if limit and (section == "retrieve") in are_retrieved:
            sentences.append(f"{section}.limit={limit}: at most so many rows a language.")
    return sentences
