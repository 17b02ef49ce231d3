"""Result of a suite and what it leaves: a table, JSON, CSV and a tracked run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.files import replace_text
from toolkit.recipes.score.suite_plan import Part, share
from toolkit.recipes.session.session import Session
from toolkit.report import Table, render
from toolkit.report.table import GENERATED_NOTE, Cell
from toolkit.results.result import Record, WrittenResult
from toolkit.results.score import Score, write_csv, write_json
from toolkit.safe_text import json_text
from toolkit.tasks.suites import Suite


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
class Average:
    """What the tasks of a suite come to.

    Attributes:
        value: the mean over the tasks that were scored.
        groups: averages of the groups of which every task was scored.
        tasks: what was scored, in the suite's order.
        partial: why this is not the benchmark's average, a sentence each; empty where it is.
    """

    value: float
    groups: dict[str, float]
    tasks: tuple[TaskMean, ...]
    partial: tuple[str, ...]


@dataclass(frozen=True)
class SuiteResult(WrittenResult):
    """Result of a suite; its folder holds `suite.json`, `suite.csv`, `scores.csv` and `scores.json`.

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


def suite_table(average: Average, suite: Suite, planned: Sequence[Part], *, title: str) -> Table:
    """Return the table of a suite: every task, the groups, and the average.

    Args:
        average: what the suite came to.
        suite: the benchmark.
        planned: its tasks, scored or not.
        title: of the table.
    """
    by_task = {each.part.entry.task: each for each in average.tasks}
    rows: list[tuple[Cell, ...]] = []
    for part in planned:
        scored = by_task.get(part.entry.task)
        measures = " ".join(f"{name} {100 * value:.1f}" for name, value in scored.measures.items()) if scored else ""
        languages = share(part) if scored else f"0 of {len(part.entry.languages)}"
        rows.append(
            (part.entry.task, part.composition or "-", languages, measures, 100 * scored.value if scored else None)
        )
    rows += [(f"[{name}]", "", "", "", 100 * value) for name, value in average.groups.items()]
    label = "average" if not average.partial else "PARTIAL average"
    rows.append((label, f"{len(average.tasks)} of {len(suite.entries)} tasks", "", "", 100 * average.value))
    notes = [f"Partial: {sentence}" for sentence in average.partial]
    notes += [GENERATED_NOTE] if suite.is_generated else []
    return Table(title, ("task", "composition", "languages", "measures", "mean"), tuple(rows), tuple(notes))


def write_suite(result: SuiteResult, suite: Suite, expression: str, folder: Path, *, backbone: str) -> None:
    """Write a suite's result into a folder as JSON and CSV."""
    held: dict[str, Any] = {
        "suite": suite.name,
        "expression": expression,
        "backbone": backbone,
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
    replace_text(folder / "suite.json", json_text(held, indent=1) + "\n")
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
    replace_text(folder / "suite.csv", render(Table("", columns, tuple(rows)), "csv"))
    write_csv(result.scores, folder / "scores.csv")
    write_json(result.scores, folder / "scores.json")


def log_suite(result: SuiteResult, suite: Suite, expression: str, folder: Path, session: Session) -> str | None:
    """Log a suite's result, with the files in a folder, as one run and return its id."""
    backbone = session.config.backbone.name
    with session.tracked(
        f"eval {expression} on the suite {suite.name}",
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
            run.log_artifact(folder / file)
        run.log_text(result.text, "suite.txt")
        return run.run_id or None
