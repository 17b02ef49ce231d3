"""Rows: one type for every kind of task, whatever the columns of its dataset are called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, TypeAlias

from toolkit.tasks.kinds import Kind

OTHER_TAG = -1  # a tag outside the task's set: never learnt, never right


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two sentences, or one text alone (`second` is None), and the index of the label in `Task.labels`."""

    id: str
    first: str
    second: str | None
    label: int


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A context (may be empty), a question (may be empty), the choices, and the index of the right one."""

    id: str
    context: str
    question: str
    choices: tuple[str, ...]
    label: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and the offset of its first character in the context, counted in Unicode code points."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A question, a context, and the reference answers; no answers: the question cannot be answered."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class TagsRow:
    """Tokens, and for each the index of its tag in `Task.labels`, or `OTHER_TAG`."""

    id: str
    tokens: tuple[str, ...]
    tags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BitextRow:
    """A sentence in a foreign language (`source`) and its English translation (`target`)."""

    id: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class SentenceRow:
    """A line of one of the two corpora that are mined for pairs.

    `side` is `source` (foreign) or `target` (English); `translations` are the ids of the target lines that the gold pairs
    with a source line, and empty on target lines.
    """

    id: str
    side: str
    text: str
    translations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryRow:
    """A query for which right candidates are sought in a pool (`Task.pool`).

    `key` is what is sought: all candidates that carry it are right, in whatever language. `passage` is the text of one of
    them, which training pulls the query to; empty if the rows are only scored and the data set keeps texts apart.
    """

    id: str
    query: str
    key: str
    passage: str = ""


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A text of the pool, and the keys of the queries that it is right for (none: a distractor)."""

    id: str
    language: str
    text: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextRow:
    """A plain text: a sentence, a paragraph or a document."""

    id: str
    text: str


Row: TypeAlias = PairRow | ChoiceRow | SpanRow | TagsRow | BitextRow | SentenceRow | QueryRow | TextRow

ROW_TYPES: Mapping[Kind, type] = {
    "pair": PairRow,
    "choice": ChoiceRow,
    "span": SpanRow,
    "tags": TagsRow,
    "bitext": BitextRow,
    "mining": SentenceRow,
    "retrieval": QueryRow,
    "text": TextRow,
}


class Opened(Protocol):
    """A split of a source, opened: its length is known, its rows are made one by one when asked for."""

    @property
    def split(self) -> str: ...

    @property
    def origin(self) -> str: ...

    def __len__(self) -> int: ...

    def row(self, index: int) -> Row: ...


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Rows in memory: read whole, or made from others."""

    split: str
    origin: str
    rows: Sequence[Row]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> Row:
        return self.rows[index]


def fingerprint_of(rows: Iterable[object]) -> str:
    """Return the first 16 hex digits of a SHA-256 over the content of every row: equal rows, equal fingerprint."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, ensure_ascii=False, default=_values).encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()[:16]


def _values(row: object) -> list[object]:
    """The values of a row or an answer in the order of their fields: `astuple` without its deep copies."""
    return [getattr(row, one.name) for one in fields(row)]  # type: ignore[arg-type]  # any dataclass
