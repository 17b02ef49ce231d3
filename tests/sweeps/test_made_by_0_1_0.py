"""A sweep's folder of release 0.1.0: its step keys still match, and status, report and a further run work on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests import PROJECT
from toolkit.config import load
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import load_backbone
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.facts import Facts, Need, RowsFact, without_first_rows
from toolkit.recipes.sweep.report import report
from toolkit.recipes.sweep.run import Asked, dry_run, plan_sweep, sweep
from toolkit.sweeps import SweepFolder, load_results
from toolkit.tasks import BUILT_IN

OLD = PROJECT / "tests" / "sweeps" / "made_by_0_1_0"
GRID = OLD / "grid.yaml"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "out")
    return tmp_path / "out"


def test_the_keys_of_its_steps_are_those_of_the_same_grid_now() -> None:
    old = SweepFolder(OLD).plan()
    assert old is not None and len(old.steps) == 7
    now = plan_sweep(Asked(GRID), Facts(old.facts["backbones"], old.facts["rows"]), BUILT_IN)
    assert [(step.key, step.kind, step.composition) for step in now.steps] == [
        (step.key, step.kind, step.composition) for step in old.steps
    ]


def test_its_status_is_shown() -> None:
    shown = CliRunner().invoke(cli.main, ["status", str(OLD)])
    assert shown.exit_code == 0 and shown.stdout.splitlines()[-1] == "Finished."
    assert [line.split() for line in shown.stdout.splitlines()[2:4]] == [
        ["stages", "3", "0", "0", "0", "0"],
        ["scored", "4", "0", "0", "0", "0"],
    ]


def test_its_report_is_written_with_the_scores_that_it_holds(tmp_path: Path) -> None:
    found = report(OLD, out=tmp_path, resamples=100)
    by_place = {(entry.row, entry.task): entry for entry in found.found.entries.values()}
    for cell in load_results(OLD).cells:
        entry = by_place[cell.cell.row, cell.cell.task]
        assert entry.by_language == {score.language: score.value for score in cell.scores}
        assert entry.is_baseline or entry.estimate is not None, "tested from the answers that are kept"
    assert "A sweep of 0.1.0" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.journey
@pytest.mark.usefixtures("cheap_journeys")
def test_a_further_run_never_mixes_its_first_rows_with_drawn_ones(copied: Path) -> None:
    old = SweepFolder(copied).plan()
    assert old is not None
    [weights] = old.facts["backbones"].values()
    if load_backbone("tiny", precision="fp32").digest != weights["digest"]:
        pytest.skip("the random weights of the tiny backbone are others on this processor")
    session_said: list[str] = []
    session = Session.open(load(sets=["tracking.enabled=no"]), say=session_said.append)
    were_first = "the rows of micro-choice train en 16 were the first ones and are drawn by seed now"
    with pytest.raises(ToolkitError, match=f"{were_first}.*7 of its 7 finished steps would be done again.*--update"):
        sweep(Asked(GRID), session, folder=copied)
    assert sweep(Asked(GRID), session, folder=copied, is_update=True) == 0
    assert session_said.pop(0).startswith("7 steps, 0 done already;")
    new = SweepFolder(copied).plan()
    assert new is not None and not {step.key for step in old.steps} & {step.key for step in new.steps}
    [bare] = [step for step in new.steps if step.composition == "backbone"]
    record = copied / "cells" / f"{bare.key}.json"
    before = json.loads(record.read_text(encoding="utf-8"))
    record.unlink()
    session_said.clear()
    assert sweep(Asked(GRID), session, folder=copied) == 0
    assert session_said[0].startswith("7 steps, 6 done already;")
    after = json.loads(record.read_text(encoding="utf-8"))
    assert after["scores"][0]["value"] == pytest.approx(before["scores"][0]["value"])
    assert load_results(copied).is_finished


def test_a_dry_run_counts_none_of_its_steps_as_done(copied: Path) -> None:
    session = Session.open(load(sets=["tracking.enabled=no"]))
    assert dry_run(Asked(GRID), session, folder=copied, is_measured=False).done == frozenset()


def test_facts_of_rows_that_no_limit_cut_stay_valid() -> None:
    needs = [Need("a", "dev", "en", 2000), Need("b", "dev", "en", 2000), Need("c", "train", "en", None)]
    old: dict[str, RowsFact] = {
        "a dev en 2000": {"fingerprint": "f", "rows": 2000},
        "b dev en 2000": {"fingerprint": "f", "rows": 300},
        "c train en": {"fingerprint": "f", "rows": 5000},
    }
    assert list(without_first_rows(Facts(rows=old), needs).rows) == ["b dev en 2000", "c train en"]
    new: dict[str, RowsFact] = {name: {**fact, "is_drawn": True} for name, fact in old.items()}
    assert without_first_rows(Facts(rows=new), needs).rows == new
