"""From start and end logits to the text of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import SpanRow


@dataclass(frozen=True)
class Spans:
    """The best span of each row.

    Attributes:
        texts: as they stand in the context; empty where no span is legal.
        scores: float64 [N], start logit plus end logit of the best span; -inf where no span is legal.
        null_scores: float64 [N], of "no answer": the logits of `<s>`, the least over a row's windows, since a window may
            lack the answer that another holds.
    """

    texts: list[str]
    scores: np.ndarray
    null_scores: np.ndarray

    @property
    def no_answer(self) -> np.ndarray:
        """How much more likely "no answer" is than the best span, float64 [N]; infinite where no span is legal."""
        return np.where(np.isfinite(self.scores), self.null_scores - self.scores, np.inf)


def answer_texts(
    rows: Sequence[SpanRow], features: Features, logits: Ragged, *, n_best: int = 20, max_answer_tokens: int = 30
) -> list[str]:
    """Return the texts of `best_spans`: every question is taken to have an answer."""
    return best_spans(rows, features, logits, n_best=n_best, max_answer_tokens=max_answer_tokens).texts


def best_spans(
    rows: Sequence[SpanRow], features: Features, logits: Ragged, *, n_best: int = 20, max_answer_tokens: int = 30
) -> Spans:
    """Return the best span of each row over all its windows.

    A span's score is start logit plus end logit; both ends lie in the context, the end not before the start, and the span
    is at most `max_answer_tokens` long. Of equal scores the earlier window and position wins.

    Args:
        rows: the rows that the features were made from.
        features: windows of the rows.
        logits: float32 [T, 2] per window (`predict`).
        n_best: start and end positions considered per window.
    """
    best_score = np.full(len(rows), -np.inf)
    null_score = np.full(len(rows), np.inf)
    best_text = [""] * len(rows)
    spans = features.extra["char_spans"]
    for window, row in enumerate(features.source_row):
        chars = spans[window]  # [T, 2]
        null_score[row] = min(null_score[row], float(logits[window][0].sum()))
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
    return Spans(best_text, best_score, null_score)


def _top(values: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the `n` largest finite values, in rising order."""
    order = np.argsort(-values, kind="stable")[:n]
    return np.sort(order[np.isfinite(values[order])])
