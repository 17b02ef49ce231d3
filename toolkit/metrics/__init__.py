"""The official metrics: arrays or strings in, fractions in [0, 1] out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from toolkit.metrics.accuracy import accuracy, accuracy_f1
from toolkit.metrics.answers import ANSWERS, Comparison, characters, comparison
from toolkit.metrics.masked import PERPLEXITY, masked
from toolkit.metrics.mlqa import is_unspaced, mlqa, normaliser
from toolkit.metrics.ranking import TOP, ranked, ranking, retrieval_accuracy, weighted_f1
from toolkit.metrics.spans import SpanCounts, count_spans, micro_averaged, tagging_f1
from toolkit.metrics.squad import Question, averaged, score_questions, squad
from toolkit.metrics.squad2 import Squad2, squad2
from toolkit.tasks.kinds import Metric

MAIN: Final[Mapping[Metric, str]] = {
    "accuracy": "accuracy",
    "accuracy-f1": "f1",
    "squad": "f1",
    "squad2": "f1",
    "mlqa": "f1",
    "characters": "f1",
    "seqeval": "f1",
    "f1": "f1",
    "map_at_20": "map_at_20",
    "masked": "masked_accuracy",
}
"""`Task.metric` -> the measure among its results that early stopping and the tables look at."""

__all__ = [
    "ANSWERS",
    "MAIN",
    "PERPLEXITY",
    "TOP",
    "Comparison",
    "Question",
    "SpanCounts",
    "Squad2",
    "accuracy",
    "accuracy_f1",
    "averaged",
    "characters",
    "comparison",
    "count_spans",
    "is_unspaced",
    "masked",
    "micro_averaged",
    "mlqa",
    "normaliser",
    "ranked",
    "ranking",
    "retrieval_accuracy",
    "score_questions",
    "squad",
    "squad2",
    "tagging_f1",
    "weighted_f1",
]
