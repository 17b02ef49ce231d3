"""Table of the ways to compare answers, by metric: what makes two texts comparable, and what their tokens are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from toolkit.metrics.mlqa import normaliser
from toolkit.metrics.squad import Cut, Normalise, averaged, normalise, score_questions


@dataclass(frozen=True)
class Comparison:
    """What makes two answers comparable, and normalised text -> its tokens."""

    normalise: Normalise = normalise
    cut: Cut = str.split


def _plain(language: str) -> Comparison:
    return Comparison()


def _by_language(language: str) -> Comparison:
    return Comparison(normaliser(language))


def _by_character(language: str) -> Comparison:
    return Comparison(normaliser(language), _letters)


def _letters(text: str) -> Sequence[str]:
    return "".join(text.split())


ANSWERS: Mapping[str, Callable[[str], Comparison]] = {
    "squad": _plain,
    "squad2": _plain,
    "mlqa": _by_language,
    "characters": _by_character,
}


def comparison(metric: str, language: str) -> Comparison:
    """Return how a metric compares answers in a language.

    Args:
        metric: one of `ANSWERS`.
        language: ISO 639-1 code, or `context.question`: answers are parts of the context.

    Raises:
        KeyError: a metric that does not score answers.
    """
    return ANSWERS[metric](language.split(".")[0])


def characters(
    predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], language: str
) -> dict[str, float]:
    """Return exact match and the F1 of characters, each the best over a question's answers, averaged over all questions.

    Texts are normalised as MLQA's script does; blanks do not count as characters. JaQuAD (So et al. 2022, arXiv 2202.01764)
    and KorQuAD 1.0 (Lim et al. 2019, arXiv 1909.07005) are scored by characters.

    Args:
        predictions: question id -> predicted text. A question without prediction counts 0; other ids are ignored.
        references: question id -> its answers, at least one each.
        language: ISO 639-1 code of the answers' language.

    Returns:
        `{"em": float, "f1": float}`, both in [0, 1].

    Raises:
        ConfigError: the code is unknown.
        ValueError: no questions, or one without an answer.

    Example:
        >>> characters({"q": "東京都"}, {"q": ["東京"]}, "ja")
        {'em': 0.0, 'f1': 0.8}
    """
    how = _by_character(language)
    return averaged(score_questions(predictions, references, how.normalise, how.cut))
