from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.features.item import WHOLE, Item, item_features
from toolkit.features.pair import pair_features
from toolkit.features.sentence import sentence_features
from toolkit.tasks.rows import PairRow


def pieces(found, tokenizer, at):
    """The text of the piece that an item is read from."""
    ids = found.features.input_ids[int(found.owners[at])]
    return tokenizer.convert_ids_to_tokens(int(ids[found.places[at]]))


@pytest.mark.parametrize(
    "item",
    [Item("a"), Item("a", "b"), Item("a", "b", 0), Item(("a", "b"), None, 1), Item(("a",)), Item('"[', "\ud800\n", 3)],
)
def test_an_item_is_found_again_from_its_text(item):
    assert Item.of(item.text) == item


def test_different_items_have_different_texts():
    items = [Item("a b"), Item(("a", "b")), Item("a", "b"), Item("a", "b", 0), Item(("a b",)), Item("a", "b", 1)]
    assert len({item.text for item in items}) == len(items)


def test_a_text_is_one_sequence_however_many_of_its_words_are_asked_for(xlmr):
    words = ("The", "rain", "stopped")
    found = item_features([Item(words), *(Item(words, None, i) for i in range(3))], xlmr, max_length=64)
    assert len(found.features) == 1
    assert found.places[0] == WHOLE
    assert [pieces(found, xlmr, at) for at in (1, 2, 3)] == ["▁The", "▁rain", "▁stopped"]


def test_a_word_is_read_from_the_piece_that_carries_its_label(xlmr):
    found = item_features([Item(("中国", "是", "一个"), None, 1)], xlmr, max_length=64)
    assert pieces(found, xlmr, 0) == "是"


def test_a_word_of_a_context_is_read_from_the_piece_that_it_begins_with(xlmr):
    context = "It was Unbelievably good."
    found = item_features([Item("How?", context, context.index(word)) for word in ("Unb", "good")], xlmr, max_length=64)
    assert len(found.features) == 1
    assert [pieces(found, xlmr, at) for at in (0, 1)] == ["▁Un", "▁good"]


def test_pairs_and_sentences_are_tokenised_as_their_tasks_are(xlmr):
    found = item_features([Item("It rains.", "It is wet."), Item("It rains.")], xlmr, max_length=64)
    rows = {int(owner): found.features.input_ids[int(owner)].tolist() for owner in found.owners}
    pair = pair_features([PairRow("", "It rains.", "It is wet.", 0)], xlmr, max_length=64)
    assert rows[int(found.owners[0])] == pair.input_ids[0].tolist()
    alone = sentence_features(["It rains."], xlmr, max_length=64)
    assert rows[int(found.owners[1])] == alone.input_ids[0].tolist()


def test_a_word_beyond_the_first_window_is_read_from_one_that_holds_it(xlmr):
    context = "word " * 100 + "needle in it"
    whole, far = Item("Where?", context), Item("Where?", context, context.index("needle"))
    found = item_features([whole, far], xlmr, max_length=48)
    assert found.features.lengths.max() <= 48
    assert len(found.features) == 2, "windows that nobody reads are not kept"
    assert pieces(found, xlmr, 1) == "▁need"
    first = found.features.input_ids[int(found.owners[0])]
    assert xlmr.convert_tokens_to_ids("▁need") not in first


def test_the_order_of_items_changes_nothing(xlmr):
    items = [Item("a", "b c"), Item(("x", "y"), None, 1), Item("z"), Item("a", "b c", 2), Item(("x", "y"), None, 0)]
    found, back = item_features(items, xlmr, max_length=64), item_features(items[::-1], xlmr, max_length=64)
    for at, item in enumerate(items):
        other = items[::-1].index(item)
        assert found.places[at] == back.places[other]
        assert np.array_equal(
            found.features.input_ids[int(found.owners[at])], back.features.input_ids[int(back.owners[other])]
        )


@pytest.mark.parametrize("item", [Item(("a", "b"), None, 2), Item("a", "b", 9)])
def test_a_word_that_the_text_does_not_have_is_one_sentence(characters, item):
    with pytest.raises(DataError, match="expected a word of that text"):
        item_features([item], characters, max_length=64)


def test_no_items_are_no_sequences(characters):
    found = item_features([], characters, max_length=64)
    assert len(found.features) == len(found.owners) == 0
