"""Outputs of a head as answers to rows, by kind of task: the same answers that `scoring` compares with the gold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.evaluation.outputs import Outputs
from toolkit.evaluation.scoring import Scoring, word_tags
from toolkit.evaluation.spans import best_spans
from toolkit.features.collate import IGNORED, SPACE, Features
from toolkit.features.masks import masked_rows
from toolkit.features.ragged import Ragged
from toolkit.results.answers import Answer, ChoiceAnswer, LabelAnswer, MaskedAnswer, SpanAnswer, TagsAnswer
from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import ChoiceRow, PairRow, SpanRow, TagsRow, TextRow


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of each row of logits [N, C]: float64 [N, C].

    Example:
        >>> probabilities(np.array([[0.0, 0.0], [0.0, np.log(3.0)]])).round(2).tolist()
        [[0.5, 0.5], [0.25, 0.75]]
    """
    wide = np.asarray(logits, np.float64)
    shifted = np.exp(wide - wide.max(1, keepdims=True))
    shares: np.ndarray = shifted / shifted.sum(1, keepdims=True)
    return shares


def label_answers(rows: Sequence[PairRow], features: Features, out: Outputs, scoring: Scoring) -> list[Answer]:
    """Return the label of each row with the probabilities of all labels."""
    assert isinstance(out, np.ndarray)
    labels = list(scoring.labels) or [str(number) for number in range(out.shape[1])]
    best = out.argmax(1)
    return [
        LabelAnswer(labels[answer], dict(zip(labels, shares.tolist(), strict=True)))
        for answer, shares in zip(best, probabilities(out), strict=True)
    ]


def choice_answers(rows: Sequence[ChoiceRow], features: Features, out: Outputs, scoring: Scoring) -> list[Answer]:
    """Return the choice of each row with the probabilities of its choices."""
    assert isinstance(out, np.ndarray)
    return [
        ChoiceAnswer(int(answer), row.choices[answer], tuple(shares[: len(row.choices)].tolist()))
        for row, answer, shares in zip(rows, out.argmax(1), probabilities(out), strict=True)
    ]


def span_answers(rows: Sequence[SpanRow], features: Features, out: Outputs, scoring: Scoring) -> list[Answer]:
    """Return the best span of each row, or no answer where the task knows that and it scores higher by the threshold."""
    assert isinstance(out, Ragged)
    settings = scoring.settings
    found = best_spans(rows, features, out, n_best=settings.n_best, max_answer_tokens=settings.max_answer_tokens)
    may_have_none = scoring.metric == "squad2" or scoring.may_be_unanswerable
    is_answered = found.is_answered(settings) if may_have_none else np.ones(len(rows), bool)
    answers: list[Answer] = []
    for candidates, answered, no_answer in zip(found.n_best, is_answered, found.no_answer, strict=True):
        if not candidates:
            answers.append(SpanAnswer("", None, None, None, None))
            continue
        best = candidates[0]
        text, start, end = (best.text, best.start, best.start + len(best.text)) if answered else ("", None, None)
        answers.append(SpanAnswer(text, start, end, best.score, float(no_answer)))
    return answers


def tags_answers(rows: Sequence[TagsRow], features: Features, out: Outputs, scoring: Scoring) -> list[Answer]:
    """Return the tag of each token of each row."""
    assert isinstance(out, Ragged)
    return [
        TagsAnswer(tuple(scoring.labels[tag] for tag in tags.tolist()), row.tokens)
        for row, tags in zip(rows, word_tags(features, out), strict=True)
    ]


def masked_answers(rows: Sequence[TextRow], features: Features, out: Outputs, scoring: Scoring) -> list[Answer]:
    """Return the best pieces for each `<mask>` of each text, and the text with the best of them filled in."""
    assert isinstance(out, Ragged) and features.tags is not None
    names, mask = features.extra["names"], features.extra["mask"]
    found = out.values[features.tags.values != IGNORED]
    count = (found.shape[1] - 1) // 2
    by_row: list[list[int]] = [[] for _ in rows]
    for at, owner in enumerate(masked_rows(features)):
        by_row[owner].append(at)
    answers: list[Answer] = []
    for row, places in zip(rows, by_row, strict=True):
        pieces = tuple(tuple(names[int(one)] for one in found[at, 1 : 1 + count]) for at in places)
        shares = tuple(tuple(np.exp(found[at, 1 + count :].astype(np.float64)).tolist()) for at in places)
        answers.append(MaskedAnswer(filled(row.text, [each[0] for each in pieces], mask), pieces, shares))
    return answers


def filled(text: str, pieces: Sequence[str], mask: str) -> str:
    """Return a text with a piece in the place of each mask; one that begins a word is set off by a blank.

    Example:
        >>> filled("The sun is<mask> and <mask>ful.", ["▁hot", "▁colour"], "<mask>")
        'The sun is hot and colourful.'
    """
    first, *others = text.split(mask)
    for piece, part in zip(pieces, others, strict=True):
        is_apart = piece.startswith(SPACE) and first and not first[-1].isspace()
        first += " " * bool(is_apart) + piece.removeprefix(SPACE) + part
    return first


ANSWERERS: Mapping[Kind, Callable[[Any, Features, Outputs, Scoring], list[Answer]]] = {
    "pair": label_answers,
    "choice": choice_answers,
    "span": span_answers,
    "tags": tags_answers,
    "text": masked_answers,
}
"""By kind of task; of the others vectors answer, not a head."""
