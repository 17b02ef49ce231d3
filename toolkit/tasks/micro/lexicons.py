"""Bilingual word lists of the micro-world: each word with its translation."""

from __future__ import annotations

from toolkit.tasks.micro.grammar import grammar


def word_pairs(source: str, target: str) -> list[tuple[str, str]]:
    """Return (word, translation) for every form of a phrase that is one word in both languages.

    Args:
        source: ISO 639-1 code of a language of the micro-world.
        target: another one.

    Example:
        >>> ("coffee", "Kaffee") in word_pairs("en", "de")
        True
    """
    ours, theirs = grammar(source), grammar(target)
    pairs: dict[tuple[str, str], None] = {}
    for slot in ours.slots:
        for key in ours.keys(slot):
            there = theirs.words(slot, key)
            pairs |= dict.fromkeys((word, there[form]) for form, word in ours.words(slot, key).items() if form in there)
    return list(pairs)
