from __future__ import annotations

import numpy as np
import pytest

from toolkit.evaluation.spans import answer_texts, best_spans
from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.tasks.rows import SpanRow

CONTEXT = "abcdefghij"


def windows(*ranges, rows=None):
    """Windows of two question tokens and one token per character of CONTEXT[a:b], then an end token."""
    spans = [[(-1, -1)] * 2 + [(i, i + 1) for i in range(a, b)] + [(-1, -1)] for a, b in ranges]
    lengths = [len(span) for span in spans]
    return Features(
        "span",
        Ragged.of([[0] * n for n in lengths]),
        np.array(rows if rows is not None else [0] * len(ranges)),
        1 + max(rows or [0]),
        extra={"char_spans": Ragged.of(spans, width=2)},
    )


def logits_of(features, **given):
    """All logits -1 but those given as `s<window>_<token>=value` or `e<window>_<token>=value`."""
    values = np.full((len(features.input_ids.values), 2), -1, np.float32)
    for key, value in given.items():
        window, token = map(int, key[1:].split("_"))
        values[features.input_ids.offsets[window] + token, "se".index(key[0])] = value
    return Ragged(values, features.input_ids.offsets)


ROW = SpanRow("1", "q", CONTEXT, ())


def answer(features, logits, **options):
    rows = [ROW] * features.n_rows
    return answer_texts(rows, features, logits, **options)


def test_the_best_start_and_end_give_the_text_between_them():
    features = windows((0, 10))
    assert answer(features, logits_of(features, s0_4=5, e0_7=5)) == ["cdef"]


def test_an_end_before_the_start_is_never_chosen():
    features = windows((0, 10))
    # The best start stands behind the best end; the next best pair is taken.
    assert answer(features, logits_of(features, s0_8=9, e0_3=9, e0_9=4)) == ["gh"]


def test_tokens_outside_the_context_never_win():
    features = windows((0, 10))
    assert answer(features, logits_of(features, s0_0=99, e0_0=99, s0_12=99, e0_12=99, s0_5=1, e0_6=1)) == ["de"]


def test_a_piece_without_characters_begins_an_answer_at_the_word_behind_it_and_ends_none():
    features = windows((0, 10))
    features.extra["char_spans"].values[4] = (3, 3)  # a bare `▁`, as the tokenizer gives it: at the word behind it
    assert answer(features, logits_of(features, s0_4=9, e0_4=9, s0_5=3, e0_6=3)) == ["de"]
    assert answer(features, logits_of(features, s0_3=9, e0_4=9, e0_3=3)) == ["b"]
    assert answer(features, logits_of(features, s0_4=9, e0_4=99)) != [""]


def test_an_answer_is_at_most_as_long_as_asked():
    features = windows((0, 10))
    logits = logits_of(features, s0_2=5, e0_11=5, e0_4=2)
    assert answer(features, logits) == ["abcdefghij"]
    assert answer(features, logits, max_answer_tokens=10) == ["abcdefghij"]
    assert answer(features, logits, max_answer_tokens=9) == ["abc"]


def test_only_the_n_best_starts_and_ends_are_looked_at():
    features = windows((0, 10))
    # The two best starts lie behind every good end; with two candidates a side only (i, i) and (i, j) remain.
    logits = logits_of(features, s0_10=9, s0_11=8, s0_3=7, e0_4=9, e0_5=8, e0_11=1)
    assert answer(features, logits, n_best=20) == ["bc"]
    assert answer(features, logits, n_best=2) == [""]
    assert answer(features, logits, n_best=3) == ["bc"]


def test_the_best_window_of_a_row_answers():
    features = windows((0, 6), (4, 10))
    assert answer(features, logits_of(features, s0_2=3, e0_3=3, s1_4=4, e1_5=3)) == ["gh"]
    assert answer(features, logits_of(features, s0_2=4, e0_3=4, s1_4=4, e1_5=3)) == ["ab"]


def test_of_equal_windows_the_earlier_answers():
    features = windows((0, 6), (4, 10))
    assert answer(features, logits_of(features, s0_2=3, e0_3=4, s1_4=4, e1_5=3)) == ["ab"]


