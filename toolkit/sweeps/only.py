"""Some cells of a grid: those whose row, target, seed or point of `settings` is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from toolkit.errors import ConfigError
from toolkit.registry import unknown
from toolkit.sweeps.values import Sweep

JOINT = "|"


def only(sweep: Sweep, wanted: Sequence[str]) -> Sweep:
    """Return a sweep with some of its cells; without names the sweep itself.

    Args:
        sweep: the whole grid.
        wanted: a cell by its name, `mnli | xnli | seed 0`, or by some parts of it: `xnli`, `mnli | seed 0`. Several are joined.

    Raises:
        ConfigError: a part that no cell has, or parts that no cell has together.
    """
    if not wanted:
        return sweep
    kept: set[str] = set()
    parts = [_parts(cell.name) for cell in sweep.cells]
    known = list(dict.fromkeys(part for each in parts for part in each))
    for text in wanted:
        asked = _parts(text)
        for part in asked:
            if part not in known:
                raise unknown("row, target, seed or setting", part, known, error=ConfigError)
        found = [cell.name for cell, own in zip(sweep.cells, parts, strict=True) if set(asked) <= set(own)]
        if not found:
            raise ConfigError(f"No cell of {sweep.name} is '{text}': its parts are in the grid, but not in one cell.")
        kept.update(found)
    return replace(sweep, cells=tuple(cell for cell in sweep.cells if cell.name in kept))


def _parts(name: str) -> list[str]:
    return [part.strip() for part in name.split(JOINT)]
