"""Steps of other sweeps are taken where they are the same, and their scores are then the same to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recipes.sweeping import SMALL, made, records, run, table, write_grid
from toolkit.errors import ToolkitError
from toolkit.sweeps import SweepFolder, load_results


@pytest.mark.journey
def test_the_same_stages_are_taken_and_nothing_else(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(write_grid(tmp_path, SMALL), first) == 0
    said: list[str] = []
    grown = SMALL.replace("[micro-nli]", "[micro-nli, micro-pos]")
    assert run(write_grid(tmp_path, grown), second, said, stages_of=[first]) == 0
    assert any("3 stages and 2 scorings were taken from other sweeps" in line for line in said)
    old, new = records(first), records(second)
    assert {key: new[key] for key in old} == old
    # What is taken is known, so nothing is asked blindly any more.
    (asked,) = load_results(second).registered.entries
    assert (asked.steps_done, asked.cells_done) == (5, 2)
    assert all(made(record) == 1 for record in new.values())
    scores = {(name, language, metric): value for name, language, metric, value in table(second)}
    assert all(scores[name, language, metric] == value for name, language, metric, value in table(first))


def test_a_stage_whose_zoo_is_gone_is_not_taken(tmp_path: Path) -> None:
    from tests.recipes.swept import hand_written
    from toolkit.recipes.sweep.taken import Taken, take_steps

    other = hand_written(tmp_path / "other", {"baseline": {"xnli": 0.5}})
    planned = SweepFolder(other).plan()
    assert planned is not None
    assert take_steps(SweepFolder(tmp_path / "own"), planned, [other]) == Taken()


def test_a_folder_without_a_sweep_and_the_own_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="there is no sweep in it"):
        run(write_grid(tmp_path, SMALL), tmp_path / "s", stages_of=[tmp_path])
    from tests.recipes.swept import hand_written

    own = hand_written(tmp_path / "own", {"baseline": {"xnli": 0.5}})
    with pytest.raises(ToolkitError, match="own folder"):
        run(write_grid(tmp_path, SMALL), own, stages_of=[own])


@pytest.mark.journey
def test_a_cell_alone_has_the_score_that_it_has_in_the_grid(tmp_path: Path) -> None:
    grid, whole, alone = write_grid(tmp_path, SMALL), tmp_path / "whole", tmp_path / "alone"
    assert run(grid, whole) == 0
    assert run(grid, alone, some=["micro-nli | seed 0"]) == 0
    assert {name for name, *_ in table(alone)} == {"micro-nli | micro-choice | seed 0"}
    assert set(table(alone)) < set(table(whole))
    # The grid may grow to the whole one, and does nothing again.
    assert run(grid, alone) == 0
    assert table(alone) == table(whole)
    assert all(made(record) == 1 for record in records(alone).values())
