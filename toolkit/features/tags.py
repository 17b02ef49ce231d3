"""Features of tagged sentences: one label per word, carried by one of the word's pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from toolkit.config.words import LabelPiece
from toolkit.features.collate import IGNORED, SPACE, Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import OTHER_TAG, TagsRow


def tags_features(
    rows: Sequence[TagsRow], tokenizer: Any, *, max_length: int, label_piece: LabelPiece = "content"
) -> Features:
    """Tokenise pre-split sentences; a sentence beyond `max_length` is cut between words into several items.

    XLM-R cuts many Chinese, Japanese and Thai words into a bare `▁` and the content. `content` lets the first piece
    that is more than `▁` carry the word's label; `first` the first piece, as XTREME's script does.

    Args:
        max_length: tokens, special ones included.
        label_piece: `content` or `first`.

    Returns:
        Items are sentences or parts of them. `extra["words"]`: Ragged int32 [T], the word whose label a token carries,
        -1 elsewhere; `extra["n_words"]` int64 [rows].
    """
    rows = list(rows)
    space = tokenizer.convert_tokens_to_ids(SPACE)
    pieces_of = _pieces_of({token for row in rows for token in row.tokens}, tokenizer)
    items: list[_Item] = []
    n_truncated = 0
    for number, row in enumerate(rows):
        is_cut = False
        item = _Item(number)
        for word, (token, tag) in enumerate(zip(row.tokens, row.tags, strict=True)):
            pieces = pieces_of[token]
            if len(pieces) > max_length - 2:
                pieces, is_cut = pieces[: max_length - 2], True
            if len(item.ids) + len(pieces) > max_length - 2:
                items.append(item)
                item = _Item(number)
            is_behind = label_piece == "content" and len(pieces) > 1 and pieces[0] == space
            item.add(word, pieces, tag, carrier=1 if is_behind else 0)
        items.append(item)
        n_truncated += is_cut
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    return Features(
        kind="tags",
        input_ids=Ragged.of([[bos, *item.ids, eos] for item in items]),
        source_row=np.array([item.row for item in items], np.int64),
        n_rows=len(rows),
        tags=Ragged.of([[IGNORED, *item.tags, IGNORED] for item in items], np.int64),
        n_truncated=n_truncated,
        extra={
            "words": Ragged.of([[-1, *item.words, -1] for item in items]),
            "n_words": np.array([len(row.tokens) for row in rows], np.int64),
        },
    )


@dataclass
class _Item:
    """A sentence or a part of it, without its special tokens: a tag and the word it belongs to for each token."""

    row: int
    ids: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)

    def add(self, word: int, pieces: Sequence[int], tag: int, *, carrier: int) -> None:
        """Add a word's pieces; the piece `carrier` has its tag."""
        self.ids += pieces
        for at in range(len(pieces)):
            self.tags.append(tag if at == carrier and tag != OTHER_TAG else IGNORED)
            self.words.append(word if at == carrier else -1)


def _pieces_of(words: set[str], tokenizer: Any) -> dict[str, list[int]]:
    """Return the pieces of each word.

    Words are tokenised one by one: the pieces of a word never depend on its neighbours, as in XTREME's script. A word of
    invisible characters has no piece; the unknown piece keeps its place.
    """
    if not words:
        return {}
    every = sorted(words)
    found = tokenizer(every, add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
    return {word: list(pieces) or [tokenizer.unk_token_id] for word, pieces in zip(every, found, strict=True)}
