"""Evaluation of one task's rows in one language: the heads' answers and their scores."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.evaluation.outputs import run_heads
from toolkit.evaluation.queries import score_queries
from toolkit.evaluation.scoring import SCORERS, Evaluation, Scoring
from toolkit.features.collate import Features
from toolkit.features.masks import Pieces, with_fixed_masks
from toolkit.modeling.circuit import Circuit
from toolkit.progress import Report, silent
from toolkit.tasks.kinds import MASKED, METRICS
from toolkit.tasks.rows import Row


def evaluate_rows(
    circuit: Circuit,
    rows: Sequence[Row],
    features: Features,
    *,
    scoring: Scoring | None = None,
    head: str | None = None,
    what: str = "evaluate",
    report: Report = silent,
) -> Evaluation:
    """Answer `rows` with the circuit and score the answers by their task's official metric.

    Args:
        rows: typed rows with gold labels.
        features: made from exactly these rows.
        scoring: the facts of their task (`Scoring.of`).
        head: which head answers; default: the active one.
    """
    asked = head or circuit.active_head or ""
    return evaluate_each(circuit, rows, features, heads=[asked], scoring=scoring, what=what, report=report)[asked]


def evaluate_each(
    circuit: Circuit,
    rows: Sequence[Row],
    features: Features,
    *,
    heads: Sequence[str],
    scoring: Scoring | None = None,
    what: str = "evaluate",
    report: Report = silent,
) -> dict[str, Evaluation]:
    """Score the answers of several heads of one kind, from one pass over the rows; see `evaluate_rows`."""
    scoring = scoring or Scoring()
    batch_size = scoring.settings.batch_size
    scorer = SCORERS.get(features.kind)
    if scorer is None:
        return {
            head: score_queries(circuit, rows, features, head=head, batch_size=batch_size, what=what, report=report)
            for head in heads
        }
    if features.kind in MASKED:
        features = with_fixed_masks(features, Pieces.of(circuit.backbone.tokenizer))
    metric = scoring.metric or METRICS[features.kind][0]
    found = run_heads(circuit, features, heads=heads, batch_size=batch_size, what=what, report=report)
    return {head: scorer(rows, features, out, scoring, metric) for head, out in found.items()}
