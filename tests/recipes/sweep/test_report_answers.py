"""What a report answers: the contrasts that the axes of a sweep ask for, against plain arithmetic on its scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recipes.swept import hand_written
from toolkit.recipes.sweep.report import read_report
from toolkit.report.sweep.columns import Contrast
from toolkit.report.sweep.orders import CHANGE
from toolkit.report.sweep.report import SweepReport
from toolkit.report.sweep.section import Section
from toolkit.report.sweep.tables import contrasts_csv, noise_table, section_table
from toolkit.report.sweep.verdicts import answers

TASK = "micro-choice"
# Two seeds know so little of their own spread that hardly anything is more than chance.
SEEDS = (0, 1, 2, 3)


def section(found: SweepReport, title: str) -> Section:
    return next(one for one in found.sections if one.title == title)


def contrast(found: SweepReport, name: str, about: str = "") -> Contrast:
    return next(c for one in found.sections for c in one.contrasts if c.name == name and c.about.startswith(about))


def score(found: SweepReport, row: str, task: str = TASK) -> float:
    mean = found.entries[row, task].mean
    assert mean is not None
    return mean


def test_all_at_once_is_set_against_its_members_one_by_one(tmp_path: Path) -> None:
    rows = {"baseline": 0.4, "a": 0.45, "b": 0.55, "multi": 0.7}
    places = {"multi": ("mixtures", "mix", ("a", "b"))}
    root = hand_written(tmp_path, {row: {TASK: v, "xnli": v} for row, v in rows.items()}, places=places)
    found = read_report(root, resamples=300)
    mean, best = (contrast(found, f"multi - {which} of its members alone") for which in ("mean", "best"))
    expected = [
        score(found, "multi", task) - (score(found, "a", task) + score(found, "b", task)) / 2 for task in found.targets
    ]
    assert mean.targets == found.targets and mean.estimate.value == pytest.approx(sum(expected) / 2)
    assert 0 < best.estimate.value < mean.estimate.value and mean.estimate.is_significant
    assert any(line.startswith("multi against the mean of its members alone: +") for line in answers(found))
    assert found.overall["multi"].targets == found.targets
    gains = [score(found, "multi", task) - score(found, "baseline", task) for task in found.targets]
    assert found.overall["multi"].estimate.value == pytest.approx(sum(gains) / 2)
    assert any(line.startswith("Best over its targets: multi, +") for line in answers(found))


def test_several_sources_are_set_against_the_baseline_where_nothing_was_trained(tmp_path: Path) -> None:
    rows = {"baseline": {TASK: 0.4}, "en+de": {TASK: 0.55}, "de": {TASK: 0.45}}
    places = {row: ("sources", "mix", tuple(row.split("+"))) for row in ("en+de", "de")}
    places["baseline"] = ("sources", "stack", ("en",))
    found = read_report(hand_written(tmp_path, rows, places=places, seeds=SEEDS), resamples=300)
    two = contrast(found, "two languages (1 row) - baseline", "no training rows")
    by_language = {row: found.entries[row, TASK].by_language for row in rows}
    # en and de are sources; sw and yo are not, and both are low-resource languages.
    expected = sum(by_language["en+de"][code] - by_language["baseline"][code] for code in ("sw", "yo")) / 2
    assert two.estimate.value == pytest.approx(expected) and two.estimate.is_significant
    assert contrast(found, two.name, "low-resource: sw yo").estimate.value == pytest.approx(expected)
    assert any("two languages" in line and "low-resource languages (sw, yo)" in line for line in answers(found))
    # Neither is of the family of a source, so that there is nothing to say of languages that are.
    assert contrast(found, two.name, "other families").estimate.value == pytest.approx(expected)
    part = section(found, "Number of source languages")
    assert not any(one.about == "a source's family" for one in part.contrasts)
    assert "Indo-European: de, en; Atlantic-Congo: sw, yo" in part.note


def test_domains_are_set_against_their_control_and_not_only_against_the_baseline(tmp_path: Path) -> None:
    rows = {"baseline": {TASK: 0.3}, "law": {TASK: 0.6}, "news": {TASK: 0.5}, "all (control)": {TASK: 0.5}}
    places = {row: ("domains", "stack", (row,)) for row in rows if row != "baseline"}
    found = read_report(hand_written(tmp_path, rows, places=places, seeds=SEEDS), resamples=300)
    law = contrast(found, "law - all (control)")
    assert law.estimate.value == pytest.approx(score(found, "law") - score(found, "all (control)"))
    assert law.estimate.is_significant and not contrast(found, "news - all (control)").estimate.is_significant
    assert next(iter(section(found, "Domains against the control").contrasts)).name.startswith("mean of")


def test_methods_are_ranked_over_the_same_sets_of_members(tmp_path: Path) -> None:
    shares = {"fuse": 0.7, "avg": 0.5, "merge": 0.69}
    rows = {"baseline": {TASK: 0.4}} | {f"{s} ({m})": {TASK: v} for m, v in shares.items() for s in ("two", "three")}
    places = {row: ("fusions", row.split("(")[1][:-1], ("a", "b")) for row in rows if row != "baseline"}
    found = read_report(hand_written(tmp_path, rows, places=places), resamples=300)
    names = [one.name for one in section(found, "Methods").contrasts]
    assert names[:2] in (["fuse - merge", "fuse - avg"], ["merge - fuse", "merge - avg"])
    best = names[0].partition(" ")[0]
    mean = sum(score(found, f"{some} ({best})") for some in ("two", "three")) / 2
    assert contrast(found, f"{best} - baseline").estimate.value == pytest.approx(mean - score(found, "baseline"))
    assert any("more than chance better than avg; not more than chance better than" in line for line in answers(found))


def test_orders_that_differ_are_told_from_orders_that_do_not(tmp_path: Path) -> None:
    def orders(far: float) -> SweepReport:
        rows = {"baseline": {TASK: 0.4}, "a > b": {TASK: 0.55}, "b > a": {TASK: 0.55 + far}}
        return read_report(hand_written(tmp_path / str(far), rows, orders=["a > b", "b > a"]), resamples=400)

    alike, apart = orders(0.0), orders(0.15)
    (none,), (some,) = alike.orders, apart.orders
    assert none.spread is not None and some.spread is not None
    assert not none.spread.is_significant and none.spread.low == 0.0
    assert some.spread.is_significant and 0 < some.spread.low < some.spread.own < some.spread.high
    assert any("Order affects the score nowhere beyond chance" in line for line in answers(alike))
    assert any(line.startswith(f"Order affects the score on {TASK} (stack) beyond") for line in answers(apart))
    # Of two members one line says it all.
    last, gain = section(apart, "Order").contrasts
    assert last.name == "a learnt last - learnt earlier" and last.estimate.value > 0.1
    mean = sum(score(apart, row) for row in ("a > b", "b > a")) / 2
    assert gain.name == "all orders - baseline, mean"
    assert gain.estimate.value == pytest.approx(mean - score(apart, "baseline"))
    assert any(line.startswith("all orders against baseline: ") for line in answers(apart))


def noisy(tmp_path: Path, taken: dict[str, float], **more: object) -> SweepReport:
    rows = {"baseline": {TASK: 0.7}, "a > b": {TASK: 0.7}, "b > a": {TASK: 0.7}}
    root = hand_written(tmp_path, rows, orders=["a > b", "b > a"], noises={"swap:0.5": taken}, **more)  # type: ignore[arg-type]
    return read_report(root, resamples=400)


def test_noise_is_answered_by_what_each_row_is_spared_against_the_baseline(tmp_path: Path) -> None:
    found = noisy(tmp_path, {"baseline": 0.3, "a > b": 0.3, "b > a": 0.1}, seeds=SEEDS)
    entries = {(row, v): score(found, f"{row} ({v})") for row in found.lines for v in ("clean", "swap:0.5")}
    change = {row: entries[row, "swap:0.5"] - entries[row, "clean"] for row in found.lines}
    by_row = {one.row: one for one in found.noise}
    assert by_row["baseline"].spared is None
    spared = by_row["b > a"].spared
    assert spared is not None and spared.is_significant
    assert spared.value == pytest.approx(change["b > a"] - change["baseline"])
    assert by_row["b > a"].left == pytest.approx(entries["b > a", "swap:0.5"] / entries["b > a", "clean"])
    assert by_row["b > a"].change.value == pytest.approx(change["b > a"])
    kept = 100 * entries["baseline", "swap:0.5"] / entries["baseline", "clean"]
    assert f"'baseline' keeps {kept:.0f} % under swap:0.5 of its clean score." in answers(found)
    assert any(
        line.startswith("Under noise b > a loses ") and "less than 'baseline', more" in line for line in answers(found)
    )
    higher = section(found, "Under noise, against the baseline").contrasts[1]
    assert higher.name == "b > a - baseline, under noise"
    assert higher.estimate.value == pytest.approx(entries["b > a", "swap:0.5"] - entries["baseline", "swap:0.5"])
    assert any(
        line.startswith("Under noise b > a scores ") and "higher than 'baseline', more" in line
        for line in answers(found)
    )
    (taken,) = [one for one in found.orders if one.what == CHANGE]
    assert taken.spread is not None and taken.spread.is_significant and taken.best == "b > a"
    assert len(noise_table(found).rows) == 3
    assert "Noise," in contrasts_csv(found)


def test_rows_under_noise_are_columns_of_the_table_beside_the_clean_ones(tmp_path: Path) -> None:
    found = noisy(tmp_path, {"baseline": 0.1, "a > b": 0.1, "b > a": 0.1})
    assert found.lines == ("baseline", "a > b", "b > a")
    assert found.columns == ((TASK, "clean"), (TASK, "swap:0.5"))
    assert any(
        "no row loses more or less of its score than 'baseline' beyond chance" in line for line in answers(found)
    )


def test_a_training_scored_twice_has_one_seed_so_that_its_change_is_sure(tmp_path: Path) -> None:
    # Seeds far apart move clean and noisy score together: the change must not inherit their spread.
    found = noisy(tmp_path, {"baseline": 0.1, "a > b": 0.1, "b > a": 0.1}, seeds=(0, 15))
    one = next(one for one in found.noise if one.row == "a > b")
    clean = found.entries["a > b (clean)", TASK]
    assert clean.spread is not None and clean.spread > 0.08 and clean.estimate is not None
    assert one.change.high - one.change.low < 0.5 * (clean.estimate.high - clean.estimate.low)


def test_a_target_that_nothing_learnt_is_named_with_the_score_of_guessing(tmp_path: Path) -> None:
    rows = {"baseline": {"micro-nli": 0.40}, "a": {"micro-nli": 0.41}}  # minus 0 to 0.15 by language: about a third
    found = read_report(hand_written(tmp_path / "guess", rows), resamples=200)
    assert "micro-nli" in found.unlearnt
    assert any("On micro-nli no row is better than guessing (33.3) beyond chance" in line for line in answers(found))
    learnt = read_report(hand_written(tmp_path / "learnt", {"baseline": {"micro-nli": 0.8}, "a": {"micro-nli": 0.4}}))
    assert not learnt.unlearnt


def test_a_contrast_that_lacks_a_cell_is_left_out_rather_than_made_from_the_others(tmp_path: Path) -> None:
    rows = {"baseline": {TASK: 0.4}, "law": {TASK: 0.5}, "all (control)": {TASK: 0.45}}
    places = {row: ("domains", "stack", (row,)) for row in rows if row != "baseline"}
    left = {f"all (control) | {TASK} | seed 1": "waiting"}
    found = read_report(hand_written(tmp_path, rows, places=places, left=left), resamples=100)
    assert not found.sections


def test_a_contrasts_marks_are_corrected_over_its_section(tmp_path: Path) -> None:
    rows = {"baseline": {TASK: 0.3}, "law": {TASK: 0.6}, "news": {TASK: 0.5}, "all (control)": {TASK: 0.48}}
    places = {row: ("domains", "stack", (row,)) for row in rows if row != "baseline"}
    found = section(
        read_report(hand_written(tmp_path, rows, places=places), resamples=400), "Domains against the control"
    )
    smallest = min((one.estimate for one in found.contrasts), key=lambda estimate: estimate.p)
    assert smallest.adjusted == pytest.approx(3 * smallest.p)
    assert section_table(found).columns[:3] == ("difference", "on", "points")
