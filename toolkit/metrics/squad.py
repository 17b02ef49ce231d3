"""Exact match and token F1 of SQuAD v1.1.

Source: the official `evaluate-v1.1.py` of Rajpurkar et al. 2016, which XTREME also uses for XQuAD and TyDiQA.
Its habits are kept even if they look odd, because the published numbers have them:

- only ASCII punctuation is removed, so `¿qué?` keeps its `¿`;
- the English articles are removed in every language, so the French `a` goes too;
- a text without spaces (Chinese, Thai) is one token, so its F1 is its exact match;
- a prediction and an answer that both normalise to nothing match exactly and have F1 0.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Normalise = Callable[[str], str]
Cut = Callable[[str], Sequence[str]]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Question:
    """Score of one prediction: exact match and F1, each the best over the question's answers, in [0, 1]."""

    em: float
    f1: float


def squad(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return exact match and F1, each the best over a question's answers, averaged over all questions.

    Args:
        predictions: question id -> predicted text. A question without prediction counts 0; other ids are ignored.
        references: question id -> its answers, at least one each.

    Returns:
        `{"em": float, "f1": float}`, both in [0, 1].

    Raises:
        ValueError: there are no questions, or one has no answer.

    Example:
        >>> squad({"q1": "the Broncos", "q2": "in 2015"}, {"q1": ["Denver Broncos", "Broncos"], "q2": ["2015"]})
        {'em': 0.5, 'f1': 0.8333333333333333}
    """
    return averaged(score_questions(predictions, references))


def score_questions(
    predictions: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    normalise: Normalise | None = None,
    cut: Cut = str.split,
) -> dict[str, Question]:
    """Score each question by itself; see `squad`.

    Args:
        normalise: what makes two texts comparable. Default: `normalise`.
        cut: normalised text -> its tokens. Default: what is between spaces.

    Raises:
        ValueError: a question has no answer.

    Example:
        >>> score_questions({"q": "the Broncos"}, {"q": ["Denver Broncos", "Broncos"]})
        {'q': Question(em=1.0, f1=1.0)}
    """
    cleaned = normalise or _normalise
    found = {}
    for identity, answers in references.items():
        if not answers:
            raise ValueError(f"Question '{identity}' has no answer; its scoring needs at least one.")
        if identity not in predictions:
            found[identity] = Question(0.0, 0.0)
            continue
        predicted, expected = cleaned(predictions[identity]), [cleaned(answer) for answer in answers]
        found[identity] = Question(
            em=max(float(predicted == each) for each in expected),
            f1=max(overlap_f1(cut(predicted), cut(each)) for each in expected),
        )
    return found


def averaged(questions: Mapping[str, Question]) -> dict[str, float]:
    """Return the means over all questions.

    Raises:
        ValueError: there are no questions.
    """
    if not questions:
        raise ValueError("No questions to score; a metric over nothing is undefined.")
    n = len(questions)
    return {
        "em": sum(each.em for each in questions.values()) / n,
        "f1": sum(each.f1 for each in questions.values()) / n,
    }


def normalise(text: str) -> str:
    """Return `text` lower-cased, without ASCII punctuation and English articles, with single spaces.

    Example:
        >>> normalise("The  U.S. and an  apple!")
        'us and apple'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


_normalise = normalise  # `score_questions` has an argument of this name


def overlap_f1(found: Sequence[str], expected: Sequence[str]) -> float:
    """Return the harmonic mean of token precision and recall; a token counts as often as it occurs in both.

    Example:
        >>> overlap_f1(["red", "red", "car"], ["red", "car"])
        0.8
    """
    common = sum((Counter(found) & Counter(expected)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(found), common / len(expected)
    return 2 * precision * recall / (precision + recall)
