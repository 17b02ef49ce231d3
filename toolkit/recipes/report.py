"""A sweep's report: what its folder holds, tested and written in every form that a paper or a browser takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import DataError, ToolkitError
from toolkit.metrics import MAIN
from toolkit.predictions import read_predictions
from toolkit.recipes.common import Say, say_nothing
from toolkit.recipes.observed import observe
from toolkit.recipes.outcomes import outcomes_of
from toolkit.recipes.prediction import FILE, FOLDER, read_prediction
from toolkit.recipes.prediction import verdicts as prediction_verdicts
from toolkit.recipes.prediction_tables import against_table, validation_table
from toolkit.report import render
from toolkit.report.compare import Comparison, comparison
from toolkit.report.differences import difference_map
from toolkit.report.page import Section, report_page
from toolkit.report.sweep import (
    SweepReport,
    label,
    main_table,
    order_table,
    page_table,
    report_csv,
    sweep_report,
    verdicts,
)
from toolkit.score import replace_text
from toolkit.significance import RESAMPLES, Outcomes, resample
from toolkit.sweeps import CellResult, SweepResults, load_results
from toolkit.tasks import Task, get_task


@dataclass(frozen=True)
class Reported:
    """A report and where it was written.

    Attributes:
        found: every number.
        text: the table and what it says, for a terminal.
        folder: where the files lie; `report.html` is the one to open.
    """

    found: SweepReport
    text: str
    folder: Path


def report(
    sweep: Path,
    *,
    out: Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    say: Say = say_nothing,
) -> Reported:
    """Write the report of a sweep, finished or not.

    Args:
        sweep: the sweep's folder.
        out: where to; None: `report/` in it.
        resamples: how many test sets are drawn for each difference.
        seed: of the draws.
        say: called with sentences for the reader.

    Raises:
        ToolkitError: there is no sweep in the folder, or nothing of it is scored yet.
    """
    results = load_results(sweep)
    if not any(cell.state == "done" for cell in results.cells):
        raise ToolkitError(
            f"Nothing of the sweep in {sweep} is scored yet; run `xstilts sweep` on, or look at `xstilts status {sweep}`."
        )
    main = {task: MAIN[get_task(task).metric] for task in results.sweep.targets}
    comparisons = {
        (task, variant): tested
        for task in results.sweep.targets
        for variant in results.sweep.variants
        if (tested := _comparison(results, task, variant, main[task], resamples, seed, say)) is not None
    }
    found = sweep_report(results, comparisons, main)
    folder = out or Path(sweep) / "report"
    predicted = predicted_section(Path(sweep))
    _write(found, folder, [predicted] if predicted else [])
    lines = [render(main_table(found), "text"), *verdicts(found)]
    if predicted is not None:
        lines.append(f"{predicted.heading}: {predicted.lines[0]}")
    text = "\n".join([*lines, ""])
    return Reported(found, text, folder)


def predicted_section(sweep: Path) -> Section | None:
    """Return what `xstilts predict --sweep` found of a sweep as a section of its report; None where it was not asked.

    Raises:
        DataError: the prediction's file is damaged.
    """
    folder = sweep / FOLDER
    found = read_prediction(folder / FILE)
    if found is None or found.validation is None:
        return None
    lines = prediction_verdicts(found)
    try:
        is_old = observe(sweep, variant=found.variant or None).fingerprint != found.fingerprint
    except ToolkitError:  # the sweep was taken further and is not finished
        is_old = True
    if is_old:
        lines.insert(
            0,
            f"Old: the sweep has changed since; `xstilts predict --sweep {sweep}` holds it against what is there now.",
        )
    try:
        picture = (folder / "prediction.svg").read_text(encoding="utf-8")
    except OSError:
        picture = ""
    return Section("Predicted against observed", tuple(lines), (validation_table(found), against_table(found)), picture)


def _comparison(
    results: SweepResults, task: str, variant: str, metric: str, resamples: int, seed: int, say: Say
) -> Comparison | None:
    """Return the paired test of a column against its baseline; None where that or its predictions are not there."""
    target = get_task(task)
    if target.kind in ("mining", "retrieval"):
        return None  # the pairs mined are no rows that could be drawn again
    rows = dict.fromkeys(c.cell.row for c in results.cells if (c.cell.task, c.cell.variant) == (task, variant))
    systems: dict[str, dict[str, Outcomes]] = {}
    baseline = ""
    counts: dict[str, int] = {}
    is_generated = False
    for row in rows:
        cells = [cell for cell in results.at(row, task, variant=variant) if cell.state == "done" and cell.predictions]
        if not cells:
            continue
        if not any(score.metric == metric for score in cells[0].scores):
            continue  # a retrieval protocol with a measure of its own, which is no sum over rows
        name = label(row, variant)
        systems[name] = _outcomes(cells, target, metric)
        if cells[0].cell.is_baseline:
            baseline = name
            scores = [score for score in cells[0].scores if score.metric == metric]
            counts = {score.language: score.n for score in scores}
            is_generated = any(score.is_generated for score in scores)
    if not baseline:
        return None
    expected = {code: outcomes.ids for code, outcomes in systems[baseline].items()}
    same = {
        name: some
        for name, some in systems.items()
        if {code: outcomes.ids for code, outcomes in some.items()} == expected
    }
    for name in systems.keys() - same.keys():
        say(
            f"'{name}' was not scored on the rows of '{baseline}' on {task}, so that their difference cannot be tested."
        )
    if len(same) < 2:
        return None
    drawn = resample(same, is_parallel=target.parallel, n_resamples=resamples, seed=seed)
    return comparison(
        drawn,
        baseline=baseline,
        title=task,
        n=counts,
        is_generated=is_generated,
        is_parallel=target.parallel,
        pivot_language=target.train_language,
    )


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
                f"The predictions of '{cells[0].cell.row}' on {task.name} in {code} do not come to the {metric} recorded "
                f"beside them ({cells[0].predictions}); remove the cell's record and run the sweep again."
            )
    return found


def _write(found: SweepReport, folder: Path, sections: Sequence[Section]) -> None:
    table = main_table(found)
    pages: Mapping[str, str] = {task: render(page_table(found, task), "markdown") for task in found.targets}
    markdown = [
        render(table, "markdown"),
        *(f"- {line}" for line in verdicts(found)),
        "",
        *(f"- {line}" for line in found.lacks),
        "",
    ]
    if found.orders:
        markdown.append(render(order_table(found), "markdown"))
    for section in sections:
        markdown += [f"## {section.heading}\n", *(f"- {line}" for line in section.lines), ""]
        markdown += [render(each, "markdown") for each in section.tables]
    markdown += [f"## {task}\n\n{page}" for task, page in pages.items()]
    latex = [render(table, "latex"), *([render(order_table(found), "latex")] if found.orders else [])]
    latex += [render(each, "latex") for section in sections for each in section.tables]
    latex += [render(page_table(found, task), "latex") for task in found.targets]
    replace_text(folder / "report.md", "\n".join(markdown))
    replace_text(folder / "report.tex", "\n".join(latex))
    replace_text(folder / "report.csv", report_csv(found))
    replace_text(folder / "report.html", report_page(found, sections))
    for task, page in pages.items():
        replace_text(folder / "targets" / f"{task}.md", page)
        replace_text(folder / "targets" / f"{task}.csv", render(page_table(found, task), "csv"))
    for name in ("report.png", "report.svg"):
        difference_map(found, folder / name)
