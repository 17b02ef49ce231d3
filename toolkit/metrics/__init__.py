"""The official metrics: arrays or strings in, fractions in [0, 1] out."""

from __future__ import annotations

from toolkit.metrics.accuracy import accuracy, accuracy_f1
from toolkit.metrics.mlqa import mlqa
from toolkit.metrics.ranking import TOP, ranking, retrieval_accuracy, weighted_f1
from toolkit.metrics.spans import tagging_f1
from toolkit.metrics.squad import squad
from toolkit.metrics.squad2 import Squad2, squad2

MAIN = {
    "accuracy": "accuracy",
    "accuracy-f1": "f1",
    "squad": "f1",
    "squad2": "f1",
    "mlqa": "f1",
    "seqeval": "f1",
    "f1": "f1",
    "map_at_20": "map_at_20",
}
"""`Task.metric` -> the measure among its results that early stopping and the tables look at."""

__all__ = [
    "MAIN",
    "TOP",
    "Squad2",
    "accuracy",
    "accuracy_f1",
    "mlqa",
    "ranking",
    "retrieval_accuracy",
    "squad",
    "squad2",
    "tagging_f1",
    "weighted_f1",
]
