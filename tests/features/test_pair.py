from __future__ import annotations

from toolkit.features import features_of
from toolkit.features.pair import pair_features
from toolkit.tasks.rows import PairRow


def test_a_pair_is_two_texts_between_xlm_rs_special_tokens(xlmr):
    features = pair_features([PairRow("1", "Hello world", "how are you", 2)], xlmr, max_length=32)
    pieces = xlmr.convert_ids_to_tokens(features.input_ids[0].tolist())
    assert pieces == ["<s>", "▁Hello", "▁world", "</s>", "</s>", "▁how", "▁are", "▁you", "</s>"]
    assert features.labels.tolist() == [2]


def test_the_longer_text_is_cut_first(characters):
    row = PairRow("1", "abcdefghijklmnopqrstuvwxyz", "yes", 0)
    features = pair_features([row], characters, max_length=16)
    text = "".join(characters.convert_ids_to_tokens(features.input_ids[0].tolist()))
    assert len(features.input_ids[0]) == 16
    assert text.endswith("</s></s>▁yes</s>")
    assert text.startswith("<s>▁abc")


def test_only_rows_that_lost_text_are_counted_as_truncated(characters):
    # Four special tokens and two `▁`: "ab" + "cd" fill ten exactly, "abc" + "cd" lose one.
    rows = [PairRow("1", "ab", "cd", 0), PairRow("2", "abc", "cd", 0), PairRow("3", "a", "b", 0)]
    features = pair_features(rows, characters, max_length=10)
    assert features.input_ids.lengths.tolist() == [10, 10, 8]
    assert features.n_truncated == 1


def test_rows_stay_in_their_order(characters):
    rows = [PairRow(str(i), "x" * (i + 1), "y", i % 3) for i in range(20)]
    features = features_of(rows, "pair", characters)
    assert features.input_ids.lengths.tolist() == [i + 8 for i in range(20)]
    assert features.labels.tolist() == [i % 3 for i in range(20)]
    assert features.source_row.tolist() == list(range(20))


def test_an_empty_text_is_still_a_sequence(characters):
    features = pair_features([PairRow("1", "", "", 0)], characters, max_length=16)
    assert features.input_ids[0].tolist() == [0, 2, 2, 2]


def test_no_rows_give_no_items(characters):
    features = pair_features([], characters, max_length=16)
    assert len(features) == 0
    assert features.n_truncated == 0


def test_a_row_of_one_text_is_that_text_alone(xlmr):
    features = pair_features([PairRow("1", "Hello world", None, 2)], xlmr, max_length=32)
    assert xlmr.convert_ids_to_tokens(features.input_ids[0].tolist()) == ["<s>", "▁Hello", "▁world", "</s>"]