def test_of_equal_spans_the_earlier_position_answers():
    features = windows((0, 10))
    assert answer(features, logits_of(features, s0_3=1, e0_3=2, s0_8=2, e0_8=1)) == ["b"]
    assert answer(features, logits_of(features, s0_3=2, e0_3=1, s0_8=1, e0_8=2), max_answer_tokens=1) == ["b"]


def test_where_all_logits_are_equal_the_first_token_answers():
    features = windows((0, 10))
    assert answer(features, logits_of(features)) == ["a"]


def test_each_row_is_answered_from_its_own_windows():
    features = windows((0, 5), (0, 10), (5, 10), rows=[0, 1, 1])
    logits = logits_of(features, s0_2=1, e0_2=1, s2_3=9, e2_4=9, s1_2=5, e1_2=5)
    assert answer(features, logits) == ["a", "gh"]


def test_a_row_without_any_context_token_has_an_empty_answer():
    features = windows((0, 0))
    assert answer(features, logits_of(features, s0_0=5, e0_0=5)) == [""]


def test_logits_that_are_no_numbers_give_an_empty_answer_and_no_crash():
    features = windows((0, 10))
    nan = Ragged(np.full((13, 2), np.nan, np.float32), features.input_ids.offsets)
    assert answer(features, nan) == [""]


@pytest.mark.parametrize("seed", range(5))
def test_with_enough_candidates_it_finds_what_trying_every_span_finds(seed):
    rng = np.random.default_rng(seed)
    features = windows((0, 10), (3, 10), rows=[0, 0])
    values = rng.normal(size=(len(features.input_ids.values), 2)).astype("f4")
    logits = Ragged(values, features.input_ids.offsets)
    best = max(
        (float(logits[w][i, 0] + logits[w][j, 1]), w, i, j)
        for w in range(2)
        for i in range(2, len(logits[w]) - 1)
        for j in range(i, min(i + 4, len(logits[w]) - 1))
    )
    chars = features.extra["char_spans"][best[1]]
    assert answer(features, logits, max_answer_tokens=4) == [CONTEXT[chars[best[2], 0] : chars[best[3], 1]]]


def test_no_answer_scores_what_the_first_token_does_and_the_least_window_counts():
    features = windows((0, 6), (4, 10))
    logits = logits_of(features, s0_0=2, e0_0=3, s1_0=0.5, e1_0=1, s1_4=4, e1_5=3)
    found = best_spans([ROW], features, logits)
    assert found.texts == ["gh"]
    assert (found.scores[0], found.null_scores[0], found.no_answer[0]) == (7, 1.5, -5.5)


def test_a_row_without_any_legal_span_is_surely_unanswered():
    features = windows((0, 0))
    assert best_spans([ROW], features, logits_of(features)).no_answer[0] == np.inf


@pytest.mark.parametrize(
    ("context", "letter", "text"),
    [
        ("Le cafe\u0301 est grand", "e", "cafe\u0301"),  # the offsets of the composed letter cover the base alone
        ("x क\u093f y", "क", "क\u093f"),  # a Devanagari vowel sign
        ("x ก\u0e34 y", "ก", "ก\u0e34"),  # a Thai one
        ("x مَ y", "م", "مَ"),  # an Arabic one
        ("x \u1112\u1161\u11ab y", "\u1112", "\u1112\u1161\u11ab"),  # a Korean syllable in parts
        ("x \uff76\uff9e\u3067 y", "\uff76", "\uff76\uff9e"),  # a halfwidth mark of Japanese
    ],
)
def test_an_answer_ends_behind_the_marks_of_its_last_letter(context, letter, text):
    at = context.index(text)
    end = at + text.index(letter) + 1
    spans = [(-1, -1), (at, end), (end + 1, len(context)), (-1, -1)]
    features = Features(
        "span", Ragged.of([[0] * 4]), np.array([0]), 1, extra={"char_spans": Ragged.of([spans], width=2)}
    )
    logits = logits_of(features, s0_1=5, e0_1=5)
    assert answer_texts([SpanRow("1", "q", context, ())], features, logits) == [text]
