"""Questions answered by a span of their context, in overlapping windows where the context is long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import SpanRow

SPACE = "▁"  # the piece that stands for a blank; alone before many Chinese, Japanese and Thai words
MIN_CONTEXT = 16  # tokens of context that a window must have room for
SHORTEST = 2 * MIN_CONTEXT + 4  # tokens of a window: as many of the question, and <s> </s></s> </s>


def span_features(rows: Sequence[SpanRow], tokenizer: Any, *, max_length: int, stride: int) -> Features:
    """Tokenise questions and contexts as `<s> question </s></s> window </s>`.

    The first gold answer trains; a window that does not hold it whole is labelled (0, 0), the position of `<s>`.

    Args:
        max_length: tokens a window, question and special tokens included.
        stride: tokens that consecutive windows share.

    Raises:
        ToolkitError: windows too short for a question and a context, or a stride of more than half a window: consecutive
            windows would hardly move on.

    Returns:
        Items are windows. `extra["char_spans"]`: Ragged int32 [T, 2], each token's characters in the context,
        (-1, -1) for tokens outside it; empty for a bare `▁`.
    """
    if max_length < SHORTEST:
        raise ToolkitError(
            f"Windows of {max_length} tokens have no room for a question and its context; set max_length to {SHORTEST} or more."
        )
    if stride > max_length // 2:
        raise ToolkitError(
            f"A stride of {stride} tokens leaves windows of {max_length} tokens less than half of their room to move on; set "
            f"the stride to {max_length // 2} or less (train.stride, eval.stride), or max_length to {2 * stride} or more."
        )
    rows = list(rows)
    ids, spans, source, labels = [], [], [], []
    n_truncated = 0
    # A question is never allowed to crowd the context out: it is cut to leave room for stride and one step.
    room = max(max_length - stride - 4 - MIN_CONTEXT, MIN_CONTEXT)
    questions = (
        tokenizer(
            [row.question for row in rows],
            add_special_tokens=False,
            return_attention_mask=False,
            return_offsets_mapping=True,
            verbose=False,  # long contexts are what the windows are for
        )
        if rows
        else {"input_ids": [], "offset_mapping": []}
    )
    contexts = (
        tokenizer(
            [row.context for row in rows],
            add_special_tokens=False,
            return_attention_mask=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        if rows
        else {"input_ids": [], "offset_mapping": []}
    )
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    space = tokenizer.convert_tokens_to_ids(SPACE)
    for i, row in enumerate(rows):
        question = questions["input_ids"][i]
        if len(question) > room:
            question, n_truncated = question[:room], n_truncated + 1
        context, offsets = contexts["input_ids"][i], np.array(contexts["offset_mapping"][i], np.int32).reshape(-1, 2)
        offsets = _strip_spaces(offsets, row.context)
        # A bare `▁` comes with the offsets of the first character of the word behind it; it covers none.
        bare = np.asarray(context, np.int64) == space
        offsets[bare, 1] = offsets[bare, 0]
        head = [bos, *question, eos, eos]
        size = max_length - len(head) - 1
        step = max(size - stride, 1)
        answer = row.answers[0] if row.answers else None
        for start in range(0, max(len(context), 1), step):
            window = slice(start, start + size)
            ids.append([*head, *context[window], eos])
            outside = np.full((len(head), 2), -1, np.int32)
            spans.append(np.concatenate([outside, offsets[window], outside[:1]]))
            source.append(i)
            label = (0, 0)
            if answer is not None:
                # Characters that no token covers belong to the window on whose side of the gap they are.
                held = (
                    int(offsets[:start, 1].max(initial=0)),
                    int(offsets[start + size, 0]) if start + size < len(offsets) else len(row.context),
                )
                label = _token_span(offsets[window], answer.start, answer.start + len(answer.text), len(head), held)
            labels.append(label)
            if start + size >= len(context):
                break
    lengths = np.array([len(row) for row in ids], np.int64)
    offsets_flat = np.zeros(len(ids) + 1, np.int64)
    np.cumsum(lengths, out=offsets_flat[1:])
    values = np.concatenate(spans) if spans else np.zeros((0, 2), np.int32)
    return Features(
        kind="span",
        input_ids=Ragged.of(ids),
        source_row=np.array(source, np.int64),
        n_rows=len(rows),
        labels=np.array(labels, np.int64).reshape(-1, 2),
        n_truncated=n_truncated,
        extra={"char_spans": Ragged(values, offsets_flat)},
    )


def _strip_spaces(offsets: np.ndarray, text: str) -> np.ndarray:
    """Move token starts past leading spaces: XLM-R's `▁word` pieces may count the space before the word."""
    out = offsets.copy()
    for i, (start, end) in enumerate(offsets):
        while start < end and text[start].isspace():
            start += 1
        out[i, 0] = start
    return out


def _token_span(offsets: np.ndarray, start: int, end: int, shift: int, held: tuple[int, int]) -> tuple[int, int]:
    """Return the first and last token that cover characters [start, end), or (0, 0) where the window lacks some.

    The ends of an answer may be characters that no token covers: blanks, invisible characters (U+200B, U+FEFF), a mark
    that the normaliser composes with its base. Then the nearest token inside the answer is the end.

    Args:
        offsets: int32 [T, 2], each token's characters.
        shift: the position of the first of these tokens in its sequence.
        held: the characters [first, last) of the context that the window answers for.
    """
    if len(offsets) == 0 or start < held[0] or end > held[1]:
        return 0, 0
    covers = (offsets[:, 1] > start) & (offsets[:, 0] < end) & (offsets[:, 1] > offsets[:, 0])
    tokens = np.flatnonzero(covers)
    if len(tokens) == 0:
        return 0, 0
    return int(tokens[0]) + shift, int(tokens[-1]) + shift
