from __future__ import annotations

import numpy as np

from toolkit.features.choice import choice_features
from toolkit.tasks.rows import ChoiceRow

ROWS = [
    ChoiceRow("1", "It rains.", "Why?", ("clouds", "sun"), 0),
    ChoiceRow("2", "", "Where is a bank?", ("river", "city", "moon", "sea", "sky"), 1),
    ChoiceRow("3", "He ran.", "", ("far", "away", "red"), 2),
]


def texts(features, tokenizer, row):
    first, last = features.sequences[row : row + 2]
    return ["".join(tokenizer.convert_ids_to_tokens(features.input_ids[i].tolist())) for i in range(first, last)]


def test_each_choice_is_a_sequence_after_context_and_question(characters):
    features = choice_features(ROWS, characters, max_length=64)
    assert texts(features, characters, 0) == [
        "<s>▁It▁rains.▁Why?</s></s>▁clouds</s>",
        "<s>▁It▁rains.▁Why?</s></s>▁sun</s>",
    ]


def test_without_context_or_question_the_other_stands_alone(characters):
    features = choice_features(ROWS, characters, max_length=64)
    assert texts(features, characters, 1)[0] == "<s>▁Where▁is▁a▁bank?</s></s>▁river</s>"
    assert texts(features, characters, 2)[2] == "<s>▁He▁ran.</s></s>▁red</s>"


def test_rows_may_have_different_numbers_of_choices(characters):
    features = choice_features(ROWS, characters, max_length=64)
    assert len(features) == 3
    assert features.widths.tolist() == [2, 5, 3]
    assert features.labels.tolist() == [0, 1, 2]
    batch = features.collate(np.array([2, 1, 0]))
    assert batch["is_choice"].sum(1).tolist() == [3, 5, 2]
    assert batch["input_ids"].shape[0] == 3 * 5


def test_the_length_of_an_item_is_that_of_its_longest_choice(characters):
    features = choice_features(ROWS, characters, max_length=64)
    expected = [max(len(features.input_ids[i]) for i in range(a, b)) for a, b in ((0, 2), (2, 7), (7, 10))]
    assert features.lengths.tolist() == expected


def test_a_long_context_is_cut_and_the_choice_kept(characters):
    row = ChoiceRow("1", "x" * 200, "why?", ("yes", "no"), 0)
    features = choice_features([row, ROWS[0]], characters, max_length=40)
    assert [
        text.endswith(end) for text, end in zip(texts(features, characters, 0), ("▁yes</s>", "▁no</s>"), strict=True)
    ] == [
        True,
        True,
    ]
    assert features.input_ids.lengths.max() == 40
    assert features.n_truncated == 1  # rows, not sequences


def test_no_rows_give_no_items(characters):
    assert len(choice_features([], characters, max_length=16)) == 0
