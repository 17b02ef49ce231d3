"""Features of single sentences, for retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged


def sentence_features(texts: Sequence[str], tokenizer: Any, *, max_length: int) -> Features:
    """Tokenise sentences as `<s> text </s>`; `max_length` counts the special tokens."""
    encoded = (
        tokenizer(list(texts), truncation=True, max_length=max_length, return_attention_mask=False) if texts else None
    )
    ids = Ragged.of(encoded["input_ids"] if encoded else [])
    return Features(
        kind="bitext",
        input_ids=ids,
        source_row=np.arange(len(texts)),
        n_rows=len(texts),
        n_truncated=sum(bool(one.overflowing) for one in encoded.encodings) if encoded else 0,
    )
