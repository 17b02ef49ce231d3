"""The official metrics: arrays or strings in, fractions in [0, 1] out."""

from __future__ import annotations

from toolkit.metrics.accuracy import accuracy
from toolkit.metrics.ranking import retrieval_accuracy, weighted_f1
from toolkit.metrics.spans import tagging_f1
from toolkit.metrics.squad import squad

MAIN = {"accuracy": "accuracy", "squad": "f1", "seqeval": "f1", "f1": "f1"}
"""`Task.metric` -> the measure among its results that early stopping and the tables look at."""

__all__ = ["MAIN", "accuracy", "retrieval_accuracy", "squad", "tagging_f1", "weighted_f1"]
