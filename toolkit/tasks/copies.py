"""Rows whose two texts are one: where vectors are compared every encoder gets them right, so a set of nothing else is
refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolkit.errors import DataError
from toolkit.tasks.kinds import RETRIEVED, Kind
from toolkit.tasks.rows import (
    BitextRow,
    ChoiceRow,
    Opened,
    PairRow,
    QueryRow,
    Row,
    SentenceRow,
    SpanRow,
    TagsRow,
    TextRow,
)


def _of_pair(row: PairRow) -> tuple[str, ...]:
    return (row.first,) if row.second is None else (row.first, row.second)


def _of_choice(row: ChoiceRow) -> tuple[str, ...]:
    return row.choices


def _of_span(row: SpanRow) -> tuple[str, ...]:
    return row.question, row.context


def _of_tags(row: TagsRow) -> tuple[str, ...]:
    return ()  # tags are indices


def _of_bitext(row: BitextRow) -> tuple[str, ...]:
    return row.source, row.target


def _of_sentence(row: SentenceRow | TextRow) -> tuple[str, ...]:
    return ()  # one text a row; `corpora` compares those of the gold pairs


def _of_query(row: QueryRow) -> tuple[str, ...]:
    return row.query, row.passage


# The texts of a row that are expected to differ.
APART: Mapping[Kind, Callable[[Any], tuple[str, ...]]] = {
    "pair": _of_pair,
    "choice": _of_choice,
    "span": _of_span,
    "tags": _of_tags,
    "bitext": _of_bitext,
    "mining": _of_sentence,
    "retrieval": _of_query,
    "text": _of_sentence,
}


def has_copy(kind: Kind, row: Row) -> bool:
    """Return whether two of the texts that should differ are the same to an encoder.

    Example:
        >>> has_copy("bitext", BitextRow("0", "Rome", "Rome")), has_copy("bitext", BitextRow("0", "Rom", "Rome"))
        (True, False)
    """
    texts = [_as_read(text) for text in APART[kind](row)]
    return len(set(texts)) < len(texts)


def _as_read(text: str) -> str:
    """Return a text as an encoder reads it: characters in one form each (NFKC, as XLM-R's normaliser), single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def refuse_copies(kind: Kind, opened: Opened, where: str) -> None:
    """Raise a DataError if a text finds itself in every row (of two or more) of a kind that is scored by retrieval.

    Args:
        where: names the rows in the message.
    """
    if kind not in RETRIEVED:
        return
    n = 0
    for texts in _texts(kind, opened):
        if len(texts) < 2 or len({_as_read(text) for text in texts}) > 1:
            return
        n += 1
    if n > 1:
        raise DataError(
            f"{where}: in all {n:,} rows ({opened.origin}) the text sought is the text itself, so that any encoder finds it; "
            "expected another column, config or file for one of the two."
        )


def _texts(kind: Kind, opened: Opened) -> Iterator[tuple[str, ...]]:
    """Yield the texts of each row that is not faulty; the faulty ones are reported when they are reached."""
    for index in range(len(opened)):
        try:
            yield APART[kind](opened.row(index))
        except DataError:
            continue
