"""Packing of plain texts, and their masks."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.features import features_of
from toolkit.features.collate import IGNORED
from toolkit.features.language_doubts import language_doubt
from toolkit.features.masks import Masks, Pieces, with_fixed_masks
from toolkit.features.text import LONGEST, filled_features, piece_counts, text_features, unknown_share
from toolkit.modeling.tiny import tiny_tokenizer
from toolkit.tasks.rows import TextRow

BOS, EOS = 0, 2


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


def rows_of(*texts: str) -> list[TextRow]:
    return [TextRow(str(number), text) for number, text in enumerate(texts)]


def test_whole_texts_are_packed_as_long_as_there_is_room(tokenizer) -> None:
    features = text_features(rows_of("ab", "c", "defg"), tokenizer, max_length=10)
    first = tokenizer("ab", add_special_tokens=False)["input_ids"]
    second = tokenizer("c", add_special_tokens=False)["input_ids"]
    assert features.input_ids[0].tolist() == [BOS, *first, EOS, *second, EOS]
    assert features.extra["rows"][0].tolist() == [-1, 0, 0, 0, -1, 1, 1, -1]
    assert features.source_row.tolist() == [0, 2] and features.n_rows == 3


def test_a_text_longer_than_a_sequence_is_cut_and_loses_nothing(tokenizer) -> None:
    text = "ab" * 20
    features = text_features(rows_of(text, "c"), tokenizer, max_length=16)
    kept = [
        int(one)
        for each in map(features.input_ids.__getitem__, range(len(features)))
        for one in each
        if one not in (BOS, EOS)
    ]
    assert (
        kept
        == tokenizer(text, add_special_tokens=False)["input_ids"]
        + tokenizer("c", add_special_tokens=False)["input_ids"]
    )
    assert features.input_ids.lengths.max() <= 16 and features.n_truncated == 0


def test_a_blank_row_has_no_piece_and_blank_rows_alone_are_refused(tokenizer) -> None:
    assert 1 not in text_features(rows_of("a", "  ", "b"), tokenizer, max_length=16).extra["rows"].values
    with pytest.raises(DataError, match="None of the 2 rows holds text"):
        text_features(rows_of("", " "), tokenizer, max_length=16)


@pytest.mark.parametrize("text", ["word " * 4000, "x" * 25_000, "漢" * 12_000 + " b"])
def test_one_line_of_any_length_is_cut_into_the_pieces_that_it_has(tokenizer, text: str) -> None:
    assert len(text) > LONGEST
    tokenizer.deprecation_warnings.clear()  # where the library notes that it has warned of a long text
    features = text_features(rows_of(text), tokenizer, max_length=128)
    assert not tokenizer.deprecation_warnings
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert [one for one in features.input_ids.values.tolist() if one not in (BOS, EOS)] == whole
    assert piece_counts([text], tokenizer).tolist() == [len(whole)]


def test_a_mask_in_a_text_is_a_piece_to_be_named(tokenizer) -> None:
    features = filled_features(rows_of("a <mask> c", "<mask>b"), tokenizer, max_length=16)
    mask = tokenizer.mask_token_id
    a, b, c = (tokenizer.convert_tokens_to_ids(one) for one in "abc")
    space = tokenizer.convert_tokens_to_ids("▁")
    assert features.input_ids[0].tolist() == [BOS, space, a, mask, space, c, EOS]
    assert features.input_ids[1].tolist() == [BOS, mask, b, EOS]  # inside a word no blank is put in
    assert (features.tags.values != IGNORED).sum() == 2 and features.extra["n_masks"].tolist() == [1, 1]


def test_features_of_a_text_are_packed_and_not_filled(tokenizer) -> None:
    assert features_of(rows_of("a", "b"), "text", tokenizer).n_rows == 2
    assert len(features_of(rows_of("a", "b"), "text", tokenizer)) == 1


# -- masks ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batch(tokenizer):
    texts = ["some words of a text that is long enough " * 3] * 24
    features = text_features(rows_of(*texts), tokenizer, max_length=128)
    return features.collate(np.arange(len(features)))


def masks(tokenizer, **settings) -> Masks:
    return Masks(Pieces.of(tokenizer), **{"rate": 0.15, "whole_word": False, "seed": 5, **settings})


def test_a_share_of_the_pieces_is_guessed_and_most_of_them_are_masked(tokenizer, batch) -> None:
    found = masks(tokenizer).apply(batch, 0)
    chosen = found["tags"] != IGNORED
    can_be = ~np.isin(batch["input_ids"], tokenizer.all_special_ids)
    assert abs(chosen.sum() / can_be.sum() - 0.15) < 0.01
    assert not (chosen & ~can_be).any()  # special pieces and padding are never chosen
    assert (found["tags"][chosen] == batch["input_ids"][chosen]).all()
    assert (found["input_ids"][~chosen] == batch["input_ids"][~chosen]).all()
    shares = [
        (found["input_ids"][chosen] == tokenizer.mask_token_id).mean(),
        (found["input_ids"][chosen] == batch["input_ids"][chosen]).mean(),
    ]
    assert shares == pytest.approx([0.8, 0.1], abs=0.06)


def test_no_special_piece_is_put_in(tokenizer, batch) -> None:
    for step in range(6):
        found = masks(tokenizer, rate=0.6).apply(batch, step)
        put_in = found["input_ids"][(found["tags"] != IGNORED) & (found["input_ids"] != tokenizer.mask_token_id)]
        assert not np.isin(put_in, tokenizer.all_special_ids).any()


def test_masks_are_others_in_every_step_and_the_same_in_the_same_step(tokenizer, batch) -> None:
    one, again, other = (masks(tokenizer).apply(batch, step)["tags"] for step in (3, 3, 4))
    assert (one == again).all() and (one != other).any()
    assert (masks(tokenizer, seed=6).apply(batch, 3)["tags"] != one).any()


def test_words_are_masked_whole(tokenizer, batch) -> None:
    found = masks(tokenizer, whole_word=True).apply(batch, 0)
    starts = batch["input_ids"] == tokenizer.convert_tokens_to_ids("▁")
    chosen = found["tags"] != IGNORED
    inside = ~starts & ~np.isin(batch["input_ids"], tokenizer.all_special_ids)
    previous = np.roll(chosen, 1, axis=1)
    assert (chosen[inside] == previous[inside]).all()  # a piece inside a word has the fate of the one before it
    assert 0.05 < chosen.sum() / inside.sum() < 0.4


@pytest.mark.parametrize("text", ["a", "<unk>"])
def test_a_batch_of_one_short_text_can_have_nothing_to_guess(tokenizer, text: str) -> None:
    batch = text_features(rows_of(text), tokenizer, max_length=16).collate(np.arange(1))
    assert masks(tokenizer, rate=1e-9).apply(batch, 0)["tags"].max() == IGNORED


def test_fixed_masks_depend_on_a_row_alone(tokenizer) -> None:
    pieces = Pieces.of(tokenizer)

    def gold(*texts: str, max_length: int = 64) -> dict[int, list[int]]:
        found = with_fixed_masks(text_features(rows_of(*texts), tokenizer, max_length=max_length), pieces)
        rows = found.extra["rows"].values
        return {
            row: found.tags.values[(rows == row) & (found.tags.values != IGNORED)].tolist() for row in range(len(texts))
        }

    one, other = "a text of some words", "another text with other words in it"
    alone, together = gold(one)[0], gold(other, one, max_length=24)
    assert together[1] == alone and len(alone) == round(0.15 * piece_counts([one], tokenizer)[0])
    assert gold("a")[0]  # at least one piece of each row is scored


def test_text_without_a_piece_that_can_be_masked_is_refused(tokenizer) -> None:
    features = text_features(rows_of("\U0001f600"), tokenizer, max_length=16)
    features.input_ids.values[1:-1] = tokenizer.unk_token_id
    with pytest.raises(DataError, match="None of the 1 rows has a piece"):
        with_fixed_masks(features, Pieces.of(tokenizer))


# -- doubts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language", "doubt"),
    [
        ("Habari ya dunia", "sw", ""),
        ("Καλημέρα κόσμε", "sw", "100% of its letters are not Latin, in which Swahili is written, and 0.0%"),
        ("Καλημέρα κόσμε", "el", ""),
        ("good morning", "zh", "100% of its letters are not Han"),
        ("今天天氣很好", "zh-Hant", ""),
        ("東京タワーです", "ja", ""),
        ("dunia \U0001f600 \U0001f600", "sw", "of its pieces are unknown to the tokenizer; is it Swahili (sw)?"),
    ],
)
def test_text_in_another_script_or_of_unknown_pieces_is_doubted(
    tokenizer, text: str, language: str, doubt: str
) -> None:
    found = language_doubt([text], language, tokenizer)
    assert doubt in found and bool(doubt) == bool(found)


def test_the_share_of_unknown_pieces_is_measured(tokenizer) -> None:
    assert unknown_share([], tokenizer) == 0.0
    assert 0 < unknown_share(["ab \U0001f600"], tokenizer) < 1
