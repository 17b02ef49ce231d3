"""One task's rows in one language, answered and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from toolkit.config import EvalConfig
from toolkit.evaluation.predict import Answers, predict_each
from toolkit.evaluation.queries import score_queries
from toolkit.evaluation.spans import best_spans
from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.metrics import accuracy, accuracy_f1, mlqa, squad, squad2, tagging_f1
from toolkit.modeling.circuit import Circuit
from toolkit.progress import Report, silent
from toolkit.tasks.task import METRICS


@dataclass(frozen=True)
class Evaluation:
    """Measures of one set of rows.

    Attributes:
        measures: by field name (`accuracy`, `em`, `f1`, ...), fractions in [0, 1].
        answers: one per row: label index, text, list of tag indices, or list of passages.
        n: rows scored.
        notes: numbers that are no measures: SQuAD 2.0's best thresholds.
    """

    measures: dict[str, float]
    answers: list[Any]
    n: int
    notes: dict[str, float] = field(default_factory=dict)


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
        return {head: Evaluation(measures, answers, len(rows)) for head, (measures, answers) in scored.items()}
    found = predict_each(circuit, features, heads=heads, batch_size=settings.batch_size, what=what, report=report)
    metric = metric or METRICS[features.kind][0]
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
        return Evaluation(score(answers, features.labels), answers.tolist(), len(rows))
    assert isinstance(out, Ragged)
    if features.kind == "span":
        return _spans(rows, features, out, metric, language.split(".")[0], settings)
    tags = word_tags(features, out)
    if metric == "accuracy":
        flat = np.concatenate([*tags, np.zeros(0, np.int64)])
        expected = np.array([tag for row in rows for tag in row.tags], np.int64)
        return Evaluation(accuracy(flat, expected), [list(row) for row in tags], len(rows))
    predicted = [[labels[tag] for tag in row] for row in tags]
    return Evaluation(
        tagging_f1(predicted, [[labels[tag] for tag in row.tags] for row in rows]),
        [list(row) for row in tags],
        len(rows),
    )


def _spans(
    rows: Sequence, features: Features, logits: Ragged, metric: str, language: str, settings: EvalConfig
) -> Evaluation:
    found = best_spans(rows, features, logits, n_best=settings.n_best, max_answer_tokens=settings.max_answer_tokens)
    # Row numbers as keys: a data set that repeats an id must not lose a row to it.
    gold = {str(i): [answer.text for answer in row.answers] for i, row in enumerate(rows)}
    texts = {str(i): text for i, text in enumerate(found.texts)}
    if metric == "squad2":
        no_answer = {str(i): float(value) for i, value in enumerate(found.no_answer)}
        scored = squad2(texts, gold, no_answer, threshold=settings.null_threshold)
        answers = ["" if no_answer[key] > settings.null_threshold else text for key, text in texts.items()]
        notes = {f"best_{name}_threshold": value for name, value in scored.best_thresholds.items()}
        return Evaluation(scored.measures, answers, len(rows), notes)
    measures = mlqa(texts, gold, language) if metric == "mlqa" else squad(texts, gold)
    return Evaluation(measures, found.texts, len(rows))


def word_tags(features: Features, best: Ragged) -> list[np.ndarray]:
    """Read each word's tag off the piece that carries its label: int64 [words] per row."""
    out = [np.full(n, -1, np.int64) for n in features.extra["n_words"]]
    words = features.extra["words"]
    for item, row in enumerate(features.source_row):
        carried = words[item]
        out[row][carried[carried >= 0]] = best[item][carried >= 0]
    return out
