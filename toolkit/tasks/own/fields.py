"""Fields of a row that is to be answered, and the columns that each may be in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.tasks.kinds import EVALUATED, FIELDS, Kind
from toolkit.tasks.sources.checks import Column, parts_of
from toolkit.tasks.sources.fill import spellings
from toolkit.tasks.task import Task

# Fields that hold what is asked for: a row needs none of them to be answered.
GOLD: Mapping[Kind, tuple[str, ...]] = {
    "pair": ("label",),
    "choice": ("label", "keys"),
    "span": ("texts", "starts"),
    "tags": ("tags",),
    "bitext": (),
    "retrieval": ("key",),
    "text": (),
}
# The field that a plain text is, where a row may be one.
TEXT: Mapping[Kind, str] = {
    "pair": "first",
    "choice": "",
    "span": "",
    "tags": "tokens",
    "bitext": "source",
    "retrieval": "query",
    "text": "text",
}
PLAIN = "text"  # the column of a plain text, whatever the task calls it


@dataclass(frozen=True)
class OwnField:
    """A field that is read.

    Attributes:
        name: as in `kinds.FIELDS`.
        columns: the columns that it may be in, the task's own first; of several whose values make a list, a tuple.
        is_needed: whether a row without it cannot be answered.
    """

    name: str
    columns: tuple[Column, ...]
    is_needed: bool

    @property
    def words(self) -> str:
        """Its first column, for a reader."""
        return ", ".join(parts_of(self.columns[0]))


def declared_columns(task: Task) -> Mapping[str, Column]:
    """Return the columns that the source of a task names, by field; none where its rows are made or read otherwise."""
    source: Any = task.source
    for _ in range(2):  # a share of a source, or the first of several
        if isinstance(found := getattr(source, "columns", None), Mapping):
            return found
        source = getattr(source, "source", None) or next(iter(getattr(source, "sources", {}).values()), None)
    return {}


def own_fields(task: Task, language: str) -> tuple[OwnField, ...]:
    """Return the fields of a task's rows that are read to answer them: all but the gold.

    Args:
        task: of a kind whose rows come from columns.
        language: fills the placeholders of columns.

    Example:
        >>> from toolkit.tasks import get_task
        >>> [(each.name, each.columns, each.is_needed) for each in own_fields(get_task("xnli"), "de")]
        [('first', ('premise', 'first', 'text'), True), ('second', ('hypothesis', 'second'), True)]
    """
    declared = declared_columns(task)
    known = FIELDS[task.kind]
    gold = {*GOLD[task.kind], "id"}
    found = []
    for name in (*declared, *sorted(known.needed - set(declared)), *sorted(known.optional - set(declared))):
        if name in gold:
            continue
        # A second text, a context or a question is read by the tasks that have one.
        if name in known.optional and declared and name not in declared:
            continue
        columns = _columns(declared.get(name, name), language, task)
        plain = (PLAIN,) if name == TEXT[task.kind] and PLAIN not in columns else ()
        # Rows that are made, or read from files of their own, have two texts in a pair; a choice may lack its context.
        is_needed = name in known.needed or name in declared or name == "second"
        found.append(OwnField(name, tuple(dict.fromkeys((*columns, name, *plain))), is_needed))
    return tuple(found)


def gold_columns(task: Task, language: str) -> tuple[str, ...]:
    """Return the top-level columns that the gold answer of a row may be in, the task's own first."""
    declared = declared_columns(task)
    found = []
    for name in GOLD[task.kind][:1]:
        columns = [each for column in _columns(declared.get(name, name), language, task) for each in parts_of(column)]
        found += [column.split(".")[0] for column in (*columns, name)]
    return tuple(dict.fromkeys(found))


def column_words(task: Task) -> str:
    """Return the columns of a task's rows for a reader, the gold's last; empty where rows have no columns.

    Example:
        >>> from toolkit.tasks import get_task
        >>> column_words(get_task("xnli")), column_words(get_task("micro-nli"))
        ('premise, hypothesis; gold: label', 'first, second; gold: label')
    """
    if task.kind not in EVALUATED:
        return ""
    language = task.train_language if task.train_language in task.languages else task.languages[0]
    read = ", ".join(each.words for each in own_fields(task, language))
    gold = gold_columns(task, language)
    return f"{read}; gold: {gold[0]}" if gold else read


def _columns(column: Column, language: str, task: Task) -> tuple[Column, ...]:
    """Return a column in every spelling of a language."""
    names: Mapping[str, str] = getattr(task.source, "names", {})
    if isinstance(column, str):
        return spellings(column, language, names)
    return (tuple(spellings(each, language, names)[0] for each in column),)
