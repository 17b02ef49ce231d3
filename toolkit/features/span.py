"""Features of span rows: a question with its context, in overlapping windows if the context is long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.features.collate import SPACE, Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import SpanRow

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
        (-1, -1) for tokens outside it; a bare `▁` covers none and has the place (s, s) of the word behind it, which an
        answer may begin on.
    """
    check_windows(max_length, stride)
    rows = list(rows)
    # A question is never allowed to crowd the context out: it is cut to leave room for stride and one step.
    room = max(max_length - stride - 4 - MIN_CONTEXT, MIN_CONTEXT)
    questions = _pieces([row.question for row in rows], tokenizer)
    contexts = _pieces([row.context for row in rows], tokenizer)
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    space = tokenizer.convert_tokens_to_ids(SPACE)
    windows: list[_Window] = []
    for i, (row, (question, _), (context, found)) in enumerate(zip(rows, questions, contexts, strict=True)):
        offsets = _strip_spaces(np.array(found, np.int32).reshape(-1, 2), row.context)
        # A bare `▁` comes with the offsets of the first character of the word behind it; it covers none, but begins there.
        bare = np.asarray(context, np.int64) == space
        offsets[bare, 1] = offsets[bare, 0]
        head = [bos, *question[:room], eos, eos]
        outside = np.full((len(head), 2), -1, np.int32)
        size = max_length - len(head) - 1
        for start in range(0, max(len(context), 1), max(size - stride, 1)):
            inside = slice(start, start + size)
            windows.append(
                _Window(
                    ids=[*head, *context[inside], eos],
                    spans=np.concatenate([outside, offsets[inside], outside[:1]]),
                    row=i,
                    label=_label(row, offsets, inside, len(head)),
                )
            )
            if start + size >= len(context):
                break
    ids = Ragged.of([each.ids for each in windows])
    spans = np.concatenate([each.spans for each in windows]) if windows else np.zeros((0, 2), np.int32)
    return Features(
        kind="span",
        input_ids=ids,
        source_row=np.array([each.row for each in windows], np.int64),
        n_rows=len(rows),
        labels=np.array([each.label for each in windows], np.int64).reshape(-1, 2),
        n_truncated=sum(len(question) > room for question, _ in questions),
        extra={"char_spans": Ragged(spans, ids.offsets)},
    )


@dataclass(frozen=True)
class _Window:
    """One window: its tokens, each token's characters int32 [T, 2], its row, and the first and last token of the answer."""

    ids: list[int]
    spans: np.ndarray
    row: int
    label: tuple[int, int]


def check_windows(max_length: int, stride: int) -> None:
    """Raise a ToolkitError for windows too short for a question and a context, or that would hardly move on."""
    if max_length < SHORTEST:
        raise ToolkitError(
            f"Windows of {max_length} tokens have no room for a question and its context; set max_length to {SHORTEST} or more."
        )
    if stride > max_length // 2:
        raise ToolkitError(
            f"A stride of {stride} tokens leaves windows of {max_length} tokens less than half of their room to move on; set "
            f"the stride to {max_length // 2} or less (train.stride, eval.stride), or max_length to {2 * stride} or more."
        )


def _pieces(texts: list[str], tokenizer: Any) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Return the ids and the character offsets of each text's pieces."""
    if not texts:
        return []
    found = tokenizer(
        texts,
        add_special_tokens=False,
        return_attention_mask=False,
        return_offsets_mapping=True,
        verbose=False,  # long contexts are what the windows are for
    )
    return list(zip(found["input_ids"], found["offset_mapping"], strict=True))


def _label(row: SpanRow, offsets: np.ndarray, inside: slice, shift: int) -> tuple[int, int]:
    """Return the first and last token of a row's first answer in the window `inside`, whose context begins at `shift`."""
    if not row.answers:
        return 0, 0
    answer = row.answers[0]
    # Characters that no token covers belong to the window on whose side of the gap they are.
    held = (
        int(offsets[: inside.start, 1].max(initial=0)),
        int(offsets[inside.stop, 0]) if inside.stop < len(offsets) else len(row.context),
    )
    return _token_span(offsets[inside], answer.start, answer.start + len(answer.text), shift, held)


def _strip_spaces(offsets: np.ndarray, text: str) -> np.ndarray:
    """Move token starts past leading spaces: XLM-R's `▁word` pieces may count the space before the word."""
    out = offsets.copy()
    for i, (start, end) in enumerate(offsets):
        while start < end and text[start].isspace():
            start += 1
        out[i, 0] = start
    return out


def _token_span(offsets: np.ndarray, start: int, end: int, shift: int, held: tuple[int, int]) -> tuple[int, int]:
    """Return the first and last token that cover characters [start, end), or (0, 0) if the window lacks some.

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
    first = int(tokens[0])
    # A word that the tokenizer parts from its blank begins on the blank's piece, as `▁word` does.
    while first > 0 and start <= offsets[first - 1, 0] == offsets[first - 1, 1] == offsets[first, 0]:
        first -= 1
    return first + shift, int(tokens[-1]) + shift
