"""Words of a text in any script, and edits to it that keep track of where everything went.

Every perturbation of a text is a list of replacements of parts that do not overlap, so the place of an answer afterwards is
a sum, not a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import regex

# Scripts written without spaces between words. There a "word" that characters are edited in is a piece of about a word's
# length: two characters of Han, kana; four clusters of Thai, Lao, Khmer, Myanmar.
_TWO = r"\p{Han}\p{Hiragana}\p{Katakana}ー"
_FOUR = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_SPACED = rf"[[\p{{L}}\p{{M}}]--[{_TWO}{_FOUR}]]"
_INNER = r"[\u200c\u200d'’]"


def _pattern(length: int, long_length: int) -> regex.Pattern[str]:
    return regex.compile(
        rf"(?:[{_TWO}]\p{{M}}*){{1,{length}}}"
        rf"|(?:(?=[{_FOUR}])\X){{1,{long_length}}}"
        rf"|{_SPACED}(?:{_SPACED}|{_INNER}(?={_SPACED}))*",
        regex.V1,
    )


_PIECES = _pattern(2, 4)
_SINGLE = _pattern(1, 4)
_UNSPACED_RUN = regex.compile(rf"(?:[{_TWO}{_FOUR}]\p{{M}}*)+", regex.V1)
_CLUSTER = regex.compile(r"\X")
_SENTENCE_END = regex.compile(r"(?<=[.!?؟۔।።])\s+|(?<=[。！？])")

NO_WORD_BOUNDARIES = ("Thai", "Lao", "Khmer", "Myanmar")


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a text: code points `start` to `end`."""

    start: int
    end: int

    def meets(self, other: Span) -> bool:
        """Whether the two share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Replacement:
    """New text of a part of a text."""

    start: int
    end: int
    text: str


def words(text: str, *, single: bool = False) -> list[Span]:
    """Return the words of a text: runs of letters and marks, with the apostrophes and joiners inside.

    Args:
        single: take each Han or kana character as a word of its own (as MLQA's scoring does), not pieces of two.

    Example:
        >>> [text[w.start : w.end] for text in ("Don't go, Ana!",) for w in words(text)]
        ["Don't", 'go', 'Ana']
        >>> len(words("我们走吧")), len(words("我们走吧", single=True))
        (2, 4)
    """
    return [Span(*found.span()) for found in (_SINGLE if single else _PIECES).finditer(text)]


def lexical_words(text: str, longest_at: Callable[[int, int], int]) -> list[Span]:
    """Return the words of a text, cut by a lexicon where the script has no spaces.

    There the longest entry at each place is a word (forward maximum matching); the rest is cut as `words` does.

    Args:
        text: any text.
        longest_at: takes a start and an end, and returns how many characters of the text the longest entry between them has that
            begins at the start; 0 where there is none.

    Example:
        >>> text = "我们走吧"
        >>> [text[w.start : w.end] for w in lexical_words(text, lambda start, end: {0: 2, 2: 1}.get(start, 0))]
        ['我们', '走', '吧']
    """
    found: list[Span] = []
    at = 0
    for run in _UNSPACED_RUN.finditer(text):
        found += _shifted(text, at, run.start())
        at, end = run.start(), run.end()
        starts = [at + each.start() for each in _CLUSTER.finditer(run.group())]
        begins = {*starts, end}
        for start in starts:
            if start < at:
                continue
            after = start + longest_at(start, end)
            if after > start and after in begins:  # an entry never parts a mark from its letter
                found += [*_shifted(text, at, start), Span(start, after)]
                at = after
        found += _shifted(text, at, end)
        at = end
    return found + _shifted(text, at, len(text))


def _shifted(text: str, start: int, end: int) -> list[Span]:
    if start == end:
        return []
    return [Span(start + word.start, start + word.end) for word in words(text[start:end])]


def clusters(word: str) -> list[str]:
    """Return the grapheme clusters of a word: what a reader takes for one character, marks included.

    Example:
        >>> clusters("हिन्दी") == ["हि", "न्दी"] or len(clusters("हिन्दी")) < len("हिन्दी")
        True
    """
    if word.isascii():
        return list(word)
    found: list[str] = _CLUSTER.findall(word)
    return found


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, cut after the full stops, question and exclamation marks of any script.

    Example:
        >>> sentences("It rains. Does it?")
        ['It rains.', 'Does it?']
    """
    return [part.strip() for part in _SENTENCE_END.split(text) if part and part.strip()]


def replace(text: str, replacements: Iterable[Replacement], kept: Sequence[Span] = ()) -> tuple[str, tuple[Span, ...]]:
    """Carry out replacements, and say where the kept parts of the text are afterwards.

    Args:
        text: any text.
        replacements: in any order; none may overlap another or a kept part.
        kept: parts that no replacement touches.

    Returns:
        The new text, and the kept parts' places in it.

    Example:
        >>> replace("a big cat", [Replacement(2, 5, "bgi!")], [Span(6, 9)])
        ('a bgi! cat', (Span(start=7, end=10),))
    """
    pieces, at = [], 0
    ordered = sorted(replacements, key=lambda each: (each.start, each.end))
    for each in ordered:
        if each.start < at:
            raise ValueError(f"two replacements overlap at {each.start}")
        pieces += [text[at : each.start], each.text]
        at = each.end
    pieces.append(text[at:])
    moved = []
    for span in kept:
        if any(each.start < span.end and span.start < each.end for each in ordered):
            raise ValueError(f"a replacement touches the kept part at {span.start}")
        shift = sum(len(each.text) - (each.end - each.start) for each in ordered if each.end <= span.start)
        moved.append(Span(span.start + shift, span.end + shift))
    return "".join(pieces), tuple(moved)


def small_letters(text: str, language: str) -> str:
    """Return a text in small letters; Turkish and Azerbaijani keep the dotted and the dotless i apart.

    Example:
        >>> small_letters("ISPARTA", "tr"), small_letters("ISPARTA", "en")
        ('ısparta', 'isparta')
    """
    if language in ("tr", "az"):
        text = text.replace("İ", "i").replace("I", "ı")
    return text.lower()
