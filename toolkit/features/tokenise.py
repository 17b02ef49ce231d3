"""Features of rows: the token sequences of each kind, made by one function a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.config.words import LabelPiece
from toolkit.features.choice import choice_features
from toolkit.features.collate import Features
from toolkit.features.pair import pair_features
from toolkit.features.query import query_features
from toolkit.features.span import check_windows, span_features
from toolkit.features.tags import tags_features
from toolkit.features.text import filled_features, text_features
from toolkit.tasks.kinds import Kind


@dataclass(frozen=True)
class Tokenising:
    """How rows become sequences; a kind reads the settings that concern it.

    Attributes:
        max_length: tokens a sequence, special ones included; None: `MAX_LENGTH` of the kind.
        stride: tokens that consecutive windows of a long context share (span only).
        label_piece: the piece that carries a word's label (tags only).
        query_length: tokens of a query, `max_length` being those of a passage (retrieval only); None: as many.
        is_filled: whether `<mask>` in a text is a piece to be named, each text by itself (text only).
    """

    max_length: int | None = None
    stride: int = 128
    label_piece: LabelPiece = "content"
    query_length: int | None = None
    is_filled: bool = False


@dataclass(frozen=True)
class Tokeniser:
    """What makes the features of one kind.

    Attributes:
        make: takes rows, a tokenizer, the length in tokens and the settings.
        max_length: tokens a sequence unless the settings say otherwise.
        reads: the settings that it reads besides the length.
        check: takes the length in tokens and the settings; raises a ToolkitError if they do not go together.
    """

    make: Callable[[Sequence[Any], Any, int, Tokenising], Features]
    max_length: int = 256
    reads: tuple[str, ...] = ()
    check: Callable[[int, Tokenising], None] = lambda size, how: None


# Lengths: jiant's X-STILTs and XTREME guides.
TOKENISERS: Mapping[Kind, Tokeniser] = {
    "pair": Tokeniser(lambda rows, tokenizer, size, _: pair_features(rows, tokenizer, max_length=size)),
    "choice": Tokeniser(lambda rows, tokenizer, size, _: choice_features(rows, tokenizer, max_length=size)),
    "span": Tokeniser(
        lambda rows, tokenizer, size, how: span_features(rows, tokenizer, max_length=size, stride=how.stride),
        max_length=384,
        reads=("stride",),
        check=lambda size, how: check_windows(size, how.stride),
    ),
    "tags": Tokeniser(
        lambda rows, tokenizer, size, how: tags_features(rows, tokenizer, max_length=size, label_piece=how.label_piece),
        reads=("label_piece",),
    ),
    "retrieval": Tokeniser(
        lambda rows, tokenizer, size, how: query_features(
            rows, tokenizer, max_length=size, query_length=min(how.query_length or size, size)
        ),
        reads=("query_length",),
    ),
    "text": Tokeniser(
        lambda rows, tokenizer, size, how: (filled_features if how.is_filled else text_features)(
            rows, tokenizer, max_length=size
        ),
        max_length=128,
        reads=("is_filled",),
    ),
}
MAX_LENGTH: Mapping[Kind, int] = {kind: each.max_length for kind, each in TOKENISERS.items()}


def features_of(
    rows: Sequence[Any],
    kind: Kind,
    tokenizer: Any,
    *,
    max_length: int | None = None,
    stride: int = 128,
    label_piece: LabelPiece = "content",
    query_length: int | None = None,
) -> Features:
    """Tokenise `rows` of one task kind.

    Args:
        rows: rows of that kind (`toolkit.tasks.rows`).
        kind: one that `TOKENISERS` has: `pair`, `choice`, `span`, `tags`, `retrieval` or `text`.
        tokenizer: a fast tokenizer.
        max_length, stride, label_piece, query_length: as in `Tokenising`.
    """
    return tokenised(rows, kind, tokenizer, Tokenising(max_length, stride, label_piece, query_length))


def check_tokenising(kind: Kind, how: Tokenising) -> None:
    """Raise a ToolkitError if rows of a kind cannot be tokenised by these settings, before any row is read."""
    found = TOKENISERS[kind]
    found.check(how.max_length or found.max_length, how)


def tokenised(rows: Sequence[Any], kind: Kind, tokenizer: Any, how: Tokenising) -> Features:
    """Tokenise `rows` of one task kind as the settings say."""
    found = TOKENISERS[kind]
    return found.make(rows, tokenizer, how.max_length or found.max_length, how)
