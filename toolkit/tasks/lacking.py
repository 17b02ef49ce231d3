"""Languages of a task whose rows cannot be had: whoever leaves them out names them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import ToolkitError
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


def reason(task: Task, split: str, language: str, data_root: Path | None) -> str:
    """Return why a language has no rows: what the error that asking for it raises has found."""
    try:
        task.rows(split, language, data_root=data_root)
    except ToolkitError as error:
        return re.split(r"[.;] ", str(error))[0].rstrip(".")
    return "its rows are there now"
