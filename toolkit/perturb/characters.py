"""Edits within one word: what typing errors, look-alikes and careless encoding do to it.

An edit takes the word, what follows it up to the next word, the language and a random generator, and returns the word and what
follows as they are afterwards, or None where this word cannot be edited so. Characters are grapheme clusters: a mark stays
with its letter. No edit returns an empty word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from toolkit.languages import get_language
from toolkit.perturb.keyboards import LAYOUT_OF, neighbours
from toolkit.perturb.text import clusters, small_letters


@dataclass(frozen=True, slots=True)
class Place:
    """Surroundings of a word.

    Attributes:
        after: the characters between it and the next word, or the end of the text.
        language: ISO 639-1 code of the text.
        letters: every letter of the text, once each occurrence: what an inserted letter is drawn from.
        can_move_spaces: whether spaces may be added or taken away (not where the tokens are given).
    """

    after: str
    language: str
    letters: Sequence[str]
    can_move_spaces: bool = True

    @property
    def script(self) -> str:
        """The script of the language."""
        return get_language(self.language).script


Edit: TypeAlias = Callable[[str, Place, Random], tuple[str, str] | None]


def swap(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Exchange two neighbouring characters, inner ones in words of four or more."""
    parts = clusters(word)
    inner = range(1, len(parts) - 2) if len(parts) > 3 else range(len(parts) - 1)
    choices = [i for i in inner if parts[i] != parts[i + 1]]
    if not choices:
        return None
    i = rng.choice(choices)
    parts[i], parts[i + 1] = parts[i + 1], parts[i]
    return "".join(parts), place.after


def delete(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Leave one character out, an inner one in words of three or more."""
    parts = clusters(word)
    if len(parts) < 2:
        return None
    del parts[rng.randrange(1, len(parts) - 1) if len(parts) > 2 else rng.randrange(2)]
    return "".join(parts), place.after


def insert(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Put in a letter drawn from the same text, so that it fits the script and its frequency the language."""
    if not place.letters:
        return None
    parts = clusters(word)
    parts.insert(rng.randrange(1, len(parts)) if len(parts) > 1 else rng.randrange(2), rng.choice(place.letters))
    return "".join(parts), place.after


def keyboard(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Replace one letter by one next to it on the language's keyboard; a Hangul syllable has one of its jamo replaced."""
    near = neighbours(LAYOUT_OF[get_language(place.language).written])
    if place.language == "ko":
        return _keyboard_hangul(word, place, rng, near)
    choices = [i for i, letter in enumerate(word) if near.get(small_letters(letter, place.language))]
    if not choices:
        return None
    i = rng.choice(choices)
    struck = rng.choice(near[small_letters(word[i], place.language)])
    if word[i].isupper():
        struck = _upper(struck, place.language)
    return word[:i] + struck + word[i + 1 :], place.after


# Compatibility jamo, which keys carry, in the order of the conjoining ones, which syllables are made of.
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FIRST_SYLLABLE, _N_VOWELS, _N_FINALS = 0xAC00, 21, 28


def _keyboard_hangul(word: str, place: Place, rng: Random, near: dict[str, str]) -> tuple[str, str] | None:
    """Replace the initial or the vowel of a syllable by a neighbouring key that can take its place."""
    options = []
    for i, syllable in enumerate(word):
        code = ord(syllable) - _FIRST_SYLLABLE
        if not 0 <= code < len(_INITIALS) * _N_VOWELS * _N_FINALS:
            continue
        initial, vowel = code // (_N_VOWELS * _N_FINALS), code // _N_FINALS % _N_VOWELS
        options += [
            (i, code + (_INITIALS.index(key) - initial) * _N_VOWELS * _N_FINALS)
            for key in near.get(_INITIALS[initial], "")
            if key in _INITIALS
        ]
        options += [
            (i, code + (_VOWELS.index(key) - vowel) * _N_FINALS)
            for key in near.get(_VOWELS[vowel], "")
            if key in _VOWELS
        ]
    if not options:
        return None
    i, code = rng.choice(options)
    return word[:i] + chr(_FIRST_SYLLABLE + code) + word[i + 1 :], place.after


# Letters that look like one of another script (Unicode Technical Standard 39, confusables; the ones of one glyph in common fonts).
_LATIN_TO_CYRILLIC = dict(zip("aceijopsxyABCEHIJKMOPSTXY", "асеіјорѕхуАВСЕНІЈКМОРЅТХУ", strict=True))
_LATIN_TO_GREEK = dict(zip("ovABEHIKMNOPTXYZ", "ονΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", strict=True))
_TO_LATIN = {other: letter for table in (_LATIN_TO_CYRILLIC, _LATIN_TO_GREEK) for letter, other in table.items()}


def homoglyph(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Replace one letter by one of another script that looks the same."""
    options = [
        (i, look)
        for i, letter in enumerate(word)
        for table in (_LATIN_TO_CYRILLIC, _LATIN_TO_GREEK, _TO_LATIN)
        if (look := table.get(letter))
    ]
    if not options:
        return None
    i, look = rng.choice(options)
    return word[:i] + look + word[i + 1 :], place.after


# Letters whose stroke is not a combining mark and that people without the key write plainly.
_PLAIN = str.maketrans("đĐøØłŁħĦıŧŦ", "dDoOlLhHitT")


def drop_diacritics(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Take all accents, harakat, niqqud and strokes off."""
    bare = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)).translate(_PLAIN)
    bare = unicodedata.normalize("NFC", bare)
    return None if not bare or bare == word else (bare, place.after)


def flip_case(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Write a small word in capitals, and any other in small letters."""
    small = small_letters(word, place.language)
    flipped = _upper(word, place.language) if small == word else small
    return None if flipped == word else (flipped, place.after)


_MARKS = {
    "Arabic": "،؛؟.", "Han": "，。、；", "Japanese": "、。・", "Devanagari": "।,;", "Bengali": "।,;", "Greek": ",·.;",
    "Armenian": ",։", "Ethiopic": "፣።", "Myanmar": "၊။",
}  # fmt: skip


def punctuate(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Take away the punctuation mark behind a word, or put one of the script's where there is none."""
    if place.after and unicodedata.category(place.after[0]).startswith("P"):
        return word, place.after[1:]
    return word, rng.choice(_MARKS.get(place.script, ",.;!")) + place.after


def move_space(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Cut the word in two, or take away the one space that divides it from the next."""
    parts = clusters(word)
    can_join = place.after == " "
    if not place.can_move_spaces or (len(parts) < 2 and not can_join):
        return None
    if can_join and (len(parts) < 2 or rng.random() < 0.5):
        return word, ""
    cut = rng.randrange(1, len(parts))
    return "".join(parts[:cut]) + " " + "".join(parts[cut:]), place.after


ZERO_WIDTH_SPACE = "\u200b"


def insert_zero_width(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Put a zero-width space (U+200B) between two characters; nobody sees it, the tokenizer does."""
    parts = clusters(word)
    if len(parts) < 2:
        return None
    cut = rng.randrange(1, len(parts))
    return "".join(parts[:cut]) + ZERO_WIDTH_SPACE + "".join(parts[cut:]), place.after


def romanise(word: str, place: Place, rng: Random) -> tuple[str, str] | None:
    """Write the word in Latin letters, as the library `anyascii` does; it knows no language, so it is approximate."""
    from anyascii import anyascii

    latin = anyascii(word).strip()
    return None if not latin or latin == word or any(c.isspace() for c in latin) else (latin, place.after)


def _upper(text: str, language: str) -> str:
    if language in ("tr", "az"):
        text = text.replace("i", "İ")
    return text.upper()
