from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import ToolkitError
from toolkit.features.span import SHORTEST, span_features
from toolkit.tasks.rows import Answer, SpanRow

# A sentence, and the answer in it; twelve sentences make a context of several windows.
SCRIPTS = {
    "latin": ("The quick brown fox jumped over the (lazy dog) in 1984. ", "lazy dog"),
    "arabic": ("ولد الشاعر في مدينة بغداد القديمة عام ١٩٢٠ للميلاد. ", "بغداد القديمة"),
    "devanagari": ("भारत की राजधानी नई दिल्ली यमुना नदी के किनारे है। ", "नई दिल्ली"),
    "thai": ("กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย ", "เมืองหลวง"),
    "chinese": ("北京是中华人民共和国的首都，位于华北平原。", "首都"),
    "combining": ("Le cafe\u0301 de la re\u0301publique est ferme\u0301 le lundi. ", "re\u0301publique"),
    "full-width": ("ＡＢＣ ﬁne ｗｏｒｄ ① test here. ", "ｗｏｒｄ"),
}


def row_of(script, repeats=12):
    sentence, answer = SCRIPTS[script]
    context = sentence * repeats
    return SpanRow(
        "1", "Which one is it?", context, (Answer(answer, context.index(answer, len(sentence) * (repeats // 2))),)
    )


def text_of(features, window, label, context):
    chars = features.extra["char_spans"][window]
    return context[chars[label[0], 0] : chars[label[1], 1]]


@pytest.mark.parametrize("vocabulary", ["characters", "xlmr"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_the_gold_tokens_decode_back_to_the_answer(script, vocabulary, request):
    row = row_of(script)
    features = span_features([row], request.getfixturevalue(vocabulary), max_length=64, stride=16)
    held = np.flatnonzero(features.labels[:, 0] > 0)
    assert len(features) > 1
    assert len(held) > 0
    for window in held:
        assert text_of(features, window, features.labels[window], row.context) == row.answers[0].text


def test_windows_without_the_whole_answer_are_labelled_with_the_first_token(characters):
    row = row_of("latin")
    features = span_features([row], characters, max_length=64, stride=16)
    answer = row.answers[0]
    for window in range(len(features)):
        chars = features.extra["char_spans"][window]
        inside = chars[chars[:, 0] >= 0]
        holds = inside[0, 0] <= answer.start and answer.start + len(answer.text) <= inside[-1, 1]
        assert (features.labels[window] != 0).all() == holds
        assert holds or features.labels[window].tolist() == [0, 0]


def test_a_row_without_an_answer_is_labelled_with_the_first_token(characters):
    features = span_features([SpanRow("1", "Who?", "Nobody knows. " * 20, ())], characters, max_length=64, stride=16)
    assert len(features) > 1
    assert (features.labels == 0).all()


def context_tokens(features, window):
    return features.input_ids[window][features.extra["char_spans"][window][:, 0] >= 0]


@pytest.mark.parametrize("stride", [0, 7, 16])
def test_neighbouring_windows_share_exactly_the_stride(characters, stride):
    features = span_features([row_of("latin")], characters, max_length=64, stride=stride)
    for window in range(len(features) - 1):
        left, right = context_tokens(features, window), context_tokens(features, window + 1)
        assert left[len(left) - stride :].tolist() == right[:stride].tolist()


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_windows_together_hold_every_token_of_the_context(characters, script):
    row = row_of(script)
    features = span_features([row], characters, max_length=64, stride=16)
    joined = context_tokens(features, 0).tolist()
    for window in range(1, len(features)):
        joined += context_tokens(features, window)[16:].tolist()
    assert joined == characters(row.context, add_special_tokens=False)["input_ids"]


def test_every_window_begins_with_the_question_and_stays_within_the_limit(characters):
    features = span_features([row_of("latin")], characters, max_length=64, stride=16)
    question = characters("Which one is it?", add_special_tokens=False)["input_ids"]
    assert features.input_ids.lengths.max() <= 64
    for window in range(len(features)):
        assert features.input_ids[window][: len(question) + 3].tolist() == [0, *question, 2, 2]
        assert features.input_ids[window][-1] == 2


def test_a_context_that_fits_is_one_window(characters):
    features = span_features([SpanRow("1", "Who?", "Ada.", (Answer("Ada", 0),))], characters, max_length=64, stride=16)
    assert len(features) == 1
    assert text_of(features, 0, features.labels[0], "Ada.") == "Ada"


def test_the_windows_of_a_row_point_back_to_it(characters):
    rows = [row_of("thai"), row_of("chinese", 2), row_of("latin")]
    features = span_features(rows, characters, max_length=64, stride=16)
    assert features.n_rows == 3
    assert sorted(set(features.source_row.tolist())) == [0, 1, 2]
    assert features.source_row.tolist() == sorted(features.source_row.tolist())


def test_a_long_question_is_cut_and_never_crowds_the_context_out(characters):
    row = SpanRow("1", "why " * 100, "Because it is so. " * 10, (Answer("it is", 8),))
    features = span_features([row], characters, max_length=64, stride=8)
    assert features.n_truncated == 1
    assert features.input_ids.lengths.max() <= 64
    assert min(len(context_tokens(features, window)) for window in range(len(features) - 1)) > 8
    assert text_of(features, 0, features.labels[0], row.context) == "it is"


def test_windows_too_short_for_question_and_context_are_refused(characters):
    with pytest.raises(ToolkitError, match=f"Windows of 8 tokens .* {SHORTEST} or more"):
        span_features([row_of("latin")], characters, max_length=8, stride=0)


def test_the_shortest_legal_window_holds_any_question(characters):
    row = SpanRow("1", "q" * 500, "Because it is so.", (Answer("so", 14),))
    features = span_features([row], characters, max_length=SHORTEST, stride=16)
    assert features.input_ids.lengths.max() <= SHORTEST
    assert (features.labels > 0).all(axis=1).any()


def test_an_empty_context_is_one_window_without_an_answer(characters):
    features = span_features([SpanRow("1", "Who?", "", ())], characters, max_length=64, stride=16)
    assert len(features) == 1
    assert features.labels.tolist() == [[0, 0]]


def test_a_token_start_never_lies_on_the_space_before_its_word(xlmr):
    row = row_of("latin")
    features = span_features([row], xlmr, max_length=64, stride=16)
    starts = {start for start, end in features.extra["char_spans"].values if end > start}
    assert not any(row.context[start].isspace() for start in starts)


def test_no_rows_give_no_windows(characters):
    assert len(span_features([], characters, max_length=64, stride=16)) == 0


def labelled(context, answer, tokenizer, **options):
    """The pieces that are labelled as the answer of a context of one window."""
    row = SpanRow("1", "Which?", context, (Answer(answer, context.index(answer)),))
    features = span_features([row], tokenizer, max_length=64, stride=16)
    first, last = features.labels[0]
    return tokenizer.convert_ids_to_tokens(features.input_ids[0][first : last + 1].tolist())


@pytest.mark.parametrize(
    ("context", "answer", "pieces"),
    [
        ("Elle va au cafe\u0301", "cafe\u0301", ["▁café"]),
        ("She lives in Rome\u200b", "Rome\u200b", ["▁Rome"]),
        ("She lives in Rome ", "Rome ", ["▁Rome"]),
        ("She lives in Rome\n", "Rome\n", ["▁Rome"]),
        (" Rome is old", " Rome", ["▁Rome"]),
        ("\ufeffRome is old", "\ufeffRome", ["▁Rome"]),
        ("\u200bRome\u200b", "\u200bRome\u200b", ["▁Rome"]),
        ("তিনি ক\u09c7\u09be", "ক\u09c7\u09be", ["▁কো"]),
    ],
)
def test_an_answer_at_the_edge_of_its_context_is_labelled_with_the_edge_token(context, answer, pieces, xlmr):
    assert labelled(context, answer, xlmr) == pieces


def test_blanks_between_two_windows_belong_to_both(characters):
    row = SpanRow("1", "q", "ab " * 60, (Answer("ab ", 90),))
    features = span_features([row], characters, max_length=SHORTEST + 8, stride=8)
    held = features.labels[features.labels[:, 0] > 0]
    assert len(held) > 0
    for window in np.flatnonzero(features.labels[:, 0] > 0):
        assert text_of(features, window, features.labels[window], row.context) == "ab"


def test_an_answer_that_a_window_cuts_is_never_labelled_there(characters):
    context = "".join(chr(0x4E00 + i) for i in range(400))  # every character is another one, and one token
    for at in range(0, 390, 7):
        row = SpanRow("1", "q", context, (Answer(context[at : at + 9], at),))
        features = span_features([row], characters, max_length=SHORTEST + 8, stride=8)
        for window in np.flatnonzero(features.labels[:, 0] > 0):
            assert text_of(features, window, features.labels[window], context) == row.answers[0].text


@pytest.mark.parametrize(
    ("context", "answer", "pieces"),
    [
        ("中国 是 一个 国家", "是", ["▁", "是"]),
        ("The river is sufficient", "sufficient", ["▁", "sufficient"]),
        ("The river is sufficient", "is", ["▁is"]),  # the bare `▁` behind it ends no answer
        ("sufficient water", "suffic", ["▁", "sufficient"]),
    ],
)
def test_an_answer_begins_on_the_bare_space_piece_of_its_first_word_and_does_not_end_on_one(
    context, answer, pieces, xlmr
):
    assert "▁" in xlmr.tokenize(context)
    assert labelled(context, answer, xlmr) == pieces


def test_a_bare_space_piece_covers_no_character(xlmr):
    context = "This is sufficient"
    features = span_features([SpanRow("1", "q", context, ())], xlmr, max_length=64, stride=16)
    chars = features.extra["char_spans"][0]
    assert chars[chars[:, 0] >= 0].tolist() == [[0, 4], [5, 7], [8, 8], [8, 18]]


@pytest.mark.parametrize(("max_length", "stride", "largest"), [(128, 128, 64), (128, 65, 64), (64, 40, 32)])
def test_a_stride_that_hardly_moves_on_is_refused_with_the_largest_one(max_length, stride, largest, characters):
    with pytest.raises(ToolkitError, match=f"A stride of {stride} tokens .* set the stride to {largest} or less"):
        span_features([row_of("latin")], characters, max_length=max_length, stride=stride)
    assert len(span_features([row_of("latin")], characters, max_length=max_length, stride=largest)) > 0
