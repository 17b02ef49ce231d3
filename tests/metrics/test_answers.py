"""Answers of languages without blanks, compared with readings of their scripts that share no code with the toolkit."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pytest

from toolkit.metrics import characters, comparison, is_unspaced, mlqa, score_questions, squad, squad2

# Predicted, gold: shortened, lengthened, other words, punctuation, digits and Latin letters inside.
JAPANESE = [
    ("東京都", "東京"),
    ("「徳川家康」", "徳川家康"),
    ("1868年に", "1868年"),
    ("明治維新の時代", "江戸の時代"),
    ("NHK放送センター", "NHKの放送センター"),
    ("はい", "いいえ"),
    ("コーヒー豆", "珈琲豆"),
    ("約３００キロ", "300キロ"),
]


def by_hand(predicted, gold, *, is_each_character):
    """F1 along MLQA's script: no punctuation, then each kana and Han character is a word, or each character at all."""

    def cut(text):
        kept = "".join(c for c in text.lower() if not unicodedata.category(c).startswith("P"))
        if is_each_character:
            return [c for c in kept if not c.isspace()]
        words, held = [], ""
        for c in kept:
            if re.match("[ぁ-ゟ゠-ヿ一-鿿々]", c):
                words += [*held.split(), c]
                held = ""
            else:
                held += c
        return words + held.split()

    found, wanted = Counter(cut(predicted)), Counter(cut(gold))
    shared = sum((found & wanted).values())
    return 2 * shared / (sum(found.values()) + sum(wanted.values()))


@pytest.mark.parametrize(("predicted", "gold"), JAPANESE)
def test_japanese_is_scored_by_its_characters(predicted, gold):
    expected = by_hand(predicted, gold, is_each_character=False)
    assert mlqa({"q": predicted}, {"q": [gold]}, "ja")["f1"] == pytest.approx(expected)
    every = by_hand(predicted, gold, is_each_character=True)
    assert characters({"q": predicted}, {"q": [gold]}, "ja")["f1"] == pytest.approx(every)
    assert squad({"q": predicted}, {"q": [gold]})["f1"] == 0.0


@pytest.mark.parametrize(
    ("language", "longer", "shorter"),
    [
        ("zh", "北京大学", "北京"),
        ("th", "กรุงเทพมหานคร", "กรุงเทพ"),
        ("km", "រាជធានីភ្នំពេញ", "ភ្នំពេញ"),
        ("lo", "ນະຄອນຫຼວງວຽງຈັນ", "ວຽງຈັນ"),
        ("my", "ရန်ကုန်မြို့", "ရန်ကုန်"),
    ],
)
def test_a_part_of_the_answer_counts_in_every_language_without_blanks(language, longer, shorter):
    assert is_unspaced(language)
    expected = pytest.approx(2 * len(shorter) / (len(shorter) + len(longer)))
    for measure in (mlqa, characters):
        assert measure({"q": shorter}, {"q": [longer]}, language)["f1"] == expected


def test_characters_count_in_a_language_with_blanks_and_blanks_do_not():
    found = characters({"q": "서울 에서"}, {"q": ["서울에서도"]}, "ko")
    assert found == {"em": 0.0, "f1": pytest.approx(8 / 9)}
    assert mlqa({"q": "서울 에서"}, {"q": ["서울에서도"]}, "ko")["f1"] == 0.0
    assert characters({"q": "die Stadt Rom"}, {"q": ["Stadt Rom"]}, "de") == {"em": 1.0, "f1": 1.0}


def test_unanswerable_questions_are_scored_by_language_too():
    how = comparison("characters", "ja.en")  # the context's language
    found = squad2(
        {"a": "東京都", "b": "x"},
        {"a": ["東京"], "b": []},
        {"a": -1.0, "b": 1.0},
        normalise=how.normalise,
        cut=how.cut,
    )
    assert found.measures["has_answer_f1"] == pytest.approx(0.8)
    assert found.measures["no_answer_accuracy"] == 1.0


def test_without_a_choice_words_are_what_is_between_blanks():
    how = comparison("squad", "ja")
    assert score_questions({"q": "東京 都"}, {"q": ["東京"]}, how.normalise, how.cut)["q"].f1 == pytest.approx(2 / 3)
