"""Answers of an evaluation, written row by row next to its scores (docs/decisions/0012-official-scoring.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.evaluation.scoring import Evaluation
from toolkit.evaluation.spans import Spans
from toolkit.files import replace_text
from toolkit.progress import Say
from toolkit.results.predictions import write_predictions
from toolkit.safe_text import json_text

FOLDER = "predictions"
NEVER = 3.4e38  # JSON has no infinity: what stands for the score of a span that does not exist


def write_answers(folder: Path, name: str, evaluation: Evaluation, *, may_be_unanswerable: bool, say: Say) -> None:
    """Write one language's answers: `NAME.jsonl`, and of a span task the official scripts' files in the folder `NAME/`.

    Args:
        folder: where to; of a `par` each member's own.
        name: `<task>.<language>`.
        may_be_unanswerable: whether "no answer" is among a question's candidates.
        say: called where ids repeat, of which the official formats hold only one each.
    """
    write_predictions(evaluation.predictions, folder / f"{name}.jsonl")
    if evaluation.spans is None:
        return
    ids = [each.id for each in evaluation.predictions]
    if repeated := len(ids) - len(set(ids)):
        say(
            f"{name}: {repeated} of {len(ids)} ids repeat; {name}/predictions.json holds the last question of each, "
            f"{name}.jsonl all."
        )
    spans = evaluation.spans
    # What the script for SQuAD reads, and what goes with it wherever such files are written.
    _write(folder / name / "predictions.json", dict(zip(ids, evaluation.answers, strict=True)))
    _write(folder / name / "null_odds.json", dict(zip(ids, map(_finite, spans.no_answer), strict=True)))
    _write(
        folder / name / "nbest_predictions.json",
        {key: _n_best(spans, row, may_be_unanswerable) for row, key in enumerate(ids)},
    )


def _n_best(spans: Spans, row: int, has_null: bool) -> list[dict[str, Any]]:
    """Return a question's candidates, the best first; probabilities are a softmax over them."""
    found = [(each.text, each.start_logit, each.end_logit) for each in spans.n_best[row]]
    null = [_finite(value) for value in spans.null_logits[row]]
    if has_null or not found:
        found.append(("", null[0], null[1]))
        found.sort(key=lambda each: -(each[1] + each[2]))
    return [
        {"text": text, "probability": float(share), "start_logit": start, "end_logit": end}
        for (text, start, end), share in zip(found, _softmax([start + end for _, start, end in found]), strict=True)
    ]


def _softmax(scores: Sequence[float]) -> np.ndarray:
    shifted = np.exp(np.array(scores) - max(scores))
    shares: np.ndarray = shifted / shifted.sum()
    return shares


def _finite(value: float) -> float:
    return 0.0 if math.isnan(value) else max(-NEVER, min(NEVER, float(value)))


def _write(path: Path, values: dict[str, Any]) -> None:
    replace_text(path, json_text(values, indent=1) + "\n")
