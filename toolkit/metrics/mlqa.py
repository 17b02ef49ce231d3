"""Exact match and token F1 of MLQA: SQuAD's, with punctuation, articles and words handled by language.

Source: the official `mlqa_evaluation_v1.py` of Lewis et al. 2020 (docs/decisions/0012-official-scoring.md), which XTREME
uses for MLQA too. Its habits are kept in its seven languages: the Arabic article is cut out anywhere in a word, and Chinese
characters are words. All other languages follow the same rules (docs/decisions/0025-answers-by-language.md).
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, partial

from toolkit.languages import get_language
from toolkit.metrics.squad import Normalise, averaged, score_questions

_UNSPACED_SCRIPTS = ("Han", "Japanese", "Thai", "Khmer", "Lao", "Myanmar")
_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",
}
_HAN = re.compile(r"[\u4e00-\u9fa5]")
# Characters of scripts without blanks between words: Thai, Lao, Myanmar, Khmer, kana with their marks, and Han with 々〆〇.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff\u19e0-\u19ff"
    r"\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]"
)


def mlqa(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], language: str) -> dict[str, float]:
    """Return exact match and F1, each the best over a question's answers, averaged over all questions.

    Args:
        predictions: question id -> predicted text. A question without prediction counts 0; other ids are ignored.
        references: question id -> its answers, at least one each.
        language: ISO 639-1 code of the answers' language, so of the contexts'.

    Returns:
        `{"em": float, "f1": float}`, both in [0, 1].

    Raises:
        ConfigError: the code is unknown.
        ValueError: no questions, or one without an answer.

    Example:
        >>> mlqa({"q": "der Stadt Rom"}, {"q": ["die Stadt Rom"]}, "de")
        {'em': 1.0, 'f1': 1.0}
    """
    return averaged(score_questions(predictions, references, normaliser(language)))


def is_unspaced(language: str) -> bool:
    """Return whether a language is written without blanks between words.

    Example:
        >>> is_unspaced("th"), is_unspaced("yue"), is_unspaced("vi")
        (True, True, False)
    """
    return get_language(language).script in _UNSPACED_SCRIPTS


def normaliser(language: str) -> Normalise:
    """Return `normalise` for one language, as `squad.score_questions` takes it."""
    return partial(normalise, language=language)


def normalise(text: str, language: str) -> str:
    """Return `text` lower-cased, without punctuation of any script and the language's articles, words spaced singly.

    In languages written without blanks, each character of a script without blanks is a word. Languages beyond the script's
    have no list of articles.

    Example:
        >>> normalise("¿El año 2010?", "es"), normalise("在2010年，", "zh"), normalise("2010年のTokyo。", "ja")
        ('año 2010', '在 2010 年', '2010 年 の tokyo')
    """
    base = get_language(language).base
    text = "".join(character for character in text.lower() if character not in _punctuation())
    if base in _ARTICLES:
        text = re.sub(_ARTICLES[base], " ", text)
    if is_unspaced(language):
        text = (_HAN if base == "zh" else _UNSPACED).sub(r" \g<0> ", text)
    return " ".join(text.split())


@cache
def _punctuation() -> frozenset[str]:
    # The script's own range, which leaves the last code point out.
    every = (chr(i) for i in range(sys.maxunicode))
    return frozenset(each for each in every if unicodedata.category(each).startswith("P")) | set(string.punctuation)
