"""Rows of a span task as retrieval rows: the question, and its answer's first sentence with the context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ConfigError
from toolkit.tasks.pool import Pool
from toolkit.tasks.rows import CandidateRow, Opened, QueryRow, Row, SpanRow
from toolkit.tasks.sources.checks import check_kind
from toolkit.tasks.sources.sentences import sentence_spans

if TYPE_CHECKING:
    from toolkit.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class AnswerSentences:
    """The rows of an English span task, asked in another way.

    Attributes:
        task: the span task; each of its rows must have an answer.
    """

    task: Task

    @property
    def path(self) -> str:
        """The span task's hub id, for a reader."""
        return str(getattr(self.task.source, "path", self.task.name))

    @property
    def has_ids(self) -> bool:
        return "id" in getattr(self.task.source, "columns", {})

    @property
    def splits(self) -> Mapping[str, Any]:
        return self.task.source.splits

    def check(self, task: Task) -> None:
        check_kind(task, "retrieval", f"the answers of '{self.task.name}'")
        check_kind(self.task, "span", f"contexts for '{task.name}'")
        if self.task.may_be_unanswerable:
            raise ConfigError(
                f"Task '{task.name}' reads the answers of '{self.task.name}', whose questions may have none; expected a task "
                "whose questions all have an answer."
            )

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        return self.task.source.reachable(languages, split, data_root)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> Opened:
        return _Asked(self.task.source.open(self.task, split, language, data_root))

    def pool(self, task: Task, split: str, data_root: Path | None) -> Pool:
        """Return every sentence of every context, each once, with the keys of the questions that it answers."""
        contexts: dict[tuple[str, str], None] = {}
        opened = {language: self.open(task, split, language, data_root) for language in task.languages}
        for language, rows in opened.items():
            assert isinstance(rows, _Asked)
            contexts |= dict.fromkeys((language, rows.span(i).context) for i in range(len(rows)))
        found: dict[tuple[str, str], CandidateRow] = {}
        for number, (language, context) in enumerate(contexts):
            for place, (start, end) in enumerate(sentence_spans(context)):
                text = passage(context, start, end)
                # A passage is its own key: every question on this sentence seeks it.
                found.setdefault(
                    (language, text), CandidateRow(f"{language}_{number}_{place}", language, text, (text,))
                )
        return Pool(list(found.values()), "; ".join(rows.origin for rows in opened.values()))


class _Asked:
    """Opened span rows as queries."""

    def __init__(self, opened: Opened) -> None:
        self.split = opened.split
        self.origin = opened.origin
        self._opened = opened

    def __len__(self) -> int:
        return len(self._opened)

    def span(self, index: int) -> SpanRow:
        row = self._opened.row(index)
        assert isinstance(row, SpanRow)
        return row

    def row(self, index: int) -> Row:
        row = self.span(index)
        spans = sentence_spans(row.context)
        # Of several answers the first counts, as in XTREME-R; one that begins between two sentences belongs to the later.
        at = row.answers[0].start
        start, end = next(((first, last) for first, last in spans if at < last), spans[-1])
        text = passage(row.context, start, end)
        return QueryRow(row.id, row.question, text, text)


def passage(context: str, start: int, end: int) -> str:
    """Return a sentence followed by its whole context, in one line, as LAReQA's candidates are."""
    return (context[start:end] + context).replace("\n", "").strip()
