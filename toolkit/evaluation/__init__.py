"""Evaluation of circuits: outputs of their heads, answers and scores."""

from __future__ import annotations

from toolkit.evaluation.attention import Mass, attention_mass, mean_mass
from toolkit.evaluation.evaluate import evaluate_each, evaluate_rows
from toolkit.evaluation.outputs import run_head, run_heads
from toolkit.evaluation.scoring import Evaluation, Scoring

__all__ = [
    "Evaluation",
    "Mass",
    "Scoring",
    "attention_mass",
    "evaluate_each",
    "evaluate_rows",
    "mean_mass",
    "run_head",
    "run_heads",
]
