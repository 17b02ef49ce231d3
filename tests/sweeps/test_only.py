"""Some cells of a grid, by their names or by parts of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import ConfigError
from toolkit.sweeps import Sweep, read_sweep
from toolkit.sweeps.only import only

GRID = """
axes:
  intermediates: [mnli, squad]
  targets: [xnli, udpos]
  seeds: [0, 1]
  settings: {plain: {}, slow: {train: {lr: 1e-5}}}
"""


@pytest.fixture
def grid(tmp_path: Path) -> Sweep:
    (tmp_path / "grid.yaml").write_text(GRID, encoding="utf-8")
    return read_sweep(tmp_path / "grid.yaml", is_retrieved=lambda _: False)


@pytest.mark.parametrize(
    ("wanted", "n"),
    [
        ([], 24),
        (["mnli | xnli | seed 0 | slow"], 1),
        (["slow|mnli|seed 0|xnli"], 1),
        (["xnli"], 12),
        (["mnli | seed 1"], 4),
        (["mnli | seed 1", "mnli | seed 0"], 8),
        (["mnli", "xnli"], 16),
    ],
)
def test_cells_that_have_all_parts_of_a_name_are_kept(grid: Sweep, wanted: list[str], n: int) -> None:
    found = only(grid, wanted)
    assert len(found.cells) == n
    assert [cell for cell in grid.cells if cell in found.cells] == list(found.cells)


def test_the_name_of_every_cell_is_that_cell_alone(grid: Sweep) -> None:
    assert all(only(grid, [cell.name]).cells == (cell,) for cell in grid.cells)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("mnil", "Did you mean 'mnli'"),
        ("seed 2", "No row, target, seed or setting named 'seed 2'"),
        ("mnli | squad", "No cell of grid is 'mnli | squad'"),
        ("", "No row, target, seed or setting named ''"),
    ],
)
def test_a_part_that_no_cell_has_is_one_sentence(grid: Sweep, wanted: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("|", r"\|")):
        only(grid, [wanted])
