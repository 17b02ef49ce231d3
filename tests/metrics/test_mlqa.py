"""Goldens worked out by hand along the official mlqa_evaluation_v1.py."""

from __future__ import annotations

import pytest

from toolkit.errors import ConfigError
from toolkit.metrics import mlqa, squad
from toolkit.metrics.mlqa import normalise


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "The “Eiffel” Tower, a tower", "eiffel tower tower"),
        ("es", "¿Las casas de la Mancha?", "casas de mancha"),
        ("de", "Dem König, der Könige", "könig könige"),
        ("de", "Derby", "derby"),  # an article only as a word of its own
        ("vi", "Những chiếc xe của tôi", "xe tôi"),
        ("ar", "في الكتاب الكبير", "في كتاب كبير"),
        ("ar", "جمال", "جم"),  # the script cuts its two letters out of any word
        ("hi", "यह एक घर है।", "यह एक घर है"),
        ("zh", "在 2010年，北京 Expo", "在 2010 年 北 京 expo"),
        ("zh", "《红楼梦》", "红 楼 梦"),
        ("ja", "「2010年のTokyoタワー」", "2010 年 の tokyo タ ワ ー"),
        ("ja", "佐々木・ｶﾅ", "佐 々 木 ｶ ﾅ"),
        ("th", "กรุงเทพ 2010", "ก ร ุ ง เ ท พ 2010"),
        ("km", "ភ្នំ។", "ភ ្ ន ំ"),
        ("lo", "ລາວ", "ລ າ ວ"),
        ("my", "မြန်မာ၊", "မ ြ န ် မ ာ"),
        ("fr", "« L’été », la mer!", "lété la mer"),  # no articles: the script has no list
        ("ko", "서울, 부산 北京", "서울 부산 北京"),
        ("ur", "یہ گھر ہے۔", "یہ گھر ہے"),
        ("en", "  \n ", ""),
    ],
)
def test_a_text_is_normalised_by_its_language(language: str, text: str, expected: str) -> None:
    assert normalise(text, language) == expected


def test_chinese_is_scored_by_character() -> None:
    found = mlqa({"q": "2010年北京"}, {"q": ["北京"]}, "zh")
    assert found == {"em": 0.0, "f1": pytest.approx(2 * 0.5 * 1 / 1.5)}
    assert squad({"q": "2010年北京"}, {"q": ["北京"]})["f1"] == 0.0


def test_german_articles_do_not_count_and_in_squads_scoring_they_do() -> None:
    assert mlqa({"q": "der Stadt Rom"}, {"q": ["die Stadt Rom"]}, "de") == {"em": 1.0, "f1": 1.0}
    assert squad({"q": "der Stadt Rom"}, {"q": ["die Stadt Rom"]})["em"] == 0.0


def test_the_best_answer_counts_and_a_question_without_prediction_is_wrong() -> None:
    found = mlqa({"a": "red car"}, {"a": ["car", "red car"], "b": ["x"]}, "en")
    assert found == {"em": 0.5, "f1": 0.5}


def test_a_repeated_word_counts_as_often_as_it_stands_in_both() -> None:
    assert mlqa({"a": "rot rot Auto"}, {"a": ["rot Auto"]}, "de")["f1"] == pytest.approx(0.8)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ConfigError, match="No language named 'xx'"):
        mlqa({"a": "x"}, {"a": ["x"]}, "xx")


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="undefined"):
        mlqa({}, {}, "en")
    with pytest.raises(ValueError, match="has no answer"):
        mlqa({"a": "x"}, {"a": []}, "en")
