"""One label per word, carried by one of the word's pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.features.collate import IGNORED, Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import OTHER_TAG, TagsRow

SPACE = "▁"


def tags_features(
    rows: Sequence[TagsRow], tokenizer: Any, *, max_length: int, label_piece: str = "content"
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
    ids: list[list[int]] = []
    tags: list[list[int]] = []
    words: list[list[int]] = []
    source: list[int] = []
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    space = tokenizer.convert_tokens_to_ids(SPACE)
    n_truncated = 0
    # Words are tokenised one by one: the pieces of a word never depend on its neighbours, as in XTREME's script.
    vocabulary = sorted({token for row in rows for token in row.tokens})
    encoded = (
        tokenizer(vocabulary, add_special_tokens=False, return_attention_mask=False)["input_ids"] if vocabulary else []
    )
    pieces_of = dict(zip(vocabulary, encoded, strict=True))
    room = max_length - 2
    for i, row in enumerate(rows):
        is_cut = False
        item_ids, item_tags, item_words = [bos], [IGNORED], [-1]
        for word, (token, tag) in enumerate(zip(row.tokens, row.tags, strict=True)):
            # A word of invisible characters has no piece; the unknown piece keeps its place.
            pieces = pieces_of[token] or [tokenizer.unk_token_id]
            if len(pieces) > room:
                pieces, is_cut = pieces[:room], True
            if len(item_ids) + len(pieces) > max_length - 1:
                _close(item_ids, item_tags, item_words, eos, ids, tags, words)
                source.append(i)
                item_ids, item_tags, item_words = [bos], [IGNORED], [-1]
            carrier = 0
            if label_piece == "content" and len(pieces) > 1 and pieces[0] == space:
                carrier = 1
            for at, piece in enumerate(pieces):
                item_ids.append(piece)
                item_tags.append(tag if at == carrier and tag != OTHER_TAG else IGNORED)
                item_words.append(word if at == carrier else -1)
        _close(item_ids, item_tags, item_words, eos, ids, tags, words)
        source.append(i)
        n_truncated += is_cut
    return Features(
        kind="tags",
        input_ids=Ragged.of(ids),
        source_row=np.array(source, np.int64),
        n_rows=len(rows),
        tags=Ragged.of(tags, np.int64),
        n_truncated=n_truncated,
        extra={"words": Ragged.of(words), "n_words": np.array([len(row.tokens) for row in rows], np.int64)},
    )


def _close(item_ids: list, item_tags: list, item_words: list, eos: int, ids: list, tags: list, words: list) -> None:
    ids.append([*item_ids, eos])
    tags.append([*item_tags, IGNORED])
    words.append([*item_words, -1])
