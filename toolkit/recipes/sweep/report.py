"""Journey `report`: test a sweep's results and write them as tables, pictures and one HTML page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import DataError, ToolkitError
from toolkit.files import replace_text
from toolkit.metrics import MAIN
from toolkit.outputs import Output
from toolkit.progress import Say, say_nothing
from toolkit.recipes.score.outcomes import aligned, outcomes_of
from toolkit.report import Table, render
from toolkit.report.sweep.columns import label
from toolkit.report.sweep.extra import Aside
from toolkit.report.sweep.page import report_page
from toolkit.report.sweep.picture import difference_map
from toolkit.report.sweep.report import SweepReport, sweep_report
from toolkit.report.sweep.tables import (
    contrasts_csv,
    main_table,
    noise_table,
    order_table,
    page_table,
    report_csv,
    section_table,
)
from toolkit.report.sweep.verdicts import answers, verdicts
from toolkit.report.transfer_tables import against_table, validation_table
from toolkit.results.predictions import read_predictions
from toolkit.results.result import Record, WrittenResult, from_csv
from toolkit.safe_text import markdown_text
from toolkit.similarity.ranking import FILE, FOLDER, read_prediction
from toolkit.similarity.ranking import verdicts as prediction_verdicts
from toolkit.statistics.bootstrap import RESAMPLES, resample
from toolkit.statistics.draws import Resampled
from toolkit.statistics.outcomes import Outcomes
from toolkit.sweeps import CellResult, SweepResults, load_results
from toolkit.sweeps.transfers import observe
from toolkit.tasks import BUILT_IN, Catalogue, Task
from toolkit.tasks.kinds import KINDS, Kind

# Whether the classes of a kind have equal sizes in its test sets, so that the score of guessing is known.
CAN_BE_GUESSED: dict[Kind, bool] = {**dict.fromkeys(KINDS, False), "pair": True}


@dataclass(frozen=True)
class Reported(WrittenResult):
    """Report of a sweep; of the files in its folder `report.html` is the one to open.

    Attributes:
        found: every number.
    """

    found: SweepReport

    def records(self) -> list[Record]:
        """Return every number of the tables, as `report.csv` has them."""
        return from_csv(report_csv(self.found))


def report(
    sweep: Path,
    *,
    out: Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    say: Say = say_nothing,
    catalogue: Catalogue = BUILT_IN,
) -> Reported:
    """Write the report of a sweep, finished or not.

    Args:
        sweep: the sweep's folder.
        out: folder to write to; None: `report/` in the sweep's folder.
        resamples: number of test sets drawn for each difference.
        seed: of the draws.
        say: called with sentences for the reader.
        catalogue: of the tasks.

    Raises:
        ToolkitError: there is no sweep in the folder, or no cell of it is scored yet.
    """
    found = read_report(sweep, resamples=resamples, seed=seed, say=say, catalogue=catalogue)
    folder = out or Path(sweep) / "report"
    predicted = predicted_aside(Path(sweep), catalogue)
    with Output(folder) as output:
        _write(found, output.stage, [predicted] if predicted else [])
        output.commit()
    said = answers(found)
    lines = [found.question, *(f"  {line}" for line in said), ""] if said else []
    lines += [render(main_table(found), "text"), *verdicts(found)]
    lines += [f"{predicted.heading}: {predicted.lines[0]}"] if predicted else []
    text = "\n".join([*lines, ""])
    return Reported(found=found, text=text, folder=folder, output=output)


def read_report(
    sweep: Path,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    say: Say = say_nothing,
    catalogue: Catalogue = BUILT_IN,
) -> SweepReport:
    """Return the report of a sweep as values, and write nothing; arguments and errors as for `report`."""
    results = load_results(sweep)
    if not any(cell.state == "done" for cell in results.cells):
        raise ToolkitError(
            f"Nothing of the sweep in {sweep} is scored yet; run `xstilts sweep` on, or look at `xstilts status {sweep}`."
        )
    tasks = {task: catalogue.get(task) for task in results.sweep.targets}
    main = {name: MAIN[task.metric] for name, task in tasks.items()}
    pivots = {name: task.train_language for name, task in tasks.items()}
    drawn: dict[tuple[str, str], Resampled] = {}
    for name, task in tasks.items():
        drawn |= _drawn(results, task, main[name], resamples, seed, say)
    guesses = {name: 1 / len(task.labels) for name, task in tasks.items() if CAN_BE_GUESSED[task.kind] and task.labels}
    return sweep_report(results, drawn, main, pivots, guesses)


def predicted_aside(sweep: Path, catalogue: Catalogue) -> Aside | None:
    """Return the result of `xstilts rank --sweep` as a section of the sweep's report; None if there is none.

    Raises:
        DataError: the prediction's file is damaged.
    """
    folder = sweep / FOLDER
    found = read_prediction(folder / FILE)
    if found is None or found.validation is None:
        return None
    lines = prediction_verdicts(found)
    try:
        is_old = observe(sweep, catalogue, variant=found.variant or None).fingerprint != found.fingerprint
    except ToolkitError:  # the sweep was continued and is not finished
        is_old = True
    if is_old:
        again = f"`xstilts rank --sweep {sweep}` compares it with the results of now."
        lines.insert(0, f"Old: the sweep has changed since; {again}")
    try:
        picture = (folder / "prediction.svg").read_text(encoding="utf-8")
    except OSError:
        picture = ""
    return Aside("Predicted against observed", tuple(lines), (validation_table(found), against_table(found)), picture)


def _drawn(
    results: SweepResults, task: Task, metric: str, resamples: int, seed: int, say: Say
) -> dict[tuple[str, str], Resampled]:
    """Return (target, variant) -> its resampled scores.

    Variants that were scored on the same rows are drawn together, so that the change under noise is a paired difference. A
    variant with other rows is drawn apart. Draws are seeded by the target's name and its rows, and not by its place.
    """
    found_by = {variant: _systems(results, task, variant, metric) for variant in results.sweep.variants}
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


def _write(found: SweepReport, folder: Path, asides: Sequence[Aside]) -> None:
    tables = _tables(found)
    pages: Mapping[str, Table] = {task: page_table(found, task) for task in found.targets}
    lines = [*answers(found), *verdicts(found)]
    markdown = [
        f"# {markdown_text(found.title or found.name)}",
        *([f"_{markdown_text(found.question)}_"] if found.question else []),
        *(["\n".join(f"- {markdown_text(line)}" for line in lines)] if lines else []),
        *(["\n".join(f"- {markdown_text(line)}" for line in found.lacks)] if found.lacks else []),
        *(render(table, "markdown").rstrip() for table in tables),
        *(_markdown(aside) for aside in asides),
        *(f"## {markdown_text(task)}\n\n{render(page, 'markdown').rstrip()}" for task, page in pages.items()),
    ]
    latex = [
        render(table, "latex")
        for table in (*tables, *(one for aside in asides for one in aside.tables), *pages.values())
    ]
    replace_text(folder / "report.md", "\n\n".join(markdown) + "\n")
    replace_text(folder / "report.tex", "\n".join(latex))
    replace_text(folder / "report.csv", report_csv(found))
    replace_text(folder / "contrasts.csv", contrasts_csv(found))
    replace_text(folder / "report.html", report_page(found, asides))
    for task, page in pages.items():
        replace_text(folder / "targets" / f"{task}.md", render(page, "markdown"))
        replace_text(folder / "targets" / f"{task}.csv", render(page, "csv"))
    for name in ("report.png", "report.svg"):
        difference_map(found, folder / name)


def _markdown(aside: Aside) -> str:
    lines = "\n".join(f"- {markdown_text(line)}" for line in aside.lines)
    return "\n\n".join(
        [f"## {markdown_text(aside.heading)}", lines, *(render(table, "markdown").rstrip() for table in aside.tables)]
    )


def _tables(found: SweepReport) -> list[Table]:
    """Return the tables over all targets."""
    tables = [main_table(found)]
    tables += [noise_table(found)] if found.noise else []
    tables += [order_table(found)] if found.orders else []
    return tables + [section_table(section) for section in found.sections if section.contrasts]
