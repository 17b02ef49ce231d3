"""Results in the formats of others: `write_results`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from toolkit.face.shared import Telling, open_session

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.publish.run import Published


def write_results(
    expr: str,
    config: Config,
    *,
    out: Path,
    to: Literal["csv", "json", "mteb", "xtreme"] = "csv",
    tasks: Sequence[str] = (),
    **tell: Unpack[Telling],
) -> Published:
    """Write what `evaluate` and `retrieve` left of a composition in a format that others read; nothing is scored.

    Args:
        expr: composition; with `TARGET` in it each task's of XTREME, as `evaluate_suite` takes it.
        config: names the folder of runs, and the data of Tatoeba for `xtreme`.
        out: folder to write to.
        to: `csv` and `json`: all scores; `mteb`: results of bitexts, mining and retrieval; `xtreme`: predictions as a submission.
        tasks: only these; none: all that were scored.
        tell: `report` and `say`.
    """
    from toolkit.recipes.publish.run import write_results as run

    return run(expr, open_session(config, tell), Path(out), layout=to, tasks=tasks)
