"""What a sweep saw, read back from one that was written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.recipes.swept import hand_written
from toolkit.errors import ToolkitError
from toolkit.sweeps import load_results
from toolkit.sweeps.transfers import observe
from toolkit.tasks import BUILT_IN

ROWS = {
    "baseline": {"micro-choice": 0.5, "micro-nli": 0.5, "micro-bitext": 0.5},
    "micro-nli": {"micro-choice": 0.7, "micro-bitext": 0.4},
    "micro-qa": {"micro-choice": 0.6, "micro-nli": 0.65, "micro-bitext": 0.55},
    "micro-pos": {"micro-choice": 0.4, "micro-nli": 0.45, "micro-bitext": 0.3},
}


def test_a_gain_is_the_zero_shot_mean_over_seeds_less_that_of_the_target_alone(tmp_path: Path) -> None:
    found = observe(hand_written(tmp_path / "s", ROWS, has_predictions=False), BUILT_IN)
    scores = {
        (cell.cell.row, cell.cell.seed, score.language): score.value
        for cell in load_results(tmp_path / "s").cells
        for score in cell.scores
        if cell.cell.task == "micro-choice"
    }
    expected = [
        scores["micro-nli", seed, code] - scores["baseline", seed, code]
        for seed in (0, 1)
        for code in ("de", "sw", "yo")  # not English, which it was trained in
    ]
    assert found.gains["micro-choice"]["micro-nli"] == pytest.approx(sum(expected) / 6)
    assert found.sources == ("micro-nli", "micro-qa", "micro-pos")
    assert found.targets == ("micro-choice", "micro-nli", "micro-bitext")
    assert set(found.gains["micro-nli"]) == {"micro-qa", "micro-pos"}
    assert (found.seeds, found.seed, found.is_generated, found.left_out) == (2, 0, True, ())


def test_a_sweep_that_is_not_finished_is_refused_in_one_sentence(tmp_path: Path) -> None:
    sweep = hand_written(tmp_path / "s", ROWS, has_predictions=False, left={"micro-qa | micro-nli | seed 1": "waiting"})
    with pytest.raises(
        ToolkitError, match=r"is not finished: 1 of 22 cells .* 'micro-qa \| micro-nli \| seed 1' first"
    ):
        observe(sweep, BUILT_IN)


def test_a_cell_that_failed_is_left_out_and_said(tmp_path: Path) -> None:
    left = {f"micro-qa | micro-nli | seed {seed}": "failed" for seed in (0, 1)}
    left["micro-pos | micro-choice | seed 1"] = "failed"
    found = observe(hand_written(tmp_path / "s", ROWS, has_predictions=False, left=left), BUILT_IN)
    assert set(found.gains["micro-nli"]) == {"micro-pos"}
    assert "micro-pos" in found.gains["micro-choice"], "its other seed is there"
    assert len(found.left_out) == 3
    assert found.left_out[0] == "micro-qa for micro-nli, seed 0: 'micro-qa | micro-nli | seed 0' failed."


def test_rows_of_several_tasks_are_no_sources(tmp_path: Path) -> None:
    rows = {"baseline": {"micro-choice": 0.5}, "micro-nli > micro-pos": {"micro-choice": 0.6}}
    with pytest.raises(ToolkitError, match="no row with one task below the target"):
        observe(hand_written(tmp_path / "s", rows, has_predictions=False), BUILT_IN)
    with pytest.raises(ToolkitError, match="no row of targets alone"):
        observe(hand_written(tmp_path / "t", {"micro-nli": {"micro-choice": 0.6}}, has_predictions=False), BUILT_IN)


def test_settings_of_several_kinds_want_one_of_them_named(tmp_path: Path) -> None:
    sweep = hand_written(tmp_path / "s", ROWS, has_predictions=False)
    path = sweep / "sweep.json"
    plan = json.loads(path.read_text())
    for cell in plan["sweep"]["cells"]:
        cell["variant"] = "slow" if cell["seed"] else "fast"
    path.write_text(json.dumps(plan))
    with pytest.raises(ToolkitError, match=r"2 points on its axis `settings` \(fast, slow\).*--variant"):
        observe(sweep, BUILT_IN)
    with pytest.raises(ToolkitError, match="No variant named 'slo'. Did you mean 'slow'"):
        observe(sweep, BUILT_IN, variant="slo")
    fast, slow = (observe(sweep, BUILT_IN, variant=name) for name in ("fast", "slow"))
    assert fast.fingerprint != slow.fingerprint
    assert fast.gains.keys() == slow.gains.keys()


def test_a_folder_without_a_sweep_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="There is no sweep in"):
        observe(tmp_path, BUILT_IN)
