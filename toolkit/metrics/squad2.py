"""Exact match and token F1 of SQuAD v2.0, in which a question may have no answer.

Source: the official `evaluate-v2.0.py` of Rajpurkar, Jia and Liang 2018 (docs/decisions/0012-official-scoring.md). It
differs from v1.1 in two ways: answers that normalise to nothing are dropped, and two texts without tokens have F1 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.metrics.squad import Cut, Normalise, Question, averaged, normalise, score_questions


@dataclass(frozen=True)
class Squad2:
    """Numbers that the official script reports, as fractions.

    Attributes:
        measures: `em` and `f1` at the threshold; `has_answer_em`, `has_answer_f1` and `no_answer_accuracy` over the
            questions of either sort, if there are any; `best_em` and `best_f1` at the best threshold each.
        best_thresholds: `em` and `f1` -> the score difference from which "no answer" is best said.
        questions: each question by itself, at the threshold.
    """

    measures: dict[str, float]
    best_thresholds: dict[str, float]
    questions: dict[str, Question]


def squad2(
    predictions: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    no_answer: Mapping[str, float],
    *,
    threshold: float = 0.0,
    normalise: Normalise = normalise,
    cut: Cut = str.split,
) -> Squad2:
    """Score predicted answers, some replaced by "no answer".

    Args:
        predictions: question id -> the best answer that is not empty, one for every question.
        references: question id -> its answers; none: it has no answer.
        no_answer: question id -> how much more likely "no answer" is than the prediction (any scale, larger: likelier).
        threshold: a question whose value in `no_answer` is above it is answered with "no answer".
        normalise, cut: as in `score_questions`.

    Raises:
        ValueError: there are no questions, or one lacks its prediction or its value.

    Example:
        >>> found = squad2({"a": "Rome", "b": "Rome"}, {"a": ["Rome"], "b": []}, {"a": -1.0, "b": 2.0})
        >>> found.measures["em"], found.measures["no_answer_accuracy"]
        (1.0, 1.0)
    """
    if not references:
        raise ValueError("No questions to score; a metric over nothing is undefined.")
    for identity in references:
        if identity not in predictions or identity not in no_answer:
            raise ValueError(f"Question '{identity}' lacks its prediction or its no-answer score.")
    answers = {key: [text for text in texts if normalise(text)] or [""] for key, texts in references.items()}
    # The data say whether a question has an answer, before the texts are normalised.
    has_answer = {key: bool(texts) for key, texts in references.items()}
    raw = {key: _question(predictions[key], texts, normalise, cut) for key, texts in answers.items()}
    said_nothing = {key: Question(float(not has), float(not has)) for key, has in has_answer.items()}
    final = {key: said_nothing[key] if no_answer[key] > threshold else found for key, found in raw.items()}
    measures = averaged(final)
    answered = [key for key in references if has_answer[key]]
    unanswered = [key for key in references if not has_answer[key]]
    if answered:
        of_these = averaged({key: final[key] for key in answered})
        measures |= {f"has_answer_{name}": value for name, value in of_these.items()}
    if unanswered:
        measures["no_answer_accuracy"] = averaged({key: final[key] for key in unanswered})["em"]
    best_thresholds = {}
    for name in ("em", "f1"):
        values = {key: getattr(found, name) for key, found in raw.items()}
        measures[f"best_{name}"], best_thresholds[name] = _best(predictions, values, no_answer, has_answer)
    return Squad2(measures, best_thresholds, final)


def _best(
    predictions: Mapping[str, str],
    scores: Mapping[str, float],
    no_answer: Mapping[str, float],
    has_answer: Mapping[str, bool],
) -> tuple[float, float]:
    """Return the best mean score and the threshold that gives it: from "no answer" to all, question by question."""
    current = float(sum(not has for has in has_answer.values()))
    best, threshold = current, 0.0
    # The official script's walk, its order among equal values (that of the questions) included.
    for key in sorted(scores, key=lambda each: no_answer[each]):
        if has_answer[key]:
            current += scores[key]
        elif predictions[key]:
            current -= 1
        if current > best:
            best, threshold = current, no_answer[key]
    return best / len(scores), threshold


def _question(predicted: str, answers: Sequence[str], normalise: Normalise, cut: Cut) -> Question:
    found = score_questions({"": predicted}, {"": answers}, normalise, cut)[""]
    # If either text has no token, F1 is the exact match.
    nothing = not normalise(predicted) or answers == [""]
    return Question(found.em, found.em) if nothing else found
