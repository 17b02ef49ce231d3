from __future__ import annotations

import numpy as np
import pytest

from toolkit.features.collate import IGNORED
from toolkit.features.tags import tags_features
from toolkit.tasks.rows import OTHER_TAG, TagsRow

CHINESE = TagsRow("1", ("中国", "是", "一个"), (3, 1, 2))


def labelled(features, tokenizer, item=0):
    ids, tags = features.input_ids[item], features.tags[item]
    return [(tokenizer.convert_ids_to_tokens(int(i)), int(t)) for i, t in zip(ids, tags, strict=True) if t != IGNORED]


def test_the_first_piece_that_is_more_than_a_space_carries_the_label(xlmr):
    features = tags_features([CHINESE], xlmr, max_length=64)
    assert xlmr.tokenize("是") == ["▁", "是"]
    assert labelled(features, xlmr) == [("▁中国", 3), ("是", 1), ("一个", 2)]


def test_the_first_piece_carries_the_label_where_the_xtreme_script_is_asked_for(xlmr):
    features = tags_features([CHINESE], xlmr, max_length=64, label_piece="first")
    assert labelled(features, xlmr) == [("▁中国", 3), ("▁", 1), ("▁", 2)]


def test_a_word_of_several_pieces_is_labelled_once(xlmr):
    row = TagsRow("1", ("Unbelievably", "good"), (5, 6))
    features = tags_features([row], xlmr, max_length=64)
    assert len(xlmr.tokenize("Unbelievably")) > 1
    assert [tag for _, tag in labelled(features, xlmr)] == [5, 6]
    assert features.extra["words"][0][features.extra["words"][0] >= 0].tolist() == [0, 1]


def test_special_tokens_carry_no_label(xlmr):
    tags = tags_features([CHINESE], xlmr, max_length=64).tags[0]
    assert tags[0] == tags[-1] == IGNORED


@pytest.mark.parametrize("label_piece", ["content", "first"])
def test_a_sentence_beyond_the_limit_is_cut_between_words_and_loses_none(characters, label_piece):
    words = tuple("abcdefghij"[: 1 + i % 9] for i in range(40))
    row = TagsRow("1", words, tuple(i % 5 for i in range(40)))
    features = tags_features([row], characters, max_length=20, label_piece=label_piece)
    assert len(features) > 5
    assert features.input_ids.lengths.max() <= 20
    assert features.n_truncated == 0
    found = {}
    for item in range(len(features)):
        carried = features.extra["words"][item]
        for word, tag in zip(carried[carried >= 0], features.tags[item][carried >= 0], strict=True):
            assert word not in found
            found[int(word)] = int(tag)
    assert found == dict(enumerate(row.tags))
    text = "".join(
        "".join(characters.convert_ids_to_tokens(features.input_ids[i][1:-1].tolist())) for i in range(len(features))
    )
    assert text == "".join("▁" + word for word in words)


def test_the_parts_of_a_sentence_point_back_to_it(characters):
    rows = [TagsRow("1", ("ab",) * 20, (0,) * 20), TagsRow("2", ("c",), (1,))]
    features = tags_features(rows, characters, max_length=20)
    assert features.source_row[-1] == 1
    assert (features.source_row[:-1] == 0).all()
    assert features.extra["n_words"].tolist() == [20, 1]


def test_a_word_longer_than_the_limit_is_cut_and_counted(characters):
    features = tags_features([TagsRow("1", ("x" * 50, "y"), (1, 2))], characters, max_length=12)
    assert features.n_truncated == 1
    assert features.input_ids.lengths.max() == 12
    assert [tag for item in range(2) for _, tag in labelled(features, characters, item)] == [1, 2]


def test_a_sentence_with_several_words_that_are_cut_counts_once(characters):
    rows = [TagsRow("1", ("x" * 50, "y" * 50), (1, 2)), TagsRow("2", ("z",), (0,))]
    assert tags_features(rows, characters, max_length=12).n_truncated == 1


def test_a_word_without_any_piece_keeps_its_place(xlmr):
    row = TagsRow("1", ("good", "\u200b", "day"), (0, 1, 2))
    features = tags_features([row], xlmr, max_length=32)
    assert [tag for _, tag in labelled(features, xlmr)] == [0, 1, 2]


def test_a_word_is_cut_into_the_same_pieces_whatever_its_neighbours(xlmr):
    alone = tags_features([TagsRow("1", ("Washington",), (0,))], xlmr, max_length=32).input_ids[0][1:-1]
    beside = tags_features([TagsRow("1", ("in", "Washington"), (0, 0))], xlmr, max_length=32).input_ids[0][2:-1]
    assert np.array_equal(alone, beside)


def test_a_tag_outside_the_set_trains_nothing_and_keeps_its_word(xlmr):
    features = tags_features([TagsRow("1", ("Hello", "world"), (OTHER_TAG, 1))], xlmr, max_length=32)
    assert sorted(features.tags.values[features.tags.values != IGNORED]) == [1]
    assert sorted(features.extra["words"].values[features.extra["words"].values >= 0]) == [0, 1]
