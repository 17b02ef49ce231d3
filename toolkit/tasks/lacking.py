"""Languages of a task whose rows cannot be had: whoever leaves them out names them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import SourceError, ToolkitError
from toolkit.tasks.task import Task


def lacking(
    task: Task, split: str = "score", *, data_root: Path | None = None, has_pairs: bool = False
) -> tuple[str, ...]:
    """Return the languages of a task whose rows of a split cannot be had; the arguments are those of `Task.reachable`."""
    held = task.reachable(split, data_root=data_root, has_pairs=has_pairs)
    return tuple(code for code in (task.pairs if has_pairs else task.languages) if code not in held)


def left_out(task: Task, codes: Sequence[str]) -> str:
    """Return a sentence that names languages that were left out."""
    return f"{task.name}: not in the reachable data and left out: {', '.join(codes)}."


def require_some(task: Task, held: Sequence[str], split: str = "score", *, data_root: Path | None = None) -> None:
    """Raise what reading raises, where no language of a task has rows.

    Args:
        task: whose rows are asked for.
        held: the languages that have some.
        split: `train`, `dev`, `test` or `score`.
        data_root: as for `Task.reachable`.
    """
    if held:
        return
    task.rows(split, task.pairs[0], data_root=data_root)
    raise SourceError(
        f"No rows of '{task.name}' can be reached in {task.pairs[0]}; look at them with `xstilts tasks check {task.name}`."
    )


def reason(task: Task, split: str, language: str, data_root: Path | None) -> str:
    """Return why a language has no rows: what the error that asking for it raises has found."""
    try:
        task.rows(split, language, data_root=data_root)
    except ToolkitError as error:
        return re.split(r"[.;] ", str(error))[0].rstrip(".")
    return "its rows are there now"
