"""Logits in, answers and scores out."""

from __future__ import annotations

from toolkit.evaluation.evaluate import Evaluation, evaluate_each, evaluate_rows
from toolkit.evaluation.predict import predict, predict_each

__all__ = ["Evaluation", "evaluate_each", "evaluate_rows", "predict", "predict_each"]
