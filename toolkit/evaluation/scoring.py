"""Scores of a head's outputs by the official metric of their task's kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from toolkit.config import EvalConfig
from toolkit.evaluation.outputs import Outputs
from toolkit.evaluation.spans import Spans, best_spans
from toolkit.features.collate import IGNORED, Features
from toolkit.features.masks import masked_rows
from toolkit.features.ragged import Ragged
from toolkit.metrics import (
    accuracy,
    accuracy_f1,
    averaged,
    comparison,
    count_spans,
    masked,
    micro_averaged,
    score_questions,
    squad2,
)
from toolkit.results.predictions import Prediction
from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import OTHER_TAG, ChoiceRow, PairRow, SpanRow, TagsRow, TextRow
from toolkit.tasks.task import Rows


@dataclass(frozen=True)
class Scoring:
    """The facts that decide how outputs are scored.

    Attributes:
        labels: label names of the task.
        metric: the task's (`Task.metric`); None: the first of its kind.
        language: of the rows; of a `context.question` pair the context's counts, since answers are parts of the context.
        settings: length of answers, thresholds, batch size.
        may_be_unanswerable: whether a question may have no answer, so that "no answer" is scored too.
    """

    labels: Sequence[str] = ()
    metric: str | None = None
    language: str = "en"
    settings: EvalConfig = field(default_factory=EvalConfig)
    may_be_unanswerable: bool = False

    @classmethod
    def of(cls, rows: Rows, settings: EvalConfig) -> Scoring:
        """Return the facts of a task's rows."""
        task = rows.task
        return cls(task.labels, task.metric, rows.language, settings, task.may_be_unanswerable)


@dataclass(frozen=True)
class Evaluation:
    """Measures of one set of rows.

    Attributes:
        measures: by field name (`accuracy`, `em`, `f1`, ...), fractions in [0, 1]; a perplexity is 1 or more.
        answers: one per row: label index, text, list of tag indices, or list of passages.
        predictions: one per row: the answer with the gold, and what it is worth; empty for a retrieval task.
        notes: numbers other than measures: SQuAD 2.0's best thresholds.
        spans: of a span task every candidate, and the scores of "no answer".
    """

    measures: dict[str, float]
    answers: list[Any]
    predictions: list[Prediction]
    notes: dict[str, float] = field(default_factory=dict)
    spans: Spans | None = None

    @property
    def n(self) -> int:
        """Rows scored."""
        return len(self.answers)


def score_pairs(rows: Sequence[PairRow], features: Features, out: Outputs, scoring: Scoring, metric: str) -> Evaluation:
    """Score the logits of a classification; predictions name the labels."""
    return _score_labels(rows, features, out, scoring.labels, metric)


def score_choices(
    rows: Sequence[ChoiceRow], features: Features, out: Outputs, scoring: Scoring, metric: str
) -> Evaluation:
    """Score the logits of a multiple choice; predictions are the choices' numbers."""
    return _score_labels(rows, features, out, (), metric)


def _score_labels(
    rows: Sequence[PairRow | ChoiceRow], features: Features, out: Outputs, labels: Sequence[str], metric: str
) -> Evaluation:
    assert isinstance(out, np.ndarray) and features.labels is not None
    answers = out.argmax(1)
    score = accuracy_f1 if metric == "accuracy-f1" else accuracy
    named: Sequence[str | int] = labels or range(out.shape[1])
    return Evaluation(
        score(answers, features.labels),
        answers.tolist(),
        [
            Prediction(row.id, named[row.label], named[answer], float(answer == row.label))
            for row, answer in zip(rows, answers, strict=True)
        ],
    )


