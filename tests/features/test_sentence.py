from __future__ import annotations

from toolkit.features import sentence_features


def test_a_sentence_stands_between_its_two_special_tokens(xlmr):
    features = sentence_features(["Hello world, how are you?"], xlmr, max_length=512)
    assert features.input_ids[0].tolist() == [0, 35378, 8999, 4, 3642, 621, 398, 32, 2]


def test_a_long_sentence_is_cut_to_the_limit_and_still_ends_with_its_special_token(characters):
    features = sentence_features(["abcdefghij", "abc"], characters, max_length=6)
    assert features.input_ids.lengths.tolist() == [6, 6]
    assert features.input_ids[0][-1] == characters.eos_token_id
    assert features.n_truncated == 1  # "abc" is six tokens and lost nothing


def test_an_empty_sentence_is_its_special_tokens(xlmr):
    assert sentence_features([""], xlmr, max_length=16).input_ids[0].tolist() == [0, 2]


def test_no_sentences_give_no_items(xlmr):
    assert len(sentence_features([], xlmr, max_length=16)) == 0


def test_line_breaks_and_full_width_letters_change_no_token(xlmr):
    plain, odd = sentence_features(["ABC test", "ＡＢＣ\ttest\n"], xlmr, max_length=16).input_ids.padded([0, 1], 1)
    assert plain.tolist() == odd.tolist()
