"""Answers as HTML: what is shown of each kind, and that texts of strangers do nothing."""

from __future__ import annotations

import re

import pytest

from toolkit.report.answered import answer_html, bars, cosines_html, fault_html, grid_html, notes_html
from toolkit.report.grids import Grid
from toolkit.results.answers import Answer, ChoiceAnswer, LabelAnswer, MaskedAnswer, SpanAnswer, TagsAnswer

EVIL = "<script>stolen()</script>\" onload='stolen()' &amp; \u202e {{ 7 * 7 }}"
CONTEXT = f"before {EVIL} after"
ANSWERS: dict[str, tuple[Answer, dict[str, str | list[str]]]] = {
    "label": (LabelAnswer(EVIL, {"b": 0.25, EVIL: 0.75}), {}),
    "choice": (ChoiceAnswer(1, EVIL, (0.4, 0.6)), {"choices": ["a", EVIL]}),
    "span": (SpanAnswer(EVIL, 7, 7 + len(EVIL), 1.5, -2.0), {"context": CONTEXT}),
    "no span": (SpanAnswer("", None, None, None, None), {"context": CONTEXT}),
    "masked": (MaskedAnswer(EVIL, ((EVIL, "b"), ("c",)), ((0.5, 0.25), (0.125,))), {}),
    "tags": (TagsAnswer((f"B-{EVIL}", EVIL, "O"), (EVIL, "b", EVIL), None), {}),
}


def plain(html: str) -> str:
    """What a reader sees."""
    import html as escapes

    return escapes.unescape(re.sub("<[^>]+>", "", html))


@pytest.mark.parametrize("name", ANSWERS)
def test_texts_of_strangers_are_shown_and_do_nothing(name: str) -> None:
    found = answer_html(*ANSWERS[name])
    assert "<script" not in found and "onload='" not in found and '" onload' not in found and "\u202e" not in found
    assert "<script>stolen()</script>" in plain(found) and r"\u202e" in plain(found)


def test_faults_notes_and_tables_are_escaped_too() -> None:
    grid = Grid(EVIL, (EVIL,), (EVIL,), ((0.5,),))
    for found in (fault_html(EVIL), notes_html([EVIL]), grid_html(grid), cosines_html([[1.0]], [EVIL])):
        assert "<script" not in found and '" onload' not in found and "stolen()" in plain(found)


def test_bars_are_as_long_as_the_shares_and_the_best_is_marked() -> None:
    found = answer_html(LabelAnswer("yes", {"no": 0.125, "yes": 0.875}), {})
    assert re.findall(r"width:([0-9.]+)%", found) == ["12.5", "87.5"]
    assert plain(found[found.index('class="best"') :]).startswith('class="best">yes87.5 %')


def test_each_mask_has_the_bars_of_its_pieces() -> None:
    found = plain(answer_html(MaskedAnswer("a b", (("▁a", "x"), ("▁b",)), ((0.5, 0.25), (0.75,))), {}))
    assert "mask 1▁a50.0 %x25.0 %" in found and "mask 2▁b75.0 %" in found


def test_many_labels_are_counted_and_the_best_is_among_those_shown() -> None:
    found = bars([(f"label{number}", 0.005) for number in range(200)], best=150)
    assert found.count("<li") == 40 and "label150" in found and "160 more labels" in found


def test_a_span_is_marked_where_it_is_in_any_script() -> None:
    context = "𝒜 😀 Анна построила мельницу"
    found = answer_html(SpanAnswer("Анна", 4, 8, 2.0, None), {"context": context})
    assert "😀 <mark>Анна</mark> построила" in found and "score 2.00" in found


def test_no_answer_is_said_and_the_context_is_shown() -> None:
    found = answer_html(SpanAnswer("", None, None, -1.0, 3.5), {"context": "a text"})
    assert (
        "no answer in the context" in found
        and "no answer +3.50" in found
        and "a text" in found
        and "<mark>" not in found
    )


def test_tags_of_one_noun_have_one_colour_and_words_without_one_have_none() -> None:
    answer = TagsAnswer(("B-PER", "I-PER", "O", "B-LOC"), ("Anna", "Holt", "in", "Ulm"))
    hues = re.findall(r"--hue:(\d+)", answer_html(answer, {}))
    assert len(hues) == 3 and hues[0] == hues[1] != hues[2]
    parts = answer_html(TagsAnswer(("NOUN", "I"), ("a", "b")), {})
    assert "NOUN" in plain(parts) and plain(parts).endswith("I")


def test_empty_choices_are_left_out_as_they_are_for_the_model() -> None:
    found = answer_html(ChoiceAnswer(1, "b", (0.5, 0.5)), {"choices": ["a", " ", "b"]})
    assert found.count("<li") == 2


def test_a_fault_that_points_keeps_its_lines() -> None:
    found = fault_html("'[' is never closed.\n  fuse[a\n      ^")
    assert '<p class="fault" dir="auto">&#x27;[&#x27; is never closed.</p><pre>  fuse[a\n      ^</pre>' in found


def test_a_share_is_a_percentage_with_its_heading_in_a_table() -> None:
    found = grid_html(Grid("fuse[a,b]", ("a", "b"), ("mean", "1"), ((0.25, 0.5), (0.75, 0.5))))
    assert 'scope="row"' in found and 'scope="col"' in found and ">25</td>" in found and "fuse[a,b]" in plain(found)
