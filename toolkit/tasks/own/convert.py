"""Conversion of a record, by columns, to a row of a task that has no gold yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from toolkit.errors import DataError, ToolkitError
from toolkit.tasks.kinds import Kind
from toolkit.tasks.own.fields import PLAIN, TEXT, OwnField, own_fields
from toolkit.tasks.own.words import words_of
from toolkit.tasks.rows import Row
from toolkit.tasks.sources.checks import Column, parts_of
from toolkit.tasks.sources.conll import BLANKS
from toolkit.tasks.sources.convert import Fault, Promise, convert
from toolkit.tasks.task import Task

Record: TypeAlias = Mapping[str, Any]
"""A row as it comes: values by column."""

Given: TypeAlias = Record | str
"""A row as it comes: a record, or a text alone."""

MASK = "<mask>"  # of XLM-R's tokenizer
_MISSING = object()


@dataclass(frozen=True)
class Asked:
    """A row to be answered.

    Attributes:
        row: typed; its gold is a placeholder that nothing reads.
        starts: of tagged raw text the offset of each token in it; None where the tokens came cut.
        language: that it is in.
    """

    row: Row
    starts: tuple[int, ...] | None = None
    language: str = ""


class Asker:
    """Makes records into rows of one task.

    Args:
        task: whose rows they are.
        language: fills the placeholders of the task's columns.
    """

    def __init__(self, task: Task, language: str) -> None:
        self.task, self.language = task, language
        self.fields = own_fields(task, language)
        labels = task.labels or ("",)
        self._promise = Promise(labels, may_be_unanswerable=True)

    def ask(self, record: Given, place: str) -> Asked:
        """Return the row of a record, or of a plain text where one text is a row of the task.

        Args:
            record: values by column, or a text.
            place: where it is, for a fault: `rows.jsonl, line 3`.

        Raises:
            DataError: a column that is needed is not there, or does not hold what the kind of the task needs.
        """
        kind = self.task.kind
        try:
            raw = self._raw({PLAIN: record} if isinstance(record, str) else record)
            starts = None
            if isinstance(raw.get("tokens"), str):
                raw["tokens"], starts = _cut(raw["tokens"], is_raw=not self._has_cut_tokens(record))
            raw |= _FILLERS[kind](raw)
            return Asked(convert(kind, raw, place, self._promise), starts, self.language)
        except Fault as fault:
            where = self._place_in(record, fault.field)
            raise DataError(f"{place}: {fault.found}{where}; expected {fault.expected}.") from None

    def _place_in(self, record: Given, name: str) -> str:
        """Return the column that holds a faulty field, where the row calls it otherwise."""
        if not isinstance(record, Mapping):
            return ""
        columns = [column for field in self.fields if field.name == name for column in field.columns]
        found = next((each for each in columns if _value(record, each) is not _MISSING), name)
        return "" if found == name else f" in column '{', '.join(parts_of(found))}'"

    def ask_all(self, records: Iterable[Given], where: str = "row") -> list[Asked]:
        """Return the rows of records, counted from 0 in a fault."""
        return [self.ask(record, f"{where} {number} (counted from 0)") for number, record in enumerate(records)]

    def _has_cut_tokens(self, record: Given) -> bool:
        """Whether a text of tokens came in the column of tokens, where blanks part them, and not as raw text."""
        return not isinstance(record, str) and not (PLAIN in record and self._column(record) == PLAIN)

    def _column(self, record: Record) -> Column | None:
        field = next(each for each in self.fields if each.name == "tokens")
        return next((each for each in field.columns if _value(record, each) is not _MISSING), None)

    def _raw(self, record: Record) -> dict[str, Any]:
        if not isinstance(record, Mapping):
            raise Fault("", f"{type(record).__name__}", f"a row with {_listed(self.fields)}")
        found: dict[str, Any] = {}
        for field in self.fields:
            value = next((each for one in field.columns if (each := _value(record, one)) is not _MISSING), _MISSING)
            if value is _MISSING or (value is None and not field.is_needed):
                if field.is_needed:
                    raise self._lacks(field, record)
                continue
            found[field.name] = _READERS.get(field.name, _as_is)(value)
            require_whole(field.name, found[field.name])
        return found

    def _lacks(self, field: OwnField, record: Record) -> Fault:
        held = ", ".join(map(str, list(record)[:9])) or "nothing"
        if list(record) == [PLAIN] and TEXT[self.task.kind] != field.name:
            there = "a text alone"
        else:
            there = f"no column '{field.words}' (it has {held})"
        return Fault(field.name, there, f"{_listed(self.fields)} (`xstilts tasks {self.task.name}` shows the columns)")


def require_whole(name: str, value: Any) -> None:
    """Raise a Fault for a text, or a text in a list, with half of a pair of surrogates, which no tokenizer reads."""
    for text in value if isinstance(value, list | tuple) else [value]:
        if isinstance(text, str) and not text.isascii():
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                raise Fault(name, f"text with half a surrogate pair as {name}", "whole characters") from None


def refuse_other_kinds(task: Task) -> None:
    """Raise a ToolkitError for a task whose rows no head answers."""
    if task.kind not in _FILLERS:
        raise ToolkitError(
            f"'{task.name}' is a {task.kind} task, whose texts have vectors and no answers: `xstilts embed`."
        )


def _listed(fields: Sequence[OwnField]) -> str:
    return " and ".join(each.words for each in fields if each.is_needed)


def _value(record: Record, column: Column) -> Any:
    """Return what a record holds in a column, a path into it, or several columns; `_MISSING` where there is none of them."""
    if not isinstance(column, str):
        values = [_value(record, each) for each in column]
        return _MISSING if any(each is _MISSING for each in values) else values
    if column in record:
        return record[column]
    found: Any = record
    for step in column.split("."):
        if isinstance(found, list) and found and all(isinstance(each, Mapping) and step in each for each in found):
            found = [each[step] for each in found]
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        else:
            return _MISSING
    return found


def _as_is(value: Any) -> Any:
    return value


def _of_list(value: Any) -> Any:
    """Return a list that a cell holds as JSON; another value as it is."""
    if hasattr(value, "tolist"):  # of numpy, which pandas reads from parquet
        return value.tolist()
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            found = json.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, list) else value
    return value


_READERS: Mapping[str, Callable[[Any], Any]] = {"choices": _of_list, "tokens": _of_list}


def _cut(text: str, *, is_raw: bool) -> tuple[list[str], tuple[int, ...] | None]:
    if not is_raw:
        return [word for word in BLANKS.split(text) if word], None
    words = words_of(text)
    return [word.text for word in words], tuple(word.start for word in words)


def _require_mask(raw: Record) -> dict[str, Any]:
    """Raise a Fault for a text in which nothing is missing."""
    text = raw["text"]
    if isinstance(text, str) and MASK not in text:
        shown = text if len(text) <= 40 else f"{text[:37]}..."
        raise Fault("text", f"no {MASK} in {shown!r}", f"{MASK} in the place of each piece that is to be named")
    return {}


# What is put in the place of the gold, by kind.
_FILLERS: Mapping[Kind, Callable[[Record], dict[str, Any]]] = {
    "pair": lambda raw: {"label": 0},
    "choice": lambda raw: {"label": 0, "keys": None},
    "span": lambda raw: {"texts": [], "starts": []},
    "text": _require_mask,
    "tags": lambda raw: dict(tags=[0] * len(raw["tokens"]) if isinstance(raw["tokens"], list | tuple) else []),
}
