"""Seeds that a sweep needs, so that its report sees a difference of a given size."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.recipes.sweep.report import read_report
from toolkit.report.sweep.report import SweepReport
from toolkit.statistics.estimates import LEVEL
from toolkit.statistics.power import POWER, Need, seeds_needed
from toolkit.sweeps import Planned, SweepFolder
from toolkit.tasks import Catalogue

ASSUMED = 3.0
"""Standard deviation over seeds, in points, where nothing was measured: that of targets with few rows (docs/decisions/0090-power.md)."""

_RESAMPLES = 500  # for a standard error
_POINTS = 100


@dataclass(frozen=True)
class TargetNeed:
    """What differences to the baseline need on one target.

    Attributes:
        task: the target.
        spread: standard deviation of a score over seeds, a fraction.
        rows: standard error of a difference by the choice of test rows, a fraction; None if it is not known.
        need: the seeds.
    """

    task: str
    spread: float
    rows: float | None
    need: Need


@dataclass(frozen=True)
class SeedPlan:
    """Seeds that a sweep needs.

    Attributes:
        effect: the difference to be seen, in points.
        tests: differences to the baseline in the table, for which Holm's correction allows.
        seeds: that the sweep has.
        targets: what each needs.
        source: where the spread comes from, in words.
    """

    effect: float
    tests: int
    seeds: int
    targets: tuple[TargetNeed, ...]
    source: str


def plan_seeds(planned: Planned, effect: float, *, spread: str | None, folder: Path, catalogue: Catalogue) -> SeedPlan:
    """Return how many seeds a sweep needs to see a difference.

    Args:
        planned: the sweep.
        effect: in points.
        spread: standard deviation over seeds in points, or the folder of a sweep that has several; None: the sweep's own
            folder if it has scores of several seeds, else `ASSUMED`.
        folder: the sweep's.
        catalogue: of the tasks.

    Raises:
        ToolkitError: a number that is not one, a folder without scores of several seeds.
    """
    if not 0 < effect <= _POINTS:
        raise ToolkitError(f"--effect {effect:g}: expected points above 0 and at most 100, such as 2.0.")
    sweep = planned.sweep
    tests = len({(cell.row, cell.task, cell.variant) for cell in sweep.cells if not cell.is_baseline})
    known, source = _known(spread, folder, catalogue)
    pooled = _pooled([one for one, _ in known.values()])
    rows_known = [rows for _, rows in known.values() if rows is not None]
    found = []
    for task in sweep.targets:
        own, rows = known.get(task, (pooled, statistics.median(rows_known) if rows_known else None))
        need = seeds_needed(effect / _POINTS, own, rows=rows or 0.0, level=LEVEL / max(1, tests))
        found.append(TargetNeed(task, own, rows, need))
    if known and "" not in known and (others := [task for task in sweep.targets if task not in known]):
        source += f"; for {', '.join(others)}, which it does not have, those of its targets together"
    return SeedPlan(effect, tests, len(sweep.seeds), tuple(found), source)


def _known(spread: str | None, folder: Path, catalogue: Catalogue) -> tuple[dict[str, tuple[float, float | None]], str]:
    """Return spread and error of rows by target (by an empty name: of any), and where they come from."""
    if spread is not None:
        try:
            points = float(spread)
        except ValueError:
            found = _measured(Path(spread), catalogue)
            if not found:
                raise ToolkitError(
                    f"--spread {spread}: no row of that sweep was scored with two seeds or more; give a number of points."
                ) from None
            return found, f"the seeds of {spread}"
        if not 0 <= points <= _POINTS:
            raise ToolkitError(f"--spread {spread}: expected points from 0 to 100, or the folder of a sweep.")
        return {"": (points / _POINTS, None)}, "--spread"
    if SweepFolder(folder).plan() is not None and (found := _measured(folder, catalogue)):
        return found, f"the seeds scored in {folder} so far"
    source = (
        f"assumed to be {ASSUMED:g} points, since {folder} has no scores of several seeds; --spread takes points or the "
        "folder of an earlier sweep"
    )
    return {"": (ASSUMED / _POINTS, None)}, source


def _measured(folder: Path, catalogue: Catalogue) -> dict[str, tuple[float, float | None]]:
    try:
        report = read_report(folder, resamples=_RESAMPLES, catalogue=catalogue)
    except ToolkitError:
        if SweepFolder(folder).plan() is None:
            raise
        return {}  # nothing is scored yet
    return {task: own for task in report.targets if (own := _of_target(report, task)) is not None}


def _of_target(report: SweepReport, task: str) -> tuple[float, float | None] | None:
    entries = [entry for (_, target), entry in report.entries.items() if target == task]
    spreads = [entry.spread for entry in entries if entry.spread is not None]
    errors = [entry.estimate.error.rows for entry in entries if entry.estimate is not None and entry.estimate.error]
    return (_pooled(spreads), statistics.median(errors) if errors else None) if spreads else None


def _pooled(spreads: Sequence[float]) -> float:
    return math.sqrt(sum(one**2 for one in spreads) / len(spreads)) if spreads else 0.0


def seeds_text(plan: SeedPlan) -> str:
    """Return in words how many seeds each target needs.

    Example:
        >>> print(seeds_text(SeedPlan(2.0, 1, 3, (TargetNeed("xnli", 0.01, None, Need(6, 0.0)),), "--spread")))
        To see a difference of 2 points (80 % of the time; 5 % level, corrected for 1 difference), a row needs:
          xnli: 6 seeds (the sweep has 3); spread of seeds 1.0 points, error of test rows unknown.
        Spread: --spread.
    """
    several = f"{plan.tests} difference{'' if plan.tests == 1 else 's'}"
    often = f"{100 * POWER:.0f} % of the time; 5 % level, corrected for {several}"
    lines = [f"To see a difference of {plan.effect:g} points ({often}), a row needs:"]
    for one in plan.targets:
        rows = "unknown" if one.rows is None else f"{_POINTS * one.rows:.1f} points"
        has = f"the sweep has {plan.seeds}"
        if one.need.seeds is not None:
            needs = f"{one.need.seeds} seeds ({has})"
        elif one.need.rows_alone * _POINTS >= plan.effect:
            least = f"{_POINTS * one.need.rows_alone:.1f}"
            needs = f"more test rows: with these, no number of seeds shows less than {least} points ({has})"
        else:
            needs = f"more than 1,000 seeds ({has})"
        spread = f"spread of seeds {_POINTS * one.spread:.1f} points, error of test rows {rows}"
        lines.append(f"  {one.task}: {needs}; {spread}.")
    return "\n".join([*lines, f"Spread: {plan.source}."])
