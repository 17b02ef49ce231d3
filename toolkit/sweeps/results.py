"""Results of a sweep as values, finished or not; reports are made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.results.score import Score
from toolkit.sweeps.folder import SWEEP_FILE, Planned, SweepFolder
from toolkit.sweeps.published import read_published
from toolkit.sweeps.registered import Registered, read_registered
from toolkit.sweeps.values import Cell, Record, State, Step, Sweep


@dataclass(frozen=True)
class CellResult:
    """A cell and its result.

    Attributes:
        cell: its place in the table.
        state: `done`, `running`, `failed`, `blocked` (a stage below it failed) or `waiting`.
        error: why it failed or is blocked.
        scores: one row per language and measure; empty unless done.
        folder: of scores.csv and scores.json; None unless done.
        predictions: folder of answers by row; None if none were written.
        contamination: sentences about training rows that overlap with the rows scored.
        seconds, peak_memory_mib: of the scoring, without its stages.
        stages: keys of the stages that the composition takes parts from, with all below them.
    """

    cell: Cell
    state: State
    error: str
    scores: tuple[Score, ...]
    folder: Path | None
    predictions: Path | None
    contamination: tuple[str, ...]
    seconds: float
    peak_memory_mib: float | None
    stages: tuple[str, ...]


@dataclass(frozen=True)
class StageResult:
    """A stage and its result; `cells` counts the cells that need it."""

    step: Step
    state: State
    record: Record | None
    cells: int


@dataclass(frozen=True)
class SweepResults:
    """Content of a sweep's folder.

    Attributes:
        root: the folder.
        sweep: the grid; `rows`, `targets`, `seeds` and `variants` are its labels in order.
        cells: in the table's order.
        stages: in the order in which they can be trained.
        run_id: of the sweep's run in the tracker; empty without one.
        registered: what was asked, and when.
    """

    root: Path
    sweep: Sweep
    cells: tuple[CellResult, ...]
    stages: tuple[StageResult, ...]
    run_id: str
    registered: Registered = field(default_factory=Registered)

    @property
    def is_finished(self) -> bool:
        """Whether every cell is done."""
        return all(cell.state == "done" for cell in self.cells)

    def count(self, state: State) -> int:
        """Return how many cells are in a state; seeds that share a step are cells of their own."""
        return sum(found.state == state for found in self.cells)

    def at(self, row: str, task: str, *, seed: int | None = None, variant: str = "") -> tuple[CellResult, ...]:
        """Return the cells of a row and column: one for each seed, or that of one seed."""
        return tuple(
            found
            for found in self.cells
            if (found.cell.row, found.cell.task, found.cell.variant) == (row, task, variant)
            and seed in (None, found.cell.seed)
        )

    def baseline(self, cell: Cell) -> CellResult | None:
        """Return the baseline of a cell, with its task, seed and variant; None if the sweep has none."""
        for found in self.cells:
            other = found.cell
            if other.is_baseline and (other.task, other.seed, other.variant) == (cell.task, cell.seed, cell.variant):
                return found
        return None


def load_results(root: Path | str) -> SweepResults:
    """Read a sweep's folder, at any time, also while it runs.

    Raises:
        ToolkitError: there is no sweep in the folder, or a file is damaged.

    Example:
        >>> load_results("/nonexistent")
        Traceback (most recent call last):
        ...
        toolkit.errors.ToolkitError: There is no sweep in /nonexistent (no sweep.json); `xstilts sweep FILE --out DIR` starts one.
    """
    folder = SweepFolder(root)
    planned = folder.plan()
    if planned is None:
        raise ToolkitError(
            f"There is no sweep in {folder.root} (no {SWEEP_FILE}); `xstilts sweep FILE --out DIR` starts one."
        )
    published = read_published(folder.root)
    records = folder.records(planned.steps) if published is None else published.records
    return results_of(folder.root, planned, records, is_alive=folder.is_locked())


def results_of(root: Path, planned: Planned, records: Mapping[str, Record], *, is_alive: bool) -> SweepResults:
    """Join a plan and its records; `is_alive`: whether a sweep works in the folder, so that steps may be running."""
    states, errors = states_of(planned.steps, records, is_alive=is_alive)
    below = ancestors(planned.steps)
    needed: dict[str, int] = {}
    cells = []
    for cell in planned.sweep.cells:
        record = records.get(cell.key)
        is_done = states[cell.key] == "done" and record is not None
        for key in below[cell.key]:
            needed[key] = needed.get(key, 0) + 1
        cells.append(
            CellResult(
                cell=cell,
                state=states[cell.key],
                error=errors.get(cell.key, ""),
                scores=record.scores if is_done and record else (),
                folder=root / record.folder if is_done and record else None,
                predictions=root / record.predictions if is_done and record and record.predictions else None,
                contamination=record.contamination if record else (),
                seconds=record.seconds if record else 0.0,
                peak_memory_mib=record.peak_memory_mib if record else None,
                stages=below[cell.key],
            )
        )
    stages = tuple(
        StageResult(step, states[step.key], records.get(step.key), needed.get(step.key, 0)) for step in planned.stages
    )
    registered = read_registered(root, planned.facts)
    return SweepResults(root, planned.sweep, tuple(cells), stages, planned.run_id, registered)


def states_of(
    steps: Sequence[Step], records: Mapping[str, Record], *, is_alive: bool
) -> tuple[dict[str, State], dict[str, str]]:
    """Return every step's state, and the reasons of those that failed or are blocked.

    Args:
        steps: parents before children.
        records: by key.
        is_alive: whether a sweep works in the folder now; if not, no step is running, even if its record says so.
    """
    states: dict[str, State] = {}
    errors: dict[str, str] = {}
    for step in steps:
        record = records.get(step.key)
        state: State = "waiting" if record is None else record.state
        if state == "running" and not is_alive:
            state = "waiting"
        if state == "failed" and record is not None:
            errors[step.key] = record.error
        if state == "waiting":
            stuck = next((key for key in step.parents if states[key] in ("failed", "blocked")), None)
            if stuck is not None:
                state = "blocked"
                failed = next(one for one in steps if one.key == stuck)
                reason = errors[stuck]
                errors[step.key] = reason if states[stuck] == "blocked" else f"'{failed.composition}' failed: {reason}"
        states[step.key] = state
    return states, errors


def ancestors(steps: Sequence[Step]) -> dict[str, tuple[str, ...]]:
    """Return the keys of all ancestors of each step, parents first."""
    found: dict[str, tuple[str, ...]] = {}
    for step in steps:
        below: dict[str, None] = {}
        for parent in step.parents:
            below |= dict.fromkeys(found[parent])
            below[parent] = None
        found[step.key] = tuple(below)
    return found
