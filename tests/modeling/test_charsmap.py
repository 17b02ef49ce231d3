from __future__ import annotations

import random
import unicodedata

import pytest

from toolkit.modeling.charsmap import precompiled_charsmap


def normaliser(rules):
    from tokenizers import normalizers

    return normalizers.Precompiled(precompiled_charsmap(rules))


@pytest.fixture(scope="module")
def nfkc():
    """Unicode's own compatibility table, character by character; soft hyphen and zero-width space vanish."""
    rules = {}
    for code in range(0x80, 0x20000):
        character = chr(code)
        if 0xD800 <= code < 0xE000:
            continue
        plain = unicodedata.normalize("NFKC", character)
        if plain != character:
            rules[character] = plain
    return rules | {"\u00ad": "", "\u200b": "", "\t": " "}


@pytest.fixture(scope="module")
def compiled(nfkc):
    return normaliser(nfkc)


def test_each_of_two_thousand_rules_is_applied(nfkc, compiled):
    sample = random.Random(0).sample(sorted(nfkc), 2000)
    wrong = [character for character in sample if compiled.normalize_str(character) != nfkc[character]]
    assert wrong == []


@pytest.mark.parametrize(
    ("character", "replacement"),
    [
        ("㍿", "株式会社"),
        ("ﷺ", "صلى الله عليه وسلم"),
        ("½", "1⁄2"),
        ("ﬁ", "fi"),
        ("Ａ", "A"),
        ("𝔸", "A"),
        ("\u00ad", ""),
        ("\u200b", ""),
    ],
)
def test_replacements_may_be_longer_than_the_character_or_empty(compiled, character, replacement):
    assert compiled.normalize_str(character) == replacement


def test_characters_without_a_rule_stay(nfkc, compiled):
    untouched = [
        chr(code)
        for code in (*range(0x21, 0x7F), *range(0x430, 0x450), *range(0x4E00, 0x4E40))
        if chr(code) not in nfkc
    ]
    assert len(untouched) > 150
    for character in untouched:
        assert compiled.normalize_str(character) == character


def test_a_text_is_normalised_character_by_character(nfkc, compiled):
    text = "Ｔｈｅ ﬁrst ① of\u00ad ½ — 北京 и мир\t㌔"
    assert compiled.normalize_str(text) == "".join(nfkc.get(character, character) for character in text)


def test_rules_that_share_their_first_bytes_do_not_disturb_each_other():
    rules = {"a": "1", "á": "22", "â": "333", "あ": "x", "い": "y", "\U00010400": "z", "\U00010401": ""}
    compiled = normaliser(rules)
    for character, replacement in rules.items():
        assert compiled.normalize_str(character) == replacement
    assert compiled.normalize_str("b") == "b"


def test_the_bytes_depend_on_the_rules_alone_and_not_on_their_order(nfkc):
    some = dict(list(nfkc.items())[:300])
    assert precompiled_charsmap(some) == precompiled_charsmap(dict(reversed(some.items())))
