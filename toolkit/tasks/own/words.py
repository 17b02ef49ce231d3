"""Words of a raw text, by the boundaries of Unicode (docs/decisions/0053-words-of-raw-text.md)."""

from __future__ import annotations

from typing import NamedTuple

import regex

_BOUNDARY = regex.compile(r"\b", regex.WORD | regex.VERSION1)


class Word(NamedTuple):
    """A word and the offset of its first character in the text, counted in Unicode code points."""

    text: str
    start: int


def words_of(text: str) -> tuple[Word, ...]:
    """Return the words and marks of a text by the word boundaries of Unicode (UAX 29), blanks left out.

    Scripts that are written without blanks have none of these boundaries inside a sentence that a rule could find: there each
    character is a word, as in the Chinese and Thai rows of PAN-X.

    Example:
        >>> [word.text for word in words_of("Don't pay 3.50, e-mail me.")]
        ["Don't", 'pay', '3.50', ',', 'e', '-', 'mail', 'me', '.']
        >>> words_of("我 爱")
        (Word(text='我', start=0), Word(text='爱', start=2))
    """
    found, at = [], 0
    for piece in _BOUNDARY.split(text):
        bare = piece.strip()
        if bare:
            found.append(Word(bare, at + piece.index(bare)))
        at += len(piece)
    return tuple(found)
