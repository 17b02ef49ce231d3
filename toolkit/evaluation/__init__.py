"""Logits in, answers and scores out."""

from __future__ import annotations

from toolkit.evaluation.attention import Mass, attention_mass, mean_mass
from toolkit.evaluation.evaluate import Evaluation, evaluate_each, evaluate_rows
from toolkit.evaluation.predict import predict, predict_each

__all__ = [
    "Evaluation",
    "Mass",
    "attention_mass",
    "evaluate_each",
    "evaluate_rows",
    "mean_mass",
    "predict",
    "predict_each",
]
