"""Conversion of a dataset's values to a typed row, checked on the way.

Each converter takes the raw values by field name (`first`, `label`, ...; see `kinds.FIELDS`) and returns the row; what is
wrong is raised as a `Fault` with what was found and what was expected, and the caller adds file and row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import (
    OTHER_TAG,
    Answer,
    BitextRow,
    ChoiceRow,
    PairRow,
    QueryRow,
    Row,
    SpanRow,
    TagsRow,
    TextRow,
)
from toolkit.tasks.sources.label_names import word_of


class Fault(Exception):
    """A faulty value: what was found and what was expected; a DataError once file and row are known."""

    def __init__(self, field: str, found: str, expected: str) -> None:
        super().__init__(f"{found}; expected {expected}")
        self.field = field
        self.found = found
        self.expected = expected


@dataclass(frozen=True)
class Promise:
    """The facts of a task that its rows must fit.

    Attributes:
        labels: names of the labels; a raw label is an index into them or one of the names.
        may_be_unanswerable: whether a span row may come without an answer.
        may_have_other_tags: whether a tag's name may be outside `labels`; it becomes `OTHER_TAG`.
        words: the index of the label that a raw word or index stands for; empty: those of `labels` (`label_names`).
    """

    labels: Sequence[str]
    may_be_unanswerable: bool = False
    may_have_other_tags: bool = False
    words: Mapping[str, int] = field(default_factory=dict)


def convert(
    kind: Kind,
    raw: Mapping[str, Any],
    id: str,
    promise: Promise,
) -> Row:
    """Return the typed row of `kind` that holds the `raw` values.

    Args:
        kind: one of `kinds.FIELDS`.
        raw: values by field name.
        id: the row's id if `raw` holds none.
        promise: what the task says of its rows.

    Raises:
        Fault: a value is not what the kind promises.

    Example:
        >>> convert("pair", {"first": "It rains.", "second": "It is dry.", "label": "no"}, "0", Promise(("yes", "no"))).label
        1
    """
    row_id = str(raw["id"]) if raw.get("id") not in (None, "") else id
    return CONVERTERS[kind](raw, row_id, promise)


def _pair(raw: Mapping[str, Any], id: str, promise: Promise) -> PairRow:
    second = _text(raw, "second") if "second" in raw else None
    return PairRow(id, _text(raw, "first"), second, _label("label", raw["label"], promise.labels, promise.words))


def _choice(raw: Mapping[str, Any], id: str, promise: Promise) -> ChoiceRow:
    choices = _texts(raw, "choices")
    if len(choices) < 2:
        raise Fault("choices", f"{len(choices)} choices", "at least 2")
    keys = (
        _texts(raw, "keys")
        if raw.get("keys") is not None
        else (tuple(promise.labels) or tuple(map(str, range(len(choices)))))
    )
    label = _label("label", raw["label"], keys, promise.words)
    if label >= len(choices):
        raise Fault("label", f"label {_short(raw['label'])}", f"one of the {len(choices)} choices")
    context = _text(raw, "context") if "context" in raw else ""
    return ChoiceRow(id, context, _text(raw, "question") if "question" in raw else "", choices, label)


def _span(raw: Mapping[str, Any], id: str, promise: Promise) -> SpanRow:
    context, question = _text(raw, "context"), _text(raw, "question")
    texts, starts = _texts(raw, "texts"), raw["starts"]
    if starts is None or len(starts) != len(texts):
        raise Fault("starts", f"{len(texts)} answer texts and {len(starts or ())} offsets", "as many offsets as texts")
    if not texts and not promise.may_be_unanswerable:
        raise Fault("texts", "no answer", "at least one answer, or `may_be_unanswerable: true` in the task file")
    for text, start in zip(texts, starts, strict=True):
        if type(start) is not int or start < 0:
            raise Fault("starts", f"offset {_short(start)}", "a character offset from 0")
        if not text:
            raise Fault("texts", "an empty answer", "a piece of the context")
        there = context[start : start + len(text)]
        if there != text:
            raise Fault("starts", f"answer {_short(text)} is not at offset {start}", f"it there, not {_short(there)}")
    return SpanRow(id, question, context, tuple(map(Answer, texts, starts)))


def _tags(raw: Mapping[str, Any], id: str, promise: Promise) -> TagsRow:
    tokens, tags, labels = _texts(raw, "tokens"), raw["tags"], promise.labels
    if not tokens:
        raise Fault("tokens", "no tokens", "at least one")
    if tags is None or len(tags) != len(tokens):
        raise Fault("tags", f"{len(tokens)} tokens and {len(tags or ())} tags", "as many tags as tokens")
    if not promise.words and all(
        type(tag) is int and 0 <= tag < len(labels) for tag in tags
    ):  # the usual case, kept fast
        return TagsRow(id, tokens, tuple(tags))
    known = promise.words or _index_of(tuple(labels))
    return TagsRow(id, tokens, tuple(_tag(tag, known, promise) for tag in tags))


def _tag(tag: object, known: Mapping[str, int], promise: Promise) -> int:
    word = tag if isinstance(tag, str) else (word_of(tag) if promise.words else None)
    if word:
        if word in known:
            return known[word]
        if promise.may_have_other_tags:
            return OTHER_TAG
    return _label("tags", tag, promise.labels, promise.words)


@lru_cache(maxsize=8)  # a tag set of hundreds is looked up for every token
def _index_of(labels: tuple[str, ...]) -> Mapping[str, int]:
    return {name: index for index, name in enumerate(labels)}


def _bitext(raw: Mapping[str, Any], id: str, promise: Promise) -> BitextRow:
    # Some copies of Tatoeba keep the newline at the end of the line.
    source, target = _text(raw, "source").strip(), _text(raw, "target").strip()
    for name, text in (("source", source), ("target", target)):
        if not text:
            raise Fault(name, "an empty sentence", "a sentence")
    return BitextRow(id, source, target)


def _retrieval(raw: Mapping[str, Any], id: str, promise: Promise) -> QueryRow:
    query, passage = _text(raw, "query").strip(), _text(raw, "passage").strip()
    for name, text in (("query", query), ("passage", passage)):
        if not text:
            raise Fault(name, f"an empty {name}", f"a {name}")
    # Without a key of its own a passage answers the queries of its rows.
    key = str(raw["key"]) if raw.get("key") not in (None, "") else passage
    return QueryRow(id, query, key, passage)


def _plain_text(raw: Mapping[str, Any], id: str, promise: Promise) -> TextRow:
    return TextRow(id, _text(raw, "text"))


CONVERTERS: Mapping[Kind, Callable[[Mapping[str, Any], str, Promise], Row]] = {
    "pair": _pair,
    "choice": _choice,
    "span": _span,
    "tags": _tags,
    "bitext": _bitext,
    "retrieval": _retrieval,
    "text": _plain_text,
}


def _label(field: str, value: object, labels: Sequence[str], words: Mapping[str, int]) -> int:
    if words:
        if (word := word_of(value)) in words:
            return words[word or ""]
        maps = (
            f"; `label_map:` in a task file says what it stands for, such as `{word}: {labels[0]}`"
            if word and labels
            else ""
        )
        raise Fault(field, f"label {_short(value)}", f"one of {', '.join(list(words)[:17])}{maps}")
    if type(value) is int and 0 <= value < len(labels):
        return value
    if isinstance(value, str) and value in labels:
        return list(labels).index(value)
    # A text file's cells are text; where no label is called by a number, a number is an index there too.
    is_index = isinstance(value, str) and value.isdecimal() and len(value) < 6
    if is_index and not any(label.isdecimal() for label in labels) and int(str(value)) < len(labels):
        return int(str(value))
    names = f"{', '.join(labels[:17])}{', ...' if len(labels) > 17 else ''}"
    others = "; `label_map:` in a task file maps other words" if isinstance(value, str) else ""
    if labels and str(value) == str(len(labels)):
        first = f"{{1: {labels[0]}, 2: {labels[1]}{', ...' if len(labels) > 2 else ''}}}" if len(labels) > 1 else "..."
        others = f"; if they are counted from 1, `label_map: {first}` in a task file says so"
    raise Fault(field, f"label {_short(value)}", f"0 to {len(labels) - 1} ({names}){others}")


def _text(raw: Mapping[str, Any], field: str) -> str:
    value = raw[field]
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return " ".join(value)  # several columns, or several sentences, are one text
    if not isinstance(value, str):
        raise Fault(field, f"{_short(value)} as {field}", "text")
    return value


def _texts(raw: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = raw[field]
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise Fault(field, f"{_short(value)} as {field}", "a list of texts")
    return tuple(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
