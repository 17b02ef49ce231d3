"""Edits to whole words of a text: dropped, shuffled, repeated, translated."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from toolkit.perturb.lexicon import Lexicon
from toolkit.perturb.text import Replacement, Span, lexical_words


def drop(text: str, found: Sequence[Span], chosen: Sequence[int], rng: Random) -> list[Replacement]:
    """Leave words out, each with the space before it; the last word that is left stays.

    Args:
        text: the text.
        found: its words that may be edited.
        chosen: positions in `found`, in the order in which they were drawn.
        rng: not used here; every edit of this kind takes one.
    """
    gone: list[Replacement] = []
    at = 0  # where the last part that went ends
    for position in sorted(chosen[: len(found) - 1]):
        word = found[position]
        start, end = word.start, word.end
        if start > at and text[start - 1] == " " and (position == 0 or found[position - 1].end < start):
            start -= 1
        elif start == at and text[end : end + 1] == " ":  # the first word of the text, or of what is left of it
            end += 1
        gone.append(Replacement(start, end, ""))
        at = end
    return gone


def shuffle(text: str, found: Sequence[Span], chosen: Sequence[int], rng: Random) -> list[Replacement]:
    """Let the chosen words change places with each other; the gaps between words stay where they are."""
    if len(chosen) < 2:
        return []
    # A cycle through the chosen words moves every one of them, which a random permutation need not.
    moved = [*chosen[1:], chosen[0]]
    return [
        Replacement(found[here].start, found[here].end, text[found[there].start : found[there].end])
        for here, there in zip(chosen, moved, strict=True)
    ]


def repeat(text: str, found: Sequence[Span], chosen: Sequence[int], rng: Random) -> list[Replacement]:
    """Say words twice, with a space between where the text has spaces."""
    joint = " " if " " in text.strip() or len(found) == 1 else ""
    return [
        Replacement(found[i].end, found[i].end, joint + text[found[i].start : found[i].end]) for i in sorted(chosen)
    ]


def find(text: str, lexicons: Sequence[Lexicon]) -> list[Span]:
    """Return the words of a text that a lexicon may be asked for."""

    def longest_at(start: int, end: int) -> int:
        best = 0
        for lexicon in lexicons:
            for n in lexicon.lengths.get(text[start], ()):
                if n <= best:
                    break
                if start + n <= end and text[start : start + n] in lexicon.entries:
                    best = n
                    break
        return best

    return lexical_words(text, longest_at)


def switch(word: str, lexicons: Sequence[Lexicon], rng: Random) -> str | None:
    """Return a translation of a word with its capital kept, or None where no lexicon has one.

    Of several lexicons that have the word one is drawn, so each language is as likely (Qin et al. 2020, CoSDA-ML).
    """
    options = [found for lexicon in lexicons if (found := lexicon.translations(word))]
    if not options:
        return None
    said = rng.choice(rng.choice(options))
    return said[:1].upper() + said[1:] if word[:1].isupper() and not word.isupper() else said
