from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.perturb.text import Replacement, Span, clusters, replace, sentences, words


def _said(text: str, *, single: bool = False) -> list[str]:
    return [text[word.start : word.end] for word in words(text, single=single)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It's 3.5 km, isn’t it?", ["It's", "km", "isn’t", "it"]),
        ("हिन्दी में लिखा है।", ["हिन्दी", "में", "लिखा", "है"]),
        ("وقال، ماما", ["وقال", "ماما"]),
        ("我们走吧。", ["我们", "走吧"]),
        ("カタカナー と hiragana", ["カタ", "カナ", "ー", "と", "hiragana"]),
        ("می‌روم", ["می‌روم"]),
        ("", []),
    ],
)
def test_words_are_found_in_every_script(text: str, found: list[str]) -> None:
    assert _said(text) == found


def test_a_piece_of_thai_never_parts_a_mark_from_its_letter() -> None:
    text = "ผู้หญิงคนนั้นกินข้าว"
    assert "".join(_said(text)) == text
    assert "".join(clusters(text)) == text
    assert all(part[0] not in "ัิีึืุู็่้๊๋์" for part in _said(text))


def test_a_single_han_character_is_a_word_where_words_move() -> None:
    assert _said("我们走", single=True) == ["我", "们", "走"]


def test_sentences_end_at_the_full_stop_of_their_script() -> None:
    assert sentences("他来了。他走了！ Yes. यह है। वह है।") == ["他来了。", "他走了！", "Yes.", "यह है।", "वह है।"]


@given(st.text("ab क्षไม้ 我.", max_size=40), st.randoms(use_true_random=False))
def test_kept_parts_hold_the_same_text_after_any_replacement(text: str, rng) -> None:
    cuts = sorted(rng.sample(range(len(text) + 1), min(6, len(text) + 1)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    kept = [Span(a, b) for i, (a, b) in enumerate(spans) if i % 2]
    new, moved = replace(text, [Replacement(a, b, "xyz") for i, (a, b) in enumerate(spans) if not i % 2], kept)
    assert [new[m.start : m.end] for m in moved] == [text[k.start : k.end] for k in kept]


def test_replacements_that_overlap_or_touch_what_is_kept_are_a_bug() -> None:
    with pytest.raises(ValueError, match="overlap"):
        replace("abc", [Replacement(0, 2, ""), Replacement(1, 3, "")])
    with pytest.raises(ValueError, match="kept part"):
        replace("abc", [Replacement(0, 2, "")], [Span(1, 3)])
