"""Gold labels that rows of one's own have already: they are not read, and one that does not fit is said."""

from __future__ import annotations

from typing import Any

from toolkit.tasks.own.convert import Record
from toolkit.tasks.own.fields import gold_columns
from toolkit.tasks.task import Task


def odd_label(record: Record, task: Task, language: str) -> str:
    """Return the words for a gold label that is none of the task's; empty where a record has none, or one that fits.

    Example:
        >>> from toolkit.tasks import get_task
        >>> odd_label({"premise": "A", "label": "maybe"}, get_task("xnli"), "en")
        "its label 'maybe' is not one of entailment, neutral, contradiction"
        >>> odd_label({"premise": "A", "label": 2}, get_task("xnli"), "en")
        ''
    """
    if not task.labels:
        return ""
    known = {*task.labels, *map(str, range(len(task.labels))), *getattr(task.source, "label_map", {})}
    for column in gold_columns(task, language):
        for value in _values(record.get(column)):
            if str(value) not in known:
                shown = ", ".join(task.labels[:9]) + (", ..." if len(task.labels) > 9 else "")
                return f"its {column} '{str(value)[:40]}' is not one of {shown}"
    return ""


def _values(held: Any) -> list[Any]:
    if isinstance(held, str):
        held = held.split()
    return [each for each in (held if isinstance(held, list) else [held]) if each not in (None, "")]
