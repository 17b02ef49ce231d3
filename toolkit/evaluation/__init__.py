"""Logits in, answers and scores out."""

from __future__ import annotations

from toolkit.evaluation.evaluate import Evaluation, evaluate_rows
from toolkit.evaluation.predict import predict

__all__ = ["Evaluation", "evaluate_rows", "predict"]
