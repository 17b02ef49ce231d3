"""Leaks: rows shared between training data and scored data, by their texts, their ids, and as translations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property

from toolkit.tasks import ChoiceRow, PairRow, QueryRow, Row, SpanRow, TagsRow, Task
from toolkit.tasks.kinds import Kind
from toolkit.tasks.sources.checks import has_own_ids

MIN_ID = 16  # characters; shorter ids and numbers count the rows of a file, as those of another file do


@dataclass(frozen=True)
class Held:
    """Rows of one task, split and language, as examples.

    Attributes:
        task: whose rows these are.
        split: as it was asked for (`train`, `score`) and as the dataset calls it (`validation`).
        language: their language, or `context.question`.
        rows: the rows that are not faulty.
        fingerprint: of the rows, where all of them are good.
    """

    task: Task
    split: tuple[str, str]
    language: str
    rows: Sequence[Row] = field(repr=False)
    fingerprint: str = ""

    @cached_property
    def keys(self) -> list[str]:
        """The question of each row, without case and spacing: rows with one key are duplicates."""
        texts_of = QUESTIONS[self.task.kind]
        return ["\x1f".join(map(_plain, texts_of(row))) for row in self.rows]

    @cached_property
    def contexts(self) -> frozenset[str]:
        """The passages of a span task, without case and spacing."""
        return frozenset(_plain(row.context) for row in self.rows if isinstance(row, SpanRow))

    @cached_property
    def ids(self) -> frozenset[str]:
        return frozenset(row.id for row in self.rows)

    @property
    def has_ids(self) -> bool:
        """Whether ids are the dataset's own; otherwise a row's id is its place in the file."""
        return self.task.is_generated or has_own_ids(self.task.source)

    def is_aligned(self, other: Held) -> bool:
        """Whether a row of the same id is the same example in another language."""
        return self.task.parallel and (self.has_ids or len(self.rows) == len(other.rows))


@dataclass(frozen=True)
class Leak:
    """Rows that one language of a target shares with rows that were seen.

    Attributes:
        language: the language scored.
        n: rows scored in it.
        same: rows scored whose texts were seen.
        n_contexts: passages scored.
        contexts: passages scored that were seen, with whatever question.
        parallel: further rows scored that were seen as the same example in other words: in another language, or
            under the same id.
    """

    language: str
    n: int
    same: int
    n_contexts: int
    contexts: int
    parallel: int


def find_leaks(seen: Held, scored: Mapping[str, Held]) -> list[Leak]:
    """Return the rows that each language of a target shares with the rows `seen`; languages that share none are left out.

    Two rows are the same if their texts are, without case and spacing. If the target's languages are parallel, a row seen in
    one language gives away the row with its id in all others (the row at its place, if the data has no ids and the languages
    have as many rows). Ids are also compared directly: those of a common dataset and split, those of splits that `overlaps`
    declares, and otherwise only ids that cannot be numbers in a file.
    """
    keys = frozenset(seen.keys)
    texts = {
        language: frozenset(row.id for row, key in zip(held.rows, held.keys, strict=True) if key in keys)
        for language, held in scored.items()
    }
    found = []
    for language, held in scored.items():
        shown: set[str] = set(_shared_ids(seen, held))
        for other, ids in texts.items():
            if other != language and held.is_aligned(scored[other]):
                shown |= ids
        same = sum(key in keys for key in held.keys)
        parallel = len((shown - texts[language]) & held.ids)
        contexts = len(held.contexts & seen.contexts)
        if same or parallel or contexts:
            found.append(Leak(language, len(held.rows), same, len(held.contexts), contexts, parallel))
    return found


def describe(leaks: Sequence[Leak], what: str) -> Iterator[str]:
    """Yield sentences with the counts, languages of equal counts together.

    Args:
        leaks: of one set of rows that was seen.
        what: beginning of the sentences, `'mnli' saw mnli en (train)`.
    """
    said: dict[str, list[str]] = {}
    for leak in leaks:
        for n, total, noun, are in (
            (leak.same, leak.n, "rows", "among them"),
            (leak.parallel, leak.n, "rows", "the same examples in another language or wording"),
            (leak.contexts, leak.n_contexts, "contexts", "among them"),
        ):
            if n:
                said.setdefault(f"{n} of the {total} {noun} scored in {{}} are {are}.", []).append(leak.language)
    for sentence, languages in said.items():
        each = "each of " if len(languages) > 1 else ""
        yield f"{what}: {sentence.format(each + ', '.join(languages))}"


def _of_pair(row: Row) -> tuple[str, ...]:
    assert isinstance(row, PairRow)
    return (row.first,) if row.second is None else (row.first, row.second)


def _of_choice(row: Row) -> tuple[str, ...]:
    assert isinstance(row, ChoiceRow)
    return row.context, row.question, *row.choices


def _of_span(row: Row) -> tuple[str, ...]:
    assert isinstance(row, SpanRow)
    return row.question, row.context


def _of_tags(row: Row) -> tuple[str, ...]:
    assert isinstance(row, TagsRow)
    return row.tokens


def _of_query(row: Row) -> tuple[str, ...]:
    assert isinstance(row, QueryRow)
    return row.query, row.passage  # without the row's key, which is the answer


def texts_of(row: Row) -> tuple[str, ...]:
    """Return the texts of a row of any kind, in the order of its fields."""
    values = ((one.name, getattr(row, one.name)) for one in fields(row))
    return tuple(value for name, value in values if name != "id" and isinstance(value, str))


# By kind the texts that make up the question of a row.
QUESTIONS: dict[Kind, Callable[[Row], tuple[str, ...]]] = {
    "pair": _of_pair,
    "choice": _of_choice,
    "span": _of_span,
    "tags": _of_tags,
    "bitext": texts_of,
    "mining": texts_of,
    "retrieval": _of_query,
    "text": texts_of,
}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _shared_ids(seen: Held, held: Held) -> frozenset[str]:
    path = getattr(held.task.source, "path", None)
    is_common = (
        path is not None and path == getattr(seen.task.source, "path", None) and seen.split[1] == held.split[1]
        # Without ids of their own, only translations have the same place.
        and ((held.has_ids and seen.has_ids) or held.is_aligned(seen))
    )  # fmt: skip
    shared = seen.ids & held.ids
    if is_common:
        return shared
    if not (seen.has_ids and held.has_ids) or seen.task.is_generated != held.task.is_generated:
        return frozenset()
    if f"{seen.task.name}:{seen.split[0]}" in held.task.overlaps and not held.task.is_generated:
        return shared
    return frozenset(id for id in shared if len(id) >= MIN_ID and not id.isdecimal())
