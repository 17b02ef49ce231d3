"""One task's rows in one language, answered and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from toolkit.config import EvalConfig
from toolkit.evaluation.predict import Answers, predict_each
from toolkit.evaluation.queries import score_queries
from toolkit.evaluation.spans import Spans, best_spans
from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.metrics import (
    accuracy,
    accuracy_f1,
    averaged,
    count_spans,
    micro_averaged,
    normaliser,
    score_questions,
    squad2,
)
from toolkit.modeling.circuit import Circuit
from toolkit.progress import Report, silent
from toolkit.results.predictions import Prediction
from toolkit.tasks.kinds import METRICS
from toolkit.tasks.rows import OTHER_TAG


@dataclass(frozen=True)
class Evaluation:
    """Measures of one set of rows.

    Attributes:
        measures: by field name (`accuracy`, `em`, `f1`, ...), fractions in [0, 1].
        answers: one per row: label index, text, list of tag indices, or list of passages.
        predictions: one per row: the answer beside the gold, and what it is worth; none of a retrieval task.
        notes: numbers that are no measures: SQuAD 2.0's best thresholds.
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


def evaluate_rows(
    circuit: Circuit,
    rows: Sequence,
    features: Features,
    *,
    labels: Sequence[str] = (),
    metric: str | None = None,
    language: str = "en",
    settings: EvalConfig | None = None,
    head: str | None = None,
    what: str = "evaluate",
    report: Report = silent,
) -> Evaluation:
    """Answer `rows` with the circuit and score the answers by their task's official metric.

    Args:
        rows: typed rows with gold labels.
        features: made from exactly these rows.
        labels: label names of the task (tags only).
        metric: the task's (`Task.metric`); None: the first of its kind.
        language: of the rows; of a `context.question` pair the context's counts, since answers stand there.
        head: which head answers; default: the active one.
    """
    asked = head or circuit.active_head or ""
    found = evaluate_each(
        circuit,
        rows,
        features,
        heads=[asked],
        labels=labels,
        metric=metric,
        language=language,
        settings=settings,
        what=what,
        report=report,
    )
    return found[asked]


def evaluate_each(
    circuit: Circuit,
    rows: Sequence,
    features: Features,
    *,
    heads: Sequence[str],
    labels: Sequence[str] = (),
    metric: str | None = None,
    language: str = "en",
    settings: EvalConfig | None = None,
    what: str = "evaluate",
    report: Report = silent,
) -> dict[str, Evaluation]:
    """Score the answers of several heads of one kind, from one pass over the rows; see `evaluate_rows`."""
    settings = settings or EvalConfig()
    if features.kind == "retrieval":
        scored = {
            head: score_queries(
                circuit, rows, features, head=head, batch_size=settings.batch_size, what=what, report=report
            )
            for head in heads
        }
        return {head: Evaluation(measures, answers, []) for head, (measures, answers) in scored.items()}
    found = predict_each(circuit, features, heads=heads, batch_size=settings.batch_size, what=what, report=report)
    metric = metric or METRICS[features.kind][0]  # type: ignore[index]  # a kind of rows, which Features will say
    return {head: _scored(rows, features, out, labels, metric, language, settings) for head, out in found.items()}


def _scored(
    rows: Sequence,
    features: Features,
    out: Answers,
    labels: Sequence[str],
    metric: str,
    language: str,
    settings: EvalConfig,
) -> Evaluation:
    if features.kind in ("pair", "choice"):
        assert isinstance(out, np.ndarray) and features.labels is not None
        answers = out.argmax(1)
        score = accuracy_f1 if metric == "accuracy-f1" else accuracy
        named: Sequence = labels if features.kind == "pair" and labels else range(out.shape[1])
        return Evaluation(
            score(answers, features.labels),
            answers.tolist(),
            [
                Prediction(row.id, named[row.label], named[answer], float(answer == row.label))
                for row, answer in zip(rows, answers, strict=True)
            ],
        )
    assert isinstance(out, Ragged)
    if features.kind == "span":
        return _spans(rows, features, out, metric, language.split(".")[0], settings)
    return _tags(rows, word_tags(features, out), labels, metric)


def _spans(
    rows: Sequence, features: Features, logits: Ragged, metric: str, language: str, settings: EvalConfig
) -> Evaluation:
    found = best_spans(rows, features, logits, n_best=settings.n_best, max_answer_tokens=settings.max_answer_tokens)
    # Row numbers as keys: a data set that repeats an id must not lose a row to it.
    gold = {str(i): [answer.text for answer in row.answers] for i, row in enumerate(rows)}
    texts = {str(i): text for i, text in enumerate(found.texts)}
    answers, notes = found.texts, {}
    if metric == "squad2":
        no_answer = {str(i): float(value) for i, value in enumerate(found.no_answer)}
        scored = squad2(texts, gold, no_answer, threshold=settings.null_threshold)
        answers = ["" if no_answer[key] > settings.null_threshold else text for key, text in texts.items()]
        notes = {f"best_{name}_threshold": value for name, value in scored.best_thresholds.items()}
        measures, questions = scored.measures, scored.questions
    else:
        questions = score_questions(texts, gold, normaliser(language) if metric == "mlqa" else None)
        measures = averaged(questions)
    predictions = [
        Prediction(row.id, gold[str(i)], answer, questions[str(i)].f1, {"em": questions[str(i)].em})
        for i, (row, answer) in enumerate(zip(rows, answers, strict=True))
    ]
    return Evaluation(measures, answers, predictions, notes, found)


def _tags(rows: Sequence, tags: Sequence[np.ndarray], labels: Sequence[str], metric: str) -> Evaluation:
    answers = [tag_row.tolist() for tag_row in tags]
    names = [[labels[tag] for tag in tag_row] for tag_row in answers]
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
