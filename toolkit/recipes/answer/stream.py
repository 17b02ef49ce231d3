"""Answers to a stream of records, a window of rows at a time: memory depends on the window and not on the stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from toolkit.errors import DataError, ToolkitError
from toolkit.features.parts import PART
from toolkit.languages import get_language
from toolkit.recipes.answer.model import Model
from toolkit.results.answers import Answer
from toolkit.tasks.own.convert import Asked, Asker
from toolkit.tasks.own.gold import odd_label
from toolkit.tasks.own.records import Item

CHARACTERS = 1 << 22  # of a window of long texts, about


@dataclass(frozen=True)
class Answered:
    """A window of records with their answers.

    Attributes:
        pairs: each record and its answer.
        n_truncated: how many of them lost text to the length limit.
    """

    pairs: list[tuple[Item, Answer]]
    n_truncated: int = 0


class Languages:
    """The language of each record: one for all, or the one that a column names.

    Args:
        model: answers.
        language: of all rows; None: the training language of the task.
        column: names the language of each row; empty: one for all.

    Raises:
        ToolkitError: both are given, or the language is unknown.
    """

    def __init__(self, model: Model, language: str | None, column: str) -> None:
        if language is not None and column:
            raise ToolkitError("Both a language and a column of languages are given; leave one of them out.")
        self._model, self._column = model, column
        self._askers: dict[str, Asker] = {}
        self._one = None if column else model.asker(language)

    def asker(self, item: Item) -> Asker:
        """Return what makes a record into a row in its language.

        Raises:
            DataError: the column is not there, or names no language.
        """
        if self._one is not None:
            return self._one
        if self._column not in item.record:
            held = ", ".join(map(str, item.record))
            raise DataError(
                f"{item.place}: no column '{self._column}' (it has {held}); expected the row's language there."
            )
        value = str(item.record[self._column])
        if value not in self._askers:
            try:
                self._askers[value] = self._model.asker(get_language(value).code)
            except ToolkitError as fault:
                raise DataError(f"{item.place}: {fault}") from None
        return self._askers[value]


@dataclass
class Stream:
    """Answers records of one model, in order.

    Attributes:
        model: answers.
        languages: of the records.
        prefix: of the names of the answers' columns.
    """

    model: Model
    languages: Languages
    prefix: str = ""
    _is_odd_said: bool = field(default=False, init=False)

    def answers(self, items: Iterable[Item]) -> Iterator[Answered]:
        """Yield the answers, window by window; what is before a faulty record is answered before the fault is raised.

        Raises:
            DataError: a record lacks a column, or has one that an answer would replace.
        """
        held: list[tuple[Item, Asked]] = []
        size = 0
        source = iter(items)
        while True:
            try:
                item = next(source, None)
                if item is not None:
                    asked = self._asked(item)
            except ToolkitError:
                if held:
                    yield self._answered(held)
                raise
            if item is None:
                break
            held.append((item, asked))
            size += sum(len(value) for value in item.record.values() if isinstance(value, str))
            if len(held) == PART or size > CHARACTERS:
                yield self._answered(held)
                held, size = [], 0
        if held:
            yield self._answered(held)

    def _asked(self, item: Item) -> Asked:
        asker = self.languages.asker(item)
        if not self._is_odd_said and (said := odd_label(item.record, asker.task, asker.language)):
            self._is_odd_said = True
            self.model.say(f"{item.place}: {said}; gold labels are not needed, and ignored.")
        return asker.ask(item.record, item.place)

    def _answered(self, held: list[tuple[Item, Asked]]) -> Answered:
        found = self.model.answer([asked for _, asked in held])
        items = [item for item, _ in held]
        return Answered(list(zip(items, found.answers, strict=True)), found.n_truncated)

    def merged(self, item: Item, answer: Answer) -> dict[str, object]:
        """Return a record with its answer behind it.

        Raises:
            DataError: the record has a column that the answer would replace.
        """
        own = {f"{self.prefix}{name}": value for name, value in answer.values().items()}
        if taken := next((name for name in own if name in item.record), ""):
            raise DataError(
                f"{item.place}: the row has a column '{taken}' of its own, which its answer would replace; rename it, or give "
                "the answers' columns another beginning (`--prefix NAME_`)."
            )
        return {**item.record, **own}
