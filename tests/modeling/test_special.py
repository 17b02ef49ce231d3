"""Special pieces that are typed in a text are text."""

from __future__ import annotations

import numpy as np
import pytest

from tests import pieces
from toolkit.features.pair import pair_features
from toolkit.features.sentence import sentence_features
from toolkit.features.span import span_features
from toolkit.features.tags import tags_features
from toolkit.modeling.tiny import tiny_tokenizer
from toolkit.tasks.rows import PairRow, SpanRow, TagsRow

TYPED = ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "＜pad＞", "a<s>b", "<pad><mask>")
SPECIAL = {0, 1, 2, 3}


@pytest.fixture(scope="module")
def tokenizer():
    """XLM-R's own pieces, where `<pad>` is a piece of the Unigram model too."""
    return pieces.xlmr()


@pytest.fixture(scope="module")
def plain():
    return pieces.plain()


@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_gives_no_special_id(typed, tokenizer):
    mask = tokenizer.mask_token_id
    for cut in (tokenizer, tiny_tokenizer()):
        ids = cut(f"the {typed} tag", add_special_tokens=False)["input_ids"]
        unknown = {cut.unk_token_id} if cut is not tokenizer else set()  # the tiny alphabet is small
        assert not (SPECIAL | {mask, cut.mask_token_id}) & set(ids) - unknown


def test_it_is_cut_as_text(tokenizer):
    assert tokenizer.tokenize("the <pad> tag") == ["▁the", "▁<", "pad", ">", "▁tag"]


@pytest.mark.parametrize("text", ["Hello world, how are you?", "a < b > c", "<p>x</p> <span>", "中国 是 一个 国家", ""])
def test_all_other_text_is_cut_as_before(text, tokenizer, plain):
    assert tokenizer(text)["input_ids"] == plain(text)["input_ids"]


def test_features_of_every_kind_have_special_pieces_in_their_own_places_only(tokenizer):
    typed = " ".join(TYPED)
    frames = {
        "sentence": (sentence_features([typed], tokenizer, max_length=128), [0, 2]),
        "pair": (pair_features([PairRow("1", typed, typed, 0)], tokenizer, max_length=256), [0, 2, 2, 2]),
        "span": (span_features([SpanRow("1", typed, typed, ())], tokenizer, max_length=256, stride=16), [0, 2, 2, 2]),
        "tags": (tags_features([TagsRow("1", tuple(TYPED), (0,) * len(TYPED))], tokenizer, max_length=128), [0, 2]),
    }
    for kind, (features, frame) in frames.items():
        ids = features.input_ids[0]
        assert [int(each) for each in ids if each in SPECIAL] == frame, kind


def test_masks_come_from_lengths_and_not_from_ids():
    features = sentence_features(["ab", "abcd"], tiny_tokenizer(), max_length=16)
    features.input_ids.values[1] = 1  # the id of padding, in the middle of a text
    batch = features.collate(np.array([0, 1]))
    assert batch["attention_mask"].sum(1).tolist() == features.input_ids.lengths.tolist()
