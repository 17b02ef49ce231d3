"""Rows in, tokenised arrays out: one function per kind, and batches under a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.features.choice import choice_features
from toolkit.features.collate import Features
from toolkit.features.pair import pair_features
from toolkit.features.query import query_features
from toolkit.features.sentence import sentence_features
from toolkit.features.span import span_features
from toolkit.features.tags import tags_features

# Tokens a sequence, special ones included. Source: jiant's X-STILTs and XTREME guides.
MAX_LENGTH = {"pair": 256, "choice": 256, "tags": 256, "span": 384, "retrieval": 256}


def features_of(
    rows: Sequence,
    kind: str,
    tokenizer: Any,
    *,
    max_length: int | None = None,
    stride: int = 128,
    label_piece: str = "content",
    query_length: int | None = None,
) -> Features:
    """Tokenise `rows` of one task kind.

    Args:
        rows: rows of that kind (`toolkit.tasks.rows`).
        kind: `pair`, `choice`, `span`, `tags` or `retrieval`.
        max_length: tokens a sequence; default: `MAX_LENGTH` of the kind.
        stride: tokens that consecutive windows of a long context share (span only).
        label_piece: which piece carries a word's label, `content` or `first` (tags only).
        query_length: tokens of a query, `max_length` being those of a passage (retrieval only); default: as many.
    """
    size = max_length or MAX_LENGTH[kind]
    if kind == "span":
        return span_features(rows, tokenizer, max_length=size, stride=stride)
    if kind == "tags":
        return tags_features(rows, tokenizer, max_length=size, label_piece=label_piece)
    if kind == "choice":
        return choice_features(rows, tokenizer, max_length=size)
    if kind == "retrieval":
        return query_features(rows, tokenizer, max_length=size, query_length=min(query_length or size, size))
    return pair_features(rows, tokenizer, max_length=size)


__all__ = ["MAX_LENGTH", "Features", "features_of", "sentence_features"]
