"""One task's rows in one language, answered and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.config import EvalConfig
from toolkit.evaluation.predict import Answers, predict_each
from toolkit.evaluation.spans import answer_texts
from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.metrics import accuracy, squad, tagging_f1
from toolkit.modeling.circuit import Circuit
from toolkit.progress import Report, silent


@dataclass(frozen=True)
class Evaluation:
    """Measures of one set of rows.

    Attributes:
        measures: by field name (`accuracy`, `em`, `f1`, ...), fractions in [0, 1].
        answers: one per row: label index, text, or list of tag indices.
        n: rows scored.
    """

    measures: dict[str, float]
    answers: list[Any]
    n: int


def evaluate_rows(
    circuit: Circuit,
    rows: Sequence,
    features: Features,
    *,
    labels: Sequence[str] = (),
    settings: EvalConfig | None = None,
    head: str | None = None,
    what: str = "evaluate",
    report: Report = silent,
) -> Evaluation:
    """Answer `rows` with the circuit and score the answers by their kind's official metric.

    Args:
        rows: typed rows with gold labels.
        features: made from exactly these rows.
        labels: label names of the task (tags only).
        head: which head answers; default: the active one.
    """
    asked = head or circuit.active_head or ""
    return evaluate_each(
        circuit, rows, features, heads=[asked], labels=labels, settings=settings, what=what, report=report
    )[asked]


def evaluate_each(
    circuit: Circuit,
    rows: Sequence,
    features: Features,
    *,
    heads: Sequence[str],
    labels: Sequence[str] = (),
    settings: EvalConfig | None = None,
    what: str = "evaluate",
    report: Report = silent,
) -> dict[str, Evaluation]:
    """Score the answers of several heads of one kind, from one pass over the rows; see `evaluate_rows`."""
    settings = settings or EvalConfig()
    found = predict_each(circuit, features, heads=heads, batch_size=settings.batch_size, what=what, report=report)
    return {head: _scored(rows, features, out, labels, settings) for head, out in found.items()}


def _scored(
    rows: Sequence, features: Features, out: Answers, labels: Sequence[str], settings: EvalConfig
) -> Evaluation:
    if features.kind in ("pair", "choice"):
        assert isinstance(out, np.ndarray) and features.labels is not None
        answers = out.argmax(1)
        return Evaluation(accuracy(answers, features.labels), answers.tolist(), len(rows))
    assert isinstance(out, Ragged)
    if features.kind == "span":
        texts = answer_texts(rows, features, out, n_best=settings.n_best, max_answer_tokens=settings.max_answer_tokens)
        # Row numbers as keys: a data set that repeats an id must not lose a row to it.
        gold = {str(i): [answer.text for answer in row.answers] for i, row in enumerate(rows)}
        return Evaluation(squad({str(i): text for i, text in enumerate(texts)}, gold), texts, len(rows))
    tags = word_tags(features, out)
    predicted = [[labels[tag] for tag in row] for row in tags]
    return Evaluation(
        tagging_f1(predicted, [[labels[tag] for tag in row.tags] for row in rows]),
        [list(row) for row in tags],
        len(rows),
    )


def word_tags(features: Features, best: Ragged) -> list[np.ndarray]:
    """Read each word's tag off the piece that carries its label: int64 [words] per row."""
    out = [np.full(n, -1, np.int64) for n in features.extra["n_words"]]
    words = features.extra["words"]
    for item, row in enumerate(features.source_row):
        carried = words[item]
        out[row][carried[carried >= 0]] = best[item][carried >= 0]
    return out
