"""Journey `report`: test a sweep's results and write them as tables, pictures and one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.files import replace_text
from toolkit.metrics import MAIN
from toolkit.outputs import Output
from toolkit.progress import Say, say_nothing
from toolkit.recipes.sweep.drawn import drawn_of, systems_of
from toolkit.recipes.sweep.publish import publish, published_outcomes
from toolkit.report import Table, render
from toolkit.report.sweep.expected import counted, plan_aside
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
from toolkit.results.result import Record, WrittenResult, from_csv
from toolkit.safe_text import markdown_text
from toolkit.similarity.ranking import FILE, FOLDER, read_prediction
from toolkit.similarity.ranking import verdicts as prediction_verdicts
from toolkit.statistics.bootstrap import RESAMPLES
from toolkit.statistics.draws import Resampled
from toolkit.sweeps import SweepResults, load_results
from toolkit.sweeps.published import read_published
from toolkit.sweeps.transfers import observe
from toolkit.tasks import BUILT_IN, Catalogue
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
    resamples: int | None = None,
    seed: int = 0,
    say: Say = say_nothing,
    catalogue: Catalogue = BUILT_IN,
) -> Reported:
    """Write the report of a sweep, finished or not, or of published results.

    Args:
        sweep: the sweep's folder.
        out: folder to write to; None: `report/` in the sweep's folder, of published results their own folder.
        resamples: number of test sets drawn for each difference; None: `RESAMPLES`, of published results theirs.
        seed: of the draws.
        say: called with sentences for the reader.
        catalogue: of the tasks.

    Raises:
        ToolkitError: there is no sweep in the folder, or no cell of it is scored yet.
    """
    published = read_published(Path(sweep))
    if resamples is None:
        resamples = RESAMPLES if published is None else published.resamples
    results = load_results(sweep)
    found = _found(results, resamples, seed, say, catalogue)
    folder = out or (Path(sweep) / "report" if published is None else Path(sweep))
    predicted = predicted_aside(Path(sweep), catalogue)
    planned = plan_aside(results, found.checks)
    with Output(folder) as output:
        _write(found, output.stage, [aside for aside in (planned, predicted) if aside is not None])
        output.commit()
    said = [*answers(found), *([counted(found.checks)] if found.checks else [])]
    lines = [found.question, *(f"  {line}" for line in said), ""] if said else []
    lines += [render(main_table(found), "text"), *verdicts(found)]
    lines += [f"{predicted.heading}: {predicted.lines[0]}"] if predicted else []
    text = "\n".join([*lines, ""])
    return Reported(found=found, text=text, folder=folder, output=output)


def publish_report(
    sweep: Path,
    folder: Path,
    *,
    resamples: int = RESAMPLES,
    say: Say = say_nothing,
    catalogue: Catalogue = BUILT_IN,
) -> Reported:
    """Write a sweep's results into a folder that can be published, and the report that is made from that folder alone.

    Raises:
        ToolkitError: there is no sweep in the folder, nothing of it is scored, or it is running.
    """
    results = load_results(sweep)
    if read_published(Path(sweep)) is not None:
        raise ToolkitError(f"{sweep} is a folder of published results; `xstilts report {sweep}` makes its pages again.")
    tasks = {name: catalogue.get(name) for name in results.sweep.targets}
    systems = {name: systems_of(results, task, MAIN[task.metric]) for name, task in tasks.items()}
    publish(results, systems, folder, resamples)
    return report(folder, say=say, catalogue=catalogue)


def read_report(
    sweep: Path,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    say: Say = say_nothing,
    catalogue: Catalogue = BUILT_IN,
) -> SweepReport:
    """Return the report of a sweep as values, and write nothing; arguments and errors as for `report`."""
    return _found(load_results(sweep), resamples, seed, say, catalogue)


def _found(results: SweepResults, resamples: int, seed: int, say: Say, catalogue: Catalogue) -> SweepReport:
    if not any(cell.state == "done" for cell in results.cells):
        raise ToolkitError(
            f"Nothing of the sweep in {results.root} is scored yet; run `xstilts sweep` on, or look at `xstilts status {results.root}`."
        )
    held = published_outcomes(results.root)
    tasks = {task: catalogue.get(task) for task in results.sweep.targets}
    main = {name: MAIN[task.metric] for name, task in tasks.items()}
    pivots = {name: task.train_language for name, task in tasks.items()}
    drawn: dict[tuple[str, str], Resampled] = {}
    for name, task in tasks.items():
        drawn |= drawn_of(results, task, main[name], resamples, seed, say, held)
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