def score_spans(rows: Sequence[SpanRow], features: Features, out: Outputs, scoring: Scoring, metric: str) -> Evaluation:
    """Score start and end logits by the texts of the best spans."""
    assert isinstance(out, Ragged)
    settings = scoring.settings
    found = best_spans(rows, features, out, n_best=settings.n_best, max_answer_tokens=settings.max_answer_tokens)
    # Row numbers as keys: a data set that repeats an id must not lose a row to it.
    gold = {str(i): [answer.text for answer in row.answers] for i, row in enumerate(rows)}
    texts = {str(i): text for i, text in enumerate(found.texts)}
    answers, notes = found.texts, {}
    how = comparison(metric, scoring.language)
    if metric == "squad2" or scoring.may_be_unanswerable:
        no_answer = {str(i): float(value) for i, value in enumerate(found.no_answer)}
        scored = squad2(texts, gold, no_answer, threshold=settings.null_threshold, normalise=how.normalise, cut=how.cut)
        answers = [text if held else "" for text, held in zip(found.texts, found.is_answered(settings), strict=True)]
        notes = {f"best_{name}_threshold": value for name, value in scored.best_thresholds.items()}
        measures, questions = scored.measures, scored.questions
    else:
        questions = score_questions(texts, gold, how.normalise, how.cut)
        measures = averaged(questions)
    predictions = [
        Prediction(row.id, gold[str(i)], answer, questions[str(i)].f1, {"em": questions[str(i)].em})
        for i, (row, answer) in enumerate(zip(rows, answers, strict=True))
    ]
    return Evaluation(measures, answers, predictions, notes, found)


def score_tags(rows: Sequence[TagsRow], features: Features, out: Outputs, scoring: Scoring, metric: str) -> Evaluation:
    """Score the best label of every labelled word."""
    assert isinstance(out, Ragged)
    labels = scoring.labels
    answers = [tags.tolist() for tags in word_tags(features, out)]
    names = [[labels[tag] for tag in tags] for tags in answers]
    gold: list[list[Any]] = [[None if tag == OTHER_TAG else labels[tag] for tag in row.tags] for row in rows]
    if metric == "accuracy":
        flat = np.array([tag for answer in answers for tag in answer], np.int64)
        measures = accuracy(flat, np.array([tag for row in rows for tag in row.tags], np.int64))
        counts = [
            {"right": sum(a == b for a, b in zip(answer, row.tags, strict=True)), "words": len(answer)}
            for answer, row in zip(answers, rows, strict=True)
        ]
        outcomes = [each["right"] / each["words"] for each in counts]
    else:
        spans = count_spans(names, gold, tag_set=labels)
        measures = micro_averaged(spans)
        counts, outcomes = [asdict(each) for each in spans], [each.f1 for each in spans]
    predictions = [
        Prediction(row.id, right, found, outcome, figures)
        for row, right, found, outcome, figures in zip(rows, gold, names, outcomes, counts, strict=True)
    ]
    return Evaluation(measures, answers, predictions)


def word_tags(features: Features, best: Ragged) -> list[np.ndarray]:
    """Read each word's tag off the piece that carries its label: int64 [words] per row."""
    out = [np.full(n, -1, np.int64) for n in features.extra["n_words"]]
    words = features.extra["words"]
    for item, row in enumerate(features.source_row):
        carried = words[item]
        out[row][carried[carried >= 0]] = best[item][carried >= 0]
    return out


def score_texts(rows: Sequence[TextRow], features: Features, out: Outputs, scoring: Scoring, metric: str) -> Evaluation:
    """Score the guesses of every masked piece (`masks.with_fixed_masks`); predictions name the pieces of each row."""
    assert isinstance(out, Ragged) and features.tags is not None
    is_masked = features.tags.values != IGNORED
    gold, owners = features.tags.values[is_masked], masked_rows(features)
    losses, guesses = out.values[is_masked, 0], out.values[is_masked, 1].astype(np.int64)
    names = features.extra["names"]
    by_row: list[list[int]] = [[] for _ in rows]
    for at, owner in enumerate(owners):
        by_row[owner].append(at)
    predictions = []
    for row, places in zip(rows, by_row, strict=True):
        right = int((gold[places] == guesses[places]).sum())
        counts = {"right": right, "pieces": len(places), "loss": float(losses[places].sum())}
        pieces, guessed = ([names[piece] for piece in found[places].tolist()] for found in (gold, guesses))
        predictions.append(Prediction(row.id, pieces, guessed, right / max(len(places), 1), counts))
    return Evaluation(masked(guesses, gold, losses), [each.prediction for each in predictions], predictions)


Scorer = Callable[[Any, Features, Outputs, Scoring, str], Evaluation]  # rows of the kind, ..., the metric

SCORERS: Mapping[Kind, Scorer] = {
    "pair": score_pairs,
    "choice": score_choices,
    "span": score_spans,
    "tags": score_tags,
    "text": score_texts,
}
"""By kind of task; of the others vectors answer, not a head."""
