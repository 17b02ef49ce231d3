"""Edits that add a sentence or exchange one: distractors, tautologies, a hypothesis in another language."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from toolkit.errors import DataError, ToolkitError
from toolkit.languages import get_language
from toolkit.perturb.text import sentences, words
from toolkit.tasks.rows import PairRow, SpanRow

# What is always true and says nothing, after Naik et al. 2018. English as published there; the others are this project's
# own renderings, not checked by native speakers.
TAUTOLOGIES = {
    "ar": "والحق هو الحق",
    "bg": "и истината е истина",
    "de": "und wahr ist wahr",
    "el": "και το αληθές είναι αληθές",
    "en": "and true is true",
    "es": "y lo verdadero es verdadero",
    "fr": "et le vrai est vrai",
    "hi": "और सच सच है",
    "ru": "и правда есть правда",
    "sw": "na kweli ni kweli",
    "th": "และความจริงก็คือความจริง",
    "tr": "ve doğru doğrudur",
    "ur": "اور سچ سچ ہے",
    "vi": "và đúng là đúng",
    "zh": "而且真的就是真的",
}
_UNSPACED = ("Han", "Japanese", "Thai")
# How many other rows a distractor is looked for in: enough for one that shares words with the question.
_N_CONTEXTS = 20


def add_tautology(row: PairRow, language: str, *, field: str, times: int) -> PairRow:
    """Return a row with a tautology before the final mark of one of its sentences; the label stays right."""
    text = getattr(row, field)
    end = len(text)
    while end and (unicodedata.category(text[end - 1]).startswith("P") or text[end - 1].isspace()):
        end -= 1
    joint = "" if get_language(language).script in _UNSPACED else " "
    added = (joint + TAUTOLOGIES[get_language(language).written]) * times
    return replace(row, **{field: text[:end] + added + text[end:]})


def add_distractor(row: SpanRow, others: Sequence[SpanRow], language: str, rng: Random) -> SpanRow:
    """Return a row whose context ends with a sentence from another row's context that looks like an answer to its question.

    Of the sentences of 20 other contexts the one is taken that shares most words with the question, never one that contains
    an answer. Answers stay where they are. A row is returned as it is where no such sentence exists.
    """
    asked = _vocabulary(row.question)
    answers = [answer.text.casefold() for answer in row.answers]
    best, best_overlap = "", -1
    for other in rng.sample(others, min(_N_CONTEXTS, len(others))):
        if other.context == row.context:
            continue
        for sentence in sentences(other.context):
            plain = sentence.casefold()
            if sentence in row.context or any(answer in plain for answer in answers):
                continue
            overlap = len(asked & _vocabulary(sentence))
            if overlap > best_overlap:
                best, best_overlap = sentence, overlap
    if not best:
        return row
    joint = "" if get_language(language).script in ("Han", "Japanese") else " "
    return replace(row, context=row.context + joint + best)


def mix_languages(row: PairRow, partner: PairRow, place: str) -> PairRow:
    """Return a row with the second sentence of the same row in another language.

    Raises:
        DataError: the two rows have different labels, so they are not translations of each other.
    """
    if row.second is None:
        raise DataError(f"{place}: rows of one text have no second sentence to mix languages with; expected pairs.")
    if row.label != partner.label:
        raise DataError(
            f"{place}: row '{row.id}' has label {row.label} and its partner '{partner.id}' has {partner.label}; rows that are "
            "mixed must be translations of each other."
        )
    return replace(row, second=partner.second)


def translations(partner: Sequence[PairRow] | None, place: str) -> dict[str, PairRow]:
    """Return the partner's rows by id: in parallel data an id means the same example in every language."""
    if partner is None:
        raise ToolkitError(
            f"{place}: mixing languages needs the same rows in another language; name one with --mix-with."
        )
    return {row.id: row for row in partner}


def _vocabulary(text: str) -> set[str]:
    return {text[word.start : word.end].casefold() for word in words(text)}
