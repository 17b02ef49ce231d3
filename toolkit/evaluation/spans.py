"""Answers to questions: the best spans of a context from start and end logits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.config import EvalConfig
from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import SpanRow

# Vowels and finals of Korean syllables in parts (as macOS writes them), and the halfwidth marks of Japanese: no marks to Unicode.
_COMPLETING = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f]")


@dataclass(frozen=True)
class Candidate:
    """A span that might answer: its text as written in the context, the logits of its ends, and its offset there."""

    text: str
    start_logit: float
    end_logit: float
    start: int = 0

    @property
    def score(self) -> float:
        """Start logit plus end logit."""
        return self.start_logit + self.end_logit


@dataclass(frozen=True)
class Spans:
    """The best spans of each row.

    Attributes:
        n_best: each row's candidates of different texts, the best first; none where no span is legal.
        null_scores: float64 [N], of "no answer": the logits of `<s>`, the least over a row's windows, since a window may
            lack the answer that another holds.
        null_logits: float64 [N, 2], the start and the end logit that `null_scores` adds up.
    """

    n_best: tuple[tuple[Candidate, ...], ...]
    null_scores: np.ndarray
    null_logits: np.ndarray

    @property
    def texts(self) -> list[str]:
        """The best span's text; empty where no span is legal."""
        return [row[0].text if row else "" for row in self.n_best]

    @property
    def scores(self) -> np.ndarray:
        """The best span's score, float64 [N]; -inf where no span is legal."""
        return np.array([row[0].score if row else -np.inf for row in self.n_best])

    @property
    def no_answer(self) -> np.ndarray:
        """How much more likely "no answer" is than the best span, float64 [N]; infinite where no span is legal."""
        scores = self.scores
        return np.where(np.isfinite(scores), self.null_scores - scores, np.inf)

    def is_answered(self, settings: EvalConfig) -> np.ndarray:
        """Whether the best span is the answer of each row, bool [N], where a question may have none."""
        answered: np.ndarray = self.no_answer <= settings.null_threshold
        return answered


def answer_texts(
    rows: Sequence[SpanRow], features: Features, logits: Ragged, *, n_best: int = 20, max_answer_tokens: int = 30
) -> list[str]:
    """Return the texts of `best_spans`: every question is taken to have an answer."""
    return best_spans(rows, features, logits, n_best=n_best, max_answer_tokens=max_answer_tokens).texts


def best_spans(
    rows: Sequence[SpanRow], features: Features, logits: Ragged, *, n_best: int = 20, max_answer_tokens: int = 30
) -> Spans:
    """Return the best spans of each row over all its windows.

    A span's score is start logit plus end logit; both ends are in the context, the end not before the start, and the span
    is at most `max_answer_tokens` long. Of equal scores the earlier window and position wins, of equal texts the better.

    Args:
        rows: the rows that the features were made from.
        features: windows of the rows.
        logits: float32 [T, 2] per window (`run_head`).
        n_best: start and end positions considered per window, and candidates kept per row.
    """
    null_logits = np.full((len(rows), 2), np.inf)
    # Per row: score, first and last character, start and end logit, in the order of windows and positions.
    found: list[list[tuple[float, int, int, float, float]]] = [[] for _ in rows]
    spans = features.extra["char_spans"]
    for window, row in enumerate(features.source_row):
        chars = spans[window]  # [T, 2]
        null = logits[window][0]
        if float(null.sum()) < null_logits[row].sum():
            null_logits[row] = null
        # Both ends are in the context; a bare `▁`, which covers no character, begins an answer and does not end one.
        is_legal = np.stack([chars[:, 0] >= 0, chars[:, 1] > chars[:, 0]], 1)  # [T, 2]
        if not is_legal[:, 1].any():
            continue
        start, end = np.where(is_legal, logits[window], -np.inf).T  # [T], [T]
        starts, ends = _top(start, n_best), _top(end, n_best)
        if len(starts) == 0 or len(ends) == 0:
            continue
        lengths = ends[None] - starts[:, None] + 1  # [n, n]
        scores = np.where((lengths >= 1) & (lengths <= max_answer_tokens), start[starts][:, None] + end[ends], -np.inf)
        # Stable: of equal scores the first, so the earlier start, then the earlier end.
        for at in np.argsort(-scores, axis=None, kind="stable")[:n_best]:
            i, j = divmod(int(at), scores.shape[1])
            if np.isfinite(scores[i, j]):
                first, last = starts[i], ends[j]
                found[row].append(
                    (
                        float(scores[i, j]),
                        int(chars[first, 0]),
                        int(chars[last, 1]),
                        float(start[first]),
                        float(end[last]),
                    )
                )
    kept = tuple(_kept(each, row.context, n_best) for each, row in zip(found, rows, strict=True))
    return Spans(kept, null_logits.sum(1), null_logits)


def _kept(found: list[tuple[float, int, int, float, float]], context: str, n: int) -> tuple[Candidate, ...]:
    """Return the `n` best candidates, each text once."""
    kept: dict[str, Candidate] = {}
    for _, first, last, start, end in sorted(found, key=lambda each: -each[0]):
        text = context[first : past_marks(context, last)]
        if text not in kept:
            kept[text] = Candidate(text, start, end, first)
            if len(kept) == n:
                break
    return tuple(kept.values())


def past_marks(text: str, end: int) -> int:
    """Return `end`, moved past what is written as characters of its own and completes the one before: XLM-R's normaliser
    composes a letter and its marks, or the parts of a Korean syllable, into one character, whose offsets cover the first.

    Example:
        >>> past_marks("cafe\u0301 au lait", 4), past_marks("cafe au lait", 4), past_marks("\u1112\u1161\u11ab", 1)
        (5, 4, 3)
    """
    while end < len(text) and (unicodedata.category(text[end])[0] == "M" or _COMPLETING.match(text[end])):
        end += 1
    return end


def _top(values: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the `n` largest finite values, in rising order."""
    order = np.argsort(-values, kind="stable")[:n]
    return np.sort(order[np.isfinite(values[order])])
