"""Features of multiple choice: one sequence per choice; the right one has the highest logit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import ChoiceRow


def choice_features(rows: Sequence[ChoiceRow], tokenizer: Any, *, max_length: int) -> Features:
    """Tokenise multiple-choice rows as `<s> context question </s></s> choice </s>`.

    If there is no context, the question comes alone; the number of choices may differ between rows.

    Args:
        max_length: tokens, special ones included; the longer of the two sides is cut first.
    """
    rows = list(rows)
    first = [" ".join(part for part in (row.context, row.question) if part) for row in rows for _ in row.choices]
    second = [choice for row in rows for choice in row.choices]
    encoded = (
        tokenizer(first, second, truncation="longest_first", max_length=max_length, return_attention_mask=False)
        if rows
        else None
    )
    ids = Ragged.of(encoded["input_ids"] if encoded else [])
    sequences = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row.choices) for row in rows], out=sequences[1:])
    is_cut = np.array([bool(one.overflowing) for one in encoded.encodings] if encoded else [], bool)
    return Features(
        kind="choice",
        input_ids=ids,
        source_row=np.arange(len(rows)),
        n_rows=len(rows),
        labels=np.array([row.label for row in rows], np.int64),
        sequences=sequences,
        n_truncated=int(np.logical_or.reduceat(is_cut, sequences[:-1]).sum()) if rows else 0,
    )
