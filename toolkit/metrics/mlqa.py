"""Exact match and token F1 of MLQA: SQuAD's, with punctuation, articles and words handled by language.

Source: the official `mlqa_evaluation_v1.py` of Lewis et al. 2020 (docs/decisions/0012-official-scoring.md), which XTREME
uses for MLQA too. Its habits are kept: the Arabic article is cut out anywhere in a word, and Chinese characters are words.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, partial

from toolkit.metrics.squad import Normalise, averaged, score_questions

LANGUAGES = ("en", "es", "hi", "vi", "de", "ar", "zh")
_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",
}
_HAN = re.compile(r"[\u4e00-\u9fa5]")


def mlqa(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], language: str) -> dict[str, float]:
    """Return exact match and F1, each the best over a question's answers, averaged over all questions.

    Args:
        predictions: question id -> predicted text. A question without prediction counts 0; other ids are ignored.
        references: question id -> its answers, at least one each.
        language: of the answers, so of the contexts: en, es, hi, vi, de, ar or zh.

    Returns:
        `{"em": float, "f1": float}`, both in [0, 1].

    Raises:
        ValueError: another language, no questions, or one without an answer.

    Example:
        >>> mlqa({"q": "der Stadt Rom"}, {"q": ["die Stadt Rom"]}, "de")
        {'em': 1.0, 'f1': 1.0}
    """
    return averaged(score_questions(predictions, references, normaliser(language)))


def normaliser(language: str) -> Normalise:
    """Return `normalise` for one language, as `squad.score_questions` takes it."""
    return partial(normalise, language=language)


def normalise(text: str, language: str) -> str:
    """Return `text` lower-cased, without punctuation of any script and the language's articles, words spaced singly.

    Example:
        >>> normalise("¿El año 2010?", "es"), normalise("在2010年，", "zh")
        ('año 2010', '在 2010 年')
    """
    if language not in LANGUAGES:
        raise ValueError(f"MLQA's scoring knows no language '{language}'; it has {', '.join(LANGUAGES)}.")
    text = "".join(character for character in text.lower() if character not in _punctuation())
    if language in _ARTICLES:
        text = re.sub(_ARTICLES[language], " ", text)
    if language == "zh":
        text = _HAN.sub(r" \g<0> ", text)
    return " ".join(text.split())


@cache
def _punctuation() -> frozenset[str]:
    # The script's own range, which leaves the last code point out.
    every = (chr(i) for i in range(sys.maxunicode))
    return frozenset(each for each in every if unicodedata.category(each).startswith("P")) | set(string.punctuation)
