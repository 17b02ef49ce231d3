"""Features of many rows, made part by part: what a tokenizer keeps of a text is a hundred times its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.features.sentence import sentence_features
from toolkit.features.tokenise import Tokenising, tokenised
from toolkit.tasks.kinds import KINDS, Kind

PART = 4096  # rows
# Whether the features of a kind's rows are those of its parts put together; the keys of queries are numbered over all rows,
# and texts are packed one after another.
IN_PARTS: dict[Kind, bool] = {**dict.fromkeys(KINDS, True), "retrieval": False, "text": False}


def tokenised_in_parts(
    rows: Sequence[Any], kind: Kind, tokenizer: Any, how: Tokenising, *, part: int = PART
) -> Features:
    """Tokenise rows as `tokenised` does, holding no more than `part` of them at a time."""
    if len(rows) <= part or not IN_PARTS[kind]:
        return tokenised(list(rows), kind, tokenizer, how)
    starts = range(0, len(rows), part)
    return joined([tokenised(list(rows[start : start + part]), kind, tokenizer, how) for start in starts])


def sentences_in_parts(texts: Sequence[str], tokenizer: Any, *, max_length: int, part: int = PART // 8) -> Features:
    """Tokenise sentences as `sentence_features` does, holding what a tokenizer keeps of no more than `part` at a time."""
    if len(texts) <= part:
        return sentence_features(texts, tokenizer, max_length=max_length)
    starts = range(0, len(texts), part)
    return joined([sentence_features(texts[at : at + part], tokenizer, max_length=max_length) for at in starts])


def joined(parts: Sequence[Features]) -> Features:
    """Return the features of rows that follow each other as if they had been made at once."""
    rows = np.cumsum([0, *(each.n_rows for each in parts)])
    first = parts[0]
    return Features(
        kind=first.kind,
        input_ids=_ragged([each.input_ids for each in parts]),
        source_row=np.concatenate([each.source_row + n for each, n in zip(parts, rows, strict=False)]),
        n_rows=int(rows[-1]),
        labels=None
        if first.labels is None
        else np.concatenate([each.labels for each in parts if each.labels is not None]),
        tags=None if first.tags is None else _ragged([each.tags for each in parts if each.tags is not None]),
        sequences=None
        if first.sequences is None
        else _offsets([each.sequences for each in parts if each.sequences is not None]),
        n_truncated=sum(each.n_truncated for each in parts),
        extra={name: _extra([each.extra[name] for each in parts]) for name in first.extra},
    )


def _extra(values: Sequence[Any]) -> Any:
    return _ragged(values) if isinstance(values[0], Ragged) else np.concatenate(values)


def _ragged(parts: Sequence[Ragged]) -> Ragged:
    return Ragged(np.concatenate([each.values for each in parts]), _offsets([each.offsets for each in parts]))


def _offsets(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Put offsets together, each beginning where the one before it ends."""
    ends = np.cumsum([0, *(each[-1] for each in parts)])
    return np.concatenate([parts[0][:1], *(each[1:] + end for each, end in zip(parts, ends, strict=False))])
