"""The registered plan in a report: copied unchanged, checked by the report's own test, and marked where it came late."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from tests.recipes.sweeping import SMALL, run, write_grid
from tests.recipes.swept import hand_written
from toolkit.recipes.sweep.report import read_report, report
from toolkit.statistics.power import smallest_seen
from toolkit.sweeps import SweepFolder
from toolkit.sweeps.expects import Expectation
from toolkit.sweeps.registered import DIGEST, REGISTERED_FILE, register

ROWS = {
    "baseline": {"xnli": 0.6, "micro-choice": 0.5},
    "mnli": {"xnli": 0.72, "micro-choice": 0.5},
    "squad": {"xnli": 0.45, "micro-choice": 0.51},
}
UP = Expectation(("mnli",), ("baseline",), "higher", 1.0, ("xnli",))


def planned(root: Path, *expects: Expectation, seeds=(0, 1, 2), done: int = 0, question: str = "What helps?") -> Path:
    """Write a sweep whose plan was registered after `done` of its steps."""
    hand_written(root, ROWS, seeds=seeds, question=question)
    return ask(root, *expects, done=done, question=question)


def ask(root: Path, *expects: Expectation, done: int, question: str = "What helps?") -> Path:
    folder = SweepFolder(root)
    plan = folder.plan()
    assert plan is not None
    sweep = replace(plan.sweep, expects=expects, question=question)
    digest = register(root, sweep, {}, steps_done=done, cells_done=done // 2, now=1_700_000_000 + done)
    folder.write_plan(replace(plan, sweep=sweep, facts={DIGEST: digest}))
    return root


@pytest.mark.parametrize(
    ("expectation", "verdict"),
    [
        (UP, "agrees"),
        (replace(UP, rows=("squad",)), "disagrees"),
        (replace(UP, rows=("squad",), direction="lower", by=5.0), "agrees"),
        (replace(UP, direction="lower", by=0.0), "disagrees"),
        (replace(UP, by=17.0), "cannot say"),
        (replace(UP, by=60.0), "disagrees"),
        (replace(UP, direction="same", by=2.0), "disagrees"),
        (replace(UP, direction="same", by=50.0), "agrees"),
        (replace(UP, on=("micro-choice",), direction="same", by=0.1), "cannot say"),
        (replace(UP, rows=("mnli", "squad"), languages=("sw", "de")), "disagrees"),
        (replace(UP, languages=("fi",)), "cannot say"),
        (replace(UP, rows=("gone",)), "cannot say"),
        (Expectation(because="All of it helps."), "not checked"),
    ],
)
def test_an_expectation_is_checked_by_the_difference_beyond_chance(tmp_path: Path, expectation, verdict) -> None:
    (check,) = read_report(planned(tmp_path / "s", expectation), resamples=199).checks
    assert check.verdict == verdict
    assert (check.estimate is None) == bool(check.why)


def test_a_difference_is_the_one_of_the_table(tmp_path: Path) -> None:
    found = read_report(planned(tmp_path / "s", UP, replace(UP, rows=("squad",))), resamples=199)
    ours, table = found.checks[0].estimate, found.entries["mnli", "xnli"].estimate
    assert ours is not None and table is not None
    assert (ours.value, ours.low, ours.high) == (table.value, table.low, table.high)
    assert (ours.tests, table.tests) == (2, 4)
    smaller, larger = smallest_seen(ours), smallest_seen(table)
    assert smaller is not None and larger is not None and smaller < larger  # fewer tests are corrected for


def test_the_plan_is_in_the_report_unchanged_and_later_questions_are_marked(tmp_path: Path) -> None:
    question = 'Does "it" help, <b>or</b> | not?'
    root = planned(tmp_path / "s", UP, Expectation(because="All of it helps."), question=question)
    late = replace(UP, rows=("squad",))
    ask(root, UP, late, done=7, question="Does squad hurt?")
    result = report(root, out=tmp_path / "out", resamples=100)
    text = (result.folder / "report.md").read_text()
    assert "Registered 2023-11-14 22:13:20 UTC, before any step was finished" in text
    assert "Asked after results were seen, 2023-11-14 22:13:27 UTC, after 7 steps (3 of them scorings)" in text
    assert 'the question is now "Does squad hurt?"' in text
    assert "expectations added: squad is higher than baseline by at least 1 point on xnli" in text
    assert "expectations left out: All of it helps." in text
    by_row = {check.expectation: check for check in result.found.checks}
    assert len(by_row) == 3
    assert by_row[UP].asked is not None and by_row[UP].asked.is_blind
    assert by_row[late].asked is not None and not by_row[late].asked.is_blind
    assert by_row[Expectation(because="All of it helps.")].is_withdrawn
    said = "Of 3 expectations: 1 agrees, 1 disagrees, 1 is in words; 1 of them asked after results were seen."
    assert said in result.text and said in text
    page = (result.folder / "report.html").read_text()
    assert "&lt;b&gt;or&lt;/b&gt;" in page and "Expected and found" in page
    assert "2023-11-14 22:13:27 UTC, after results" in (result.folder / "report.tex").read_text()


def test_an_edited_plan_is_not_trusted(tmp_path: Path) -> None:
    root = planned(tmp_path / "s", UP)
    path = root / REGISTERED_FILE
    path.write_text(path.read_text().replace('"higher"', '"lower"'))
    text = (report(root, out=tmp_path / "out", resamples=50).folder / "report.md").read_text()
    assert "cannot be trusted" in text


def test_a_folder_without_a_plan_says_nothing_of_one(tmp_path: Path) -> None:
    root = hand_written(tmp_path / "s", ROWS)
    assert "Registered plan" not in (report(root, out=tmp_path / "out", resamples=50).folder / "report.md").read_text()


def test_every_difference_has_its_smallest_effect_and_one_seed_cannot_say(tmp_path: Path) -> None:
    for seeds, known in (((0, 1, 2), True), ((0,), False)):
        root = planned(tmp_path / f"s{len(seeds)}", UP, seeds=seeds)
        result = report(root, out=tmp_path / f"out{len(seeds)}", resamples=199)
        rows = list(csv.DictReader((result.folder / "report.csv").open()))
        tested = [row for row in rows if row["difference"] and row["p"]]
        assert tested and all(bool(row["smallest_effect"]) is known for row in tested)
        contrasts = list(csv.DictReader((result.folder / "contrasts.csv").open()))
        assert contrasts and all(bool(row["smallest_effect"]) is known for row in contrasts)
        text = (result.folder / "report.md").read_text()
        assert ("would be seen four times in five" in text) is known
        assert ("cannot be said (one seed" in text) is not known


@pytest.mark.journey
def test_a_sweep_registers_what_it_asks_before_its_first_step(tmp_path: Path) -> None:
    grid = f"question: Does it work?\nexpects: [{{row: micro-nli, is: same, by: 50}}]\n{SMALL}"
    folder = tmp_path / "s"
    assert run(write_grid(tmp_path, grid), folder) == 0
    first = (folder / REGISTERED_FILE).read_text()
    assert run(write_grid(tmp_path, grid), folder) == 0
    assert (folder / REGISTERED_FILE).read_text() == first
    assert run(write_grid(tmp_path, grid.replace("Does it work?", "Did it work?")), folder) == 0
    text = report(folder, resamples=20).text
    assert "Of 1 expectation: 1 " in text
    lines = (folder / "report" / "report.md").read_text()
    assert "before any step was finished" in lines
    assert "after 5 steps (2 of them scorings) had been finished" in lines and "Did it work?" in lines
