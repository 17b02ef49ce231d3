"""Features of sentence pairs, `<s> first </s></s> second </s>`, or of texts alone, `<s> first </s>`: one label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import PairRow


def pair_features(rows: Sequence[PairRow], tokenizer: Any, *, max_length: int) -> Features:
    """Tokenise sentence pairs, or texts alone where the task reads no second one.

    Args:
        max_length: tokens, special ones included; the longer of the two texts is cut first.
    """
    rows = list(rows)
    encoded = (
        tokenizer(
            [row.first for row in rows],
            None if all(row.second is None for row in rows) else [row.second or "" for row in rows],
            truncation="longest_first",
            max_length=max_length,
            return_attention_mask=False,
        )
        if rows
        else None
    )
    ids = Ragged.of(encoded["input_ids"] if encoded else [])
    return Features(
        kind="pair",
        input_ids=ids,
        source_row=np.arange(len(rows)),
        n_rows=len(rows),
        labels=np.array([row.label for row in rows], np.int64),
        n_truncated=sum(bool(one.overflowing) for one in encoded.encodings) if encoded else 0,
    )
