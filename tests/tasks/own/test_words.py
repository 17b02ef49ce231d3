from __future__ import annotations

import pytest

from toolkit.tasks.own.words import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't pay 3.50 USD, please.", ["Don't", "pay", "3.50", "USD", ",", "please", "."]),
        ("我爱北京。", ["我", "爱", "北", "京", "。"]),
        ("안녕하세요 세계!", ["안녕하세요", "세계", "!"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया", "।"]),
        ("cafe\u0301\u00a0\u3000au\tlait", ["cafe\u0301", "au", "lait"]),
        ("a(b)...", ["a", "(", "b", ")", ".", ".", "."]),
        ("", []),
        (" \n", []),
    ],
)
def test_a_text_is_cut_at_the_word_boundaries_of_unicode(text: str, words: list[str]) -> None:
    found = words_of(text)
    assert [word.text for word in found] == words
    assert all(text[word.start :].startswith(word.text) for word in found)
