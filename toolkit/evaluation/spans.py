"""From start and end logits to the text of an answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import SpanRow


def answer_texts(
    rows: Sequence[SpanRow], features: Features, logits: Ragged, *, n_best: int = 20, max_answer_tokens: int = 30
) -> list[str]:
    """Return the best span of each row over all its windows, as it stands in the context.

    A span's score is start logit plus end logit; both ends lie in the context, the end not before the start, and the span
    is at most `max_answer_tokens` long. Of equal scores the earlier window and position wins.

    Args:
        rows: the rows that the features were made from.
        features: windows of the rows.
        logits: float32 [T, 2] per window (`predict`).
        n_best: start and end positions considered per window.
    """
    best_score = np.full(len(rows), -np.inf)
    best_text = [""] * len(rows)
    spans = features.extra["char_spans"]
    for window, row in enumerate(features.source_row):
        chars = spans[window]  # [T, 2]
        # Outside the context, and bare `▁` pieces, which cover no character.
        is_legal = chars[:, 1] > chars[:, 0]
        if not is_legal.any():
            continue
        start, end = np.where(is_legal[:, None], logits[window], -np.inf).T  # [T], [T]
        starts, ends = _top(start, n_best), _top(end, n_best)
        if len(starts) == 0 or len(ends) == 0:
            continue
        lengths = ends[None] - starts[:, None] + 1  # [n, n]
        scores = np.where((lengths >= 1) & (lengths <= max_answer_tokens), start[starts][:, None] + end[ends], -np.inf)
        at = int(scores.argmax())  # of equal scores the first: the earlier start, then the earlier end
        i, j = divmod(at, scores.shape[1])
        if scores[i, j] > best_score[row]:
            best_score[row] = scores[i, j]
            best_text[row] = rows[row].context[chars[starts[i], 0] : chars[ends[j], 1]]
    return best_text


def _top(values: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the `n` largest finite values, in rising order."""
    order = np.argsort(-values, kind="stable")[:n]
    return np.sort(order[np.isfinite(values[order])])
