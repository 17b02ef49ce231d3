"""Journeys about transfer between tasks: `compare_tasks` (the command `similarity`), `rank` and `suggest`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from toolkit.face.shared import Telling, Working, open_session, open_site_session

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.transfer.rank import TransferRanked
    from toolkit.recipes.transfer.similarity import SimilarityResult
    from toolkit.recipes.transfer.suggest import Suggested


def compare_tasks(
    tasks: Sequence[str],
    config: Config,
    *,
    by: str | Sequence[str] = "all",
    train: bool = False,
    **options: Unpack[Working],
) -> SimilarityResult:
    """Compare tasks by predictors of transfer, one matrix each.

    Args:
        tasks: two or more, `mnli`, or with a language, `udpos.tr`.
        config: resolved configuration; `similarity` says how much of each task is looked at.
        by: `all`, or names of predictors that are not controls.
        train: train the adapters that are missing, each on its task alone.
        options: `report`, `say`, and `workers` and `cluster`, see `Working`.
    """
    from toolkit.recipes.transfer.similarity import compare_tasks as run

    return run(tasks, open_site_session(config, options), by=by, train=train)


def rank(
    target: str | None,
    config: Config,
    *,
    sources: Sequence[str] = (),
    sweep: Path | None = None,
    variant: str | None = None,
    by: str | Sequence[str] = "all",
    train: bool = False,
    **tell: Unpack[Telling],
) -> TransferRanked:
    """Rank sources for a target by every predictor of transfer.

    Args:
        target: the task to rank for; None: every target of the sweep.
        config: resolved configuration; with a sweep the sweep's backbone is taken.
        sources: tasks to rank; none: the sweep's, else the tasks that the zoo holds an adapter of.
        sweep: folder of a finished sweep, whose adapters are read and whose gains the predictions are compared with.
        variant: the point on the sweep's axis `settings`, where it has several.
        by: `all`, or predictors.
        train: train the adapters that the zoo lacks first.
        tell: `report` and `say`.
    """
    from toolkit.recipes.transfer.rank import rank as run

    session = open_session(config, tell)
    return run(target, session, sources=sources, sweep=sweep, variant=variant, by=by, is_trained=train)


def suggest(
    n: int,
    target: str,
    config: Config,
    *,
    candidates: Sequence[str] = (),
    sweep: Path | None = None,
    variant: str | None = None,
    by: str | Sequence[str] = "all",
    **tell: Unpack[Telling],
) -> Suggested:
    """Propose the members of a fusion under a target, with the reasons. Trains nothing.

    Args:
        n: how many members.
        target: the task that the fusion is for.
        candidates: tasks to choose among; none: the sweep's sources, else the tasks that the zoo holds adapters of.
        config, sweep, variant, by, tell: as for `rank`; the first predictor of `by` decides.
    """
    from toolkit.recipes.transfer.suggest import suggest as run

    return run(n, target, open_session(config, tell), candidates=candidates, sweep=sweep, variant=variant, by=by)
