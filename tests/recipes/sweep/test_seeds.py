"""The seeds that a sweep needs to see a difference, and where the spread is taken from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recipes.swept import hand_written
from toolkit.errors import ToolkitError
from toolkit.recipes.sweep.seeds import ASSUMED, plan_seeds, seeds_text
from toolkit.statistics.estimates import LEVEL
from toolkit.statistics.power import seeds_needed
from toolkit.sweeps import Planned, SweepFolder
from toolkit.tasks import BUILT_IN

ROWS = {
    "baseline": {"xnli": 0.6, "pawsx": 0.5},
    "mnli": {"xnli": 0.7, "pawsx": 0.5},
    "squad": {"xnli": 0.6, "pawsx": 0.5},
}


def plan_of(root: Path) -> Planned:
    found = SweepFolder(root).plan()
    assert found is not None
    return found


def test_a_number_is_taken_as_it_is_given(tmp_path: Path) -> None:
    planned = plan_of(hand_written(tmp_path / "s", ROWS))
    found = plan_seeds(planned, 2.0, spread="1.0", folder=tmp_path / "none", catalogue=BUILT_IN)
    assert (found.tests, found.seeds) == (4, 2)
    assert {one.need for one in found.targets} == {seeds_needed(0.02, 0.01, level=LEVEL / 4)}
    text = seeds_text(found)
    assert "xnli: 8 seeds (the sweep has 2); spread of seeds 1.0 points" in text
    assert text.endswith("Spread: --spread.")


def test_an_earlier_sweep_gives_the_spread_of_its_targets_and_the_error_of_its_rows(tmp_path: Path) -> None:
    earlier = hand_written(
        tmp_path / "earlier", {row: {"xnli": at["xnli"]} for row, at in ROWS.items()}, seeds=(0, 1, 2)
    )
    planned = plan_of(hand_written(tmp_path / "s", ROWS))
    found = plan_seeds(planned, 20.0, spread=str(earlier), folder=tmp_path / "none", catalogue=BUILT_IN)
    xnli, pawsx = found.targets
    assert 0.005 < xnli.spread < 0.03 and xnli.rows is not None and 0.002 < xnli.rows < 0.02
    assert (pawsx.spread, pawsx.rows) == (xnli.spread, xnli.rows)
    assert "for pawsx, which it does not have" in found.source and str(earlier) in found.source


def test_the_own_folder_is_used_and_few_rows_are_said(tmp_path: Path) -> None:
    root = hand_written(tmp_path / "s", ROWS, seeds=(0, 1, 2))
    found = plan_seeds(plan_of(root), 0.1, spread=None, folder=root, catalogue=BUILT_IN)
    assert f"the seeds scored in {root} so far" in found.source
    assert all(one.need.seeds is None for one in found.targets)
    assert "more test rows: with these, no number of seeds shows less than" in seeds_text(found)


def test_without_any_scores_the_assumption_is_said(tmp_path: Path) -> None:
    planned = plan_of(hand_written(tmp_path / "s", ROWS, seeds=(0,)))
    for folder in (tmp_path / "none", tmp_path / "s"):  # one seed has no spread
        found = plan_seeds(planned, 5.0, spread=None, folder=folder, catalogue=BUILT_IN)
        assert {one.spread for one in found.targets} == {ASSUMED / 100}
        assert "assumed" in found.source and "--spread" in found.source


@pytest.mark.parametrize(
    ("effect", "spread", "said"),
    [
        (0.0, None, "expected points above 0"),
        (-1.0, None, "expected points above 0"),
        (float("nan"), None, "expected points above 0"),
        (101.0, None, "expected points above 0"),
        (2.0, "-1", "expected points from 0 to 100"),
        (2.0, "nan", "expected points from 0 to 100"),
        (2.0, "nowhere", "There is no sweep in nowhere"),
    ],
)
def test_a_fault_is_one_sentence(tmp_path: Path, effect: float, spread: str | None, said: str) -> None:
    planned = plan_of(hand_written(tmp_path / "s", ROWS, seeds=(0,)))
    with pytest.raises(ToolkitError, match=said):
        plan_seeds(planned, effect, spread=spread, folder=tmp_path / "none", catalogue=BUILT_IN)


def test_a_sweep_of_one_seed_has_no_spread_to_give(tmp_path: Path) -> None:
    root = hand_written(tmp_path / "s", ROWS, seeds=(0,))
    with pytest.raises(ToolkitError, match="scored with two seeds or more"):
        plan_seeds(plan_of(root), 2.0, spread=str(root), folder=tmp_path / "none", catalogue=BUILT_IN)
