"""The report of a sweep that was written by hand."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.recipes.swept import hand_written
from toolkit.errors import DataError, ToolkitError
from toolkit.recipes.sweep.report import read_report, report
from toolkit.report.sweep.verdicts import verdicts

ROWS = {
    "baseline": {"xnli": 0.6, "micro-choice": 0.5},
    "mnli": {"xnli": 0.72, "micro-choice": 0.5},
    "squad": {"xnli": 0.45, "micro-choice": 0.51},
}


def test_it_says_what_helps_what_hurts_and_what_may_be_chance(tmp_path: Path) -> None:
    found = read_report(hand_written(tmp_path / "s", ROWS), resamples=400)
    assert found.baseline == "baseline"
    assert found.rows == ("baseline", "mnli", "squad")
    mnli, squad = found.entries["mnli", "xnli"], found.entries["squad", "xnli"]
    assert mnli.gain is not None and mnli.gain > 0.05
    assert squad.gain is not None and squad.gain < -0.05
    assert mnli.estimate is not None and mnli.estimate.is_significant
    assert mnli.estimate.value == pytest.approx(mnli.gain)
    xnli, choice = verdicts(found)
    assert re.search(r"helps more than chance: mnli \+\d+\.\d \[\+", xnli)
    assert re.search(r"hurts more than chance: squad -\d+\.\d \[-", xnli)
    assert "2 of 2 differences may be chance" in choice


@pytest.mark.journey
@pytest.mark.parametrize("noises", [None, {"typos": {"mnli": 0.1}, "lower": {"squad > mnli": 0.02}}])
def test_neither_the_order_of_targets_nor_that_of_seeds_or_noises_changes_a_number(tmp_path: Path, noises) -> None:
    rows = {
        **{row: ROWS[row] for row in ("baseline", "mnli")},
        "mnli > squad": {"xnli": 0.7, "micro-choice": 0.5},
        "squad > mnli": {"xnli": 0.6, "micro-choice": 0.6},
    }
    turned = {row: dict(reversed(at.items())) for row, at in rows.items()}
    one, other = (
        read_report(
            hand_written(tmp_path / name, some, orders=["mnli > squad", "squad > mnli"], seeds=seeds, noises=by),
            resamples=20,
        )
        for name, some, seeds, by in (
            ("one", rows, (0, 1), noises),
            ("other", turned, (1, 0), noises and dict(reversed(noises.items()))),
        )
    )
    assert one.targets == tuple(reversed(other.targets))
    assert {key: entry.estimate for key, entry in one.entries.items()} == {
        key: entry.estimate for key, entry in other.entries.items()
    }
    spreads, others = ({(o.task, o.what): o.spread for o in some.orders} for some in (one, other))
    assert spreads == others and len(spreads) == (4 if noises else 2)
    contrasts, others = (
        {
            (section.title, c.name, frozenset(c.targets)): c.estimate
            for section in some.sections
            for c in section.contrasts
        }
        for some in (one, other)
    )
    assert contrasts == others and contrasts


def test_marks_are_corrected_over_the_whole_table(tmp_path: Path) -> None:
    found = read_report(hand_written(tmp_path / "s", ROWS), resamples=400)
    tested = [entry.estimate for entry in found.entries.values() if entry.estimate is not None]
    assert len(tested) == 4
    smallest = min(tested, key=lambda estimate: estimate.p)
    assert smallest.adjusted == pytest.approx(4 * smallest.p)


def test_all_files_are_written_and_the_page_needs_nothing_else(tmp_path: Path) -> None:
    result = report(hand_written(tmp_path / "s", ROWS, contaminated="mnli"), out=tmp_path / "out", resamples=200)
    names = {str(path.relative_to(result.folder)) for path in result.folder.rglob("*") if path.is_file()}
    pages = {f"targets/{task}.{form}" for task in ("xnli", "micro-choice") for form in ("md", "csv")}
    assert (
        names == {f"report.{form}" for form in ("md", "csv", "tex", "html", "png", "svg")} | {"contrasts.csv"} | pages
    )
    page = (result.folder / "report.html").read_text()
    assert not re.search(r"(src|href)=[\"'](?!#)|@import|url\(|<script", page)
    assert "Generated rows (micro-choice)." in page
    assert "saw rows of xnli" in page
    assert len(re.findall(r'class="[^"]*sure', page)) >= 2
    _Balanced().check(page)
    rows = list(csv.DictReader((result.folder / "report.csv").open()))
    assert len(rows) == 6 * 7
    assert {row["contamination"] for row in rows if row["row"] == "squad"} == {""}
    assert r"\bottomrule" in (result.folder / "report.tex").read_text()


def test_an_unfinished_sweep_is_labelled_and_says_what_lacks(tmp_path: Path) -> None:
    left = {"mnli | xnli | seed 1": "waiting", "squad | xnli | seed 0": "failed", "squad | xnli | seed 1": "waiting"}
    result = report(hand_written(tmp_path / "s", ROWS, left=left), resamples=200)
    found = result.found
    assert found.lacks[0] == "Partial: 9 of 12 cells are scored (2 waiting, 1 failed)."
    assert "squad | xnli | seed 0: failed: The disk is full; free space." in found.lacks
    assert found.entries["mnli", "xnli"].state == "partial"
    assert found.entries["mnli", "xnli"].seeds == (0,)
    assert found.entries["squad", "xnli"].mean is None
    page = (result.folder / "report.html").read_text()
    assert "Partial: 9 of 12" in page and "The disk is full" in page
    assert "(partial)" in (result.folder / "report.md").read_text()


def test_low_resource_mean_and_worst_language_stand_on_the_targets_page(tmp_path: Path) -> None:
    result = report(hand_written(tmp_path / "s", ROWS), resamples=100)
    entry = result.found.entries["baseline", "xnli"]
    assert entry.over("low-resource") == pytest.approx((entry.by_language["sw"] + entry.by_language["yo"]) / 2)
    assert entry.worst == "yo"
    header = (result.folder / "targets" / "xnli.csv").read_text().splitlines()[0]
    assert header == ",mean,zero-shot,low-resource,worst,en,de,sw,yo"


def test_orders_are_set_beside_seeds(tmp_path: Path) -> None:
    rows = {"baseline": {"xnli": 0.5}, "a > b": {"xnli": 0.55}, "b > a": {"xnli": 0.65}}
    found = read_report(hand_written(tmp_path / "s", rows, orders=["a > b", "b > a"]), resamples=100)
    (one,) = found.orders
    assert (one.orders, one.best, one.worst, one.members) == (2, "b > a", "a > b", ("a", "b"))
    assert one.seed_spread is not None and one.deviation > one.seed_spread
    assert one.high - one.low == pytest.approx(one.deviation * 2**0.5)
    assert one.spread is not None and one.spread.observed == pytest.approx(one.deviation)


def test_without_predictions_there_are_differences_but_no_marks(tmp_path: Path) -> None:
    found = read_report(hand_written(tmp_path / "s", ROWS, has_predictions=False), resamples=100)
    assert found.entries["mnli", "xnli"].gain is not None
    assert found.entries["mnli", "xnli"].estimate is None
    assert "2 not tested" in verdicts(found)[0]


def test_one_seed_is_said_to_be_one(tmp_path: Path) -> None:
    found = read_report(hand_written(tmp_path / "s", ROWS, seeds=[0]), resamples=100)
    assert found.entries["mnli", "xnli"].spread is None
    assert any(note.startswith("One seed") for note in found.notes)


def test_a_folder_without_a_sweep_or_without_a_score_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="There is no sweep in"):
        report(tmp_path)
    rows = {"baseline": {"xnli": 0.5}}
    left = {f"baseline | xnli | seed {seed}": "waiting" for seed in (0, 1)}
    with pytest.raises(ToolkitError, match="Nothing of the sweep"):
        report(hand_written(tmp_path / "s", rows, left=left))


def test_predictions_that_are_not_those_of_the_scores_are_refused(tmp_path: Path) -> None:
    root = hand_written(tmp_path / "s", ROWS)
    path = next(iter(sorted(root.glob("cells/*/predictions/xnli.de.jsonl"))))
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.replace('"outcome": 0.0', '"outcome": 1.0') for line in lines) + "\n")
    with pytest.raises(DataError, match="do not give the accuracy recorded"):
        report(root, resamples=100)


class _Balanced(HTMLParser):
    """Fails where a tag is closed that is not open."""

    VOID = ("meta", "br")

    def check(self, page: str) -> None:
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
