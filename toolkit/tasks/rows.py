"""Rows: what every task of a kind hands out, whatever the columns of its dataset are called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias, overload

from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from toolkit.tasks.task import Task


OTHER_TAG = -1  # a tag outside the task's set: never learnt, never right


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two sentences and the index of their relation in `Task.labels`."""

    id: str
    first: str
    second: str
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
    them, which training pulls the query to; empty where the rows are only scored and the data set keeps texts apart.
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


Row: TypeAlias = PairRow | ChoiceRow | SpanRow | TagsRow | BitextRow | SentenceRow | QueryRow

KINDS: dict[str, type] = {
    "pair": PairRow,
    "choice": ChoiceRow,
    "span": SpanRow,
    "tags": TagsRow,
    "bitext": BitextRow,
    "mining": SentenceRow,
    "retrieval": QueryRow,
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
    """Rows that lie in memory: read whole, or made from others."""

    split: str
    origin: str
    rows: Sequence[Row]

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> Row:
        return self.rows[index]


class Rows(Sequence[Row]):
    """The rows of one task, split and language, made and checked when they are asked for.

    Indexing with an integer gives a typed row, with a slice a smaller `Rows`. A row that does not hold what the
    task promises raises a DataError that names file, row, what was found and what was expected.

    Attributes:
        task: the task they belong to.
        asked: the split that was asked for: `train`, `dev`, `test` or `score`.
        split: the split of the dataset that answered, for example `validation`; reports print this one.
        language: ISO 639-1 code, or `context.question` where the task crosses languages.
        origin: where they come from: mirror file or hub id with its revision, or the generator's name.
        revision: `org/name@commit` of the dataset, where hub or mirror say it; else empty.
        is_generated: whether a generator made them; such rows are no benchmark.
    """

    def __init__(
        self, task: Task, asked: str, language: str, opened: Opened, indices: Sequence[int] | None = None
    ) -> None:
        self.task = task
        self.asked = asked
        self.language = language
        self.split = opened.split
        self.origin = opened.origin
        self.revision: str = getattr(opened, "revision", "")
        self.is_generated = task.is_generated
        self._opened = opened
        self._indices: Sequence[int] = range(len(opened)) if indices is None else indices

    def __len__(self) -> int:
        return len(self._indices)

    def __repr__(self) -> str:
        return f"Rows({self.task.name} {self.language} {self.split}: {len(self)} rows, {self.origin})"

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Rows: ...

    def __getitem__(self, index: int | slice) -> Row | Rows:
        if isinstance(index, slice):
            return Rows(self.task, self.asked, self.language, self._opened, self._indices[index])
        return self._opened.row(self._indices[index])

    def __iter__(self) -> Iterator[Row]:
        return map(self._opened.row, self._indices)

    def select(self, positions: Sequence[int]) -> Rows:
        """Return a Rows with only the rows at these positions, in this order."""
        return Rows(self.task, self.asked, self.language, self._opened, [self._indices[i] for i in positions])

    def draw(self, n: int, *, seed: int) -> Rows:
        """Return `n` rows drawn without replacement, in their own order.

        Which they are depends on the number of rows and the seed alone, and a smaller draw is part of a larger one.

        Example:
            >>> from toolkit.tasks import get_task
            >>> rows = get_task("micro-nli").rows("train", limit=6)
            >>> [row.id for row in rows.draw(3, seed=0)]
            ['nli-train-1', 'nli-train-2', 'nli-train-4']
        """
        if not 0 < n <= len(self):
            raise ConfigError(
                f"{n} of {len(self)} rows of '{self.task.name}' were asked for; expected 1 to {len(self)}."
            )
        # A hash and no generator: whoever compares rows with a card's years later draws the same ones.
        order = sorted(range(len(self)), key=lambda i: hashlib.sha256(f"{seed} {i}".encode()).digest())
        return self.select(sorted(order[:n]))

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over the content of every row: equal rows, equal fingerprint."""
        digest = hashlib.sha256()
        for row in self:
            digest.update(json.dumps(row, ensure_ascii=False, default=_values).encode("utf-8", "surrogatepass"))
            digest.update(b"\n")
        return digest.hexdigest()[:16]


def _values(row: object) -> list[object]:
    """The values of a row or an answer in the order of their fields: `astuple` without its deep copies."""
    return [getattr(row, one.name) for one in fields(row)]  # type: ignore[arg-type]
