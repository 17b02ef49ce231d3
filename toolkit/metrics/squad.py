"""Exact match and token F1 of SQuAD v1.1.

Source: the official `evaluate-v1.1.py` of Rajpurkar et al. 2016, which XTREME also uses for XQuAD and TyDiQA.
Its habits are kept where they look odd, because the published numbers have them:

- only ASCII punctuation is removed, so `¿qué?` keeps its `¿`;
- the English articles are removed in every language, so the French `a` goes too;
- a text without spaces (Chinese, Thai) is one token, so its F1 is its exact match;
- a prediction and an answer that both normalise to nothing match exactly and have F1 0.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


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
    if not references:
        raise ValueError("No questions to score; a metric over nothing is undefined.")
    em = f1 = 0.0
    for identity, answers in references.items():
        if not answers:
            raise ValueError(f"Question '{identity}' has no answer; SQuAD v1.1 needs at least one.")
        if identity in predictions:
            predicted = predictions[identity]
            em += max(exact_match(predicted, answer) for answer in answers)
            f1 += max(token_f1(predicted, answer) for answer in answers)
    return {"em": em / len(references), "f1": f1 / len(references)}


def normalise(text: str) -> str:
    """Return `text` lower-cased, without ASCII punctuation and English articles, with single spaces.

    Example:
        >>> normalise("The  U.S. and an  apple!")
        'us and apple'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


def exact_match(predicted: str, answer: str) -> float:
    """Return 1.0 where both texts normalise to the same string, else 0.0."""
    return float(normalise(predicted) == normalise(answer))


def token_f1(predicted: str, answer: str) -> float:
    """Return the harmonic mean of token precision and recall over the normalised texts.

    A token counts as often as it occurs in both.

    Example:
        >>> token_f1("red red car", "red car")
        0.8
    """
    found, expected = normalise(predicted).split(), normalise(answer).split()
    common = sum((Counter(found) & Counter(expected)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(found), common / len(expected)
    return 2 * precision * recall / (precision + recall)
