"""Doubts about the language of plain text: letters of another script, and pieces that the tokenizer does not know."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from toolkit.features.text import unknown_share
from toolkit.languages import get_language

LOOKED_AT = 500  # texts, from the first to the last
MOST_UNKNOWN, MOST_FOREIGN = 0.01, 0.5  # shares of pieces, and of letters, above which there is a doubt
# How the names of a script's letters begin in Unicode, by its code in ISO 15924.
_LETTERS = {
    "Arab": ("ARABIC",), "Armn": ("ARMENIAN",), "Beng": ("BENGALI",), "Cyrl": ("CYRILLIC",), "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",), "Geor": ("GEORGIAN",), "Grek": ("GREEK",), "Gujr": ("GUJARATI",), "Guru": ("GURMUKHI",),
    "Hans": ("CJK",), "Hant": ("CJK",), "Hebr": ("HEBREW",), "Jpan": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"),
    "Khmr": ("KHMER",), "Knda": ("KANNADA",), "Kore": ("HANGUL", "CJK"), "Laoo": ("LAO",), "Latn": ("LATIN", "MODIFIER"),
    "Mlym": ("MALAYALAM",), "Mymr": ("MYANMAR",), "Orya": ("ORIYA",), "Sinh": ("SINHALA",), "Taml": ("TAMIL",),
    "Telu": ("TELUGU",), "Tfng": ("TIFINAGH",), "Thai": ("THAI",), "Tibt": ("TIBETAN",),
}  # fmt: skip


def language_doubt(texts: Sequence[str], language: str, tokenizer: Any) -> str:
    """Return a clause on why texts may not be in a language; empty where nothing speaks against it.

    Two languages of one script cannot be told apart so.

    Args:
        texts: of which some are looked at.
        language: that they are said to be in.
        tokenizer: of the backbone.
    """
    step = max(1, len(texts) // LOOKED_AT)
    some = list(texts[::step])[:LOOKED_AT]
    declared = get_language(language)
    foreign, unknown = foreign_share(some, declared.script_code), unknown_share(some, tokenizer)
    if foreign <= MOST_FOREIGN and unknown <= MOST_UNKNOWN:
        return ""
    pieces = f"{unknown:.1%} of its pieces are unknown to the tokenizer"
    letters = f"{foreign:.0%} of its letters are not {declared.script}, in which {declared.name} is written, and "
    return f"{letters if foreign > MOST_FOREIGN else ''}{pieces}; is it {declared.name} ({language})?"


def foreign_share(texts: Sequence[str], script: str) -> float:
    """Return the share of the letters of texts that are of another script than the one with this code, in [0, 1].

    Example:
        >>> foreign_share(["Καλημέρα", "good"], "Grek"), foreign_share(["good"], "Zzzz")
        (0.3333333333333333, 0.0)
    """
    own = _LETTERS.get(script)
    if own is None:
        return 0.0
    counts: dict[str, int] = {}
    for text in texts:
        for character in text:
            counts[character] = counts.get(character, 0) + 1
    letters = {one: n for one, n in counts.items() if unicodedata.category(one).startswith("L")}
    foreign = sum(n for one, n in letters.items() if unicodedata.name(one, "").split(" ")[0] not in own)
    return foreign / max(sum(letters.values()), 1)
