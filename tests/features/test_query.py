"""Queries beside passages as batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.features import features_of
from toolkit.tasks import QueryRow

ROWS = [
    QueryRow("1", "who sleeps", "a", "He sleeps in the park. He sings."),
    QueryRow("2", "who sleeps now", "a", "He sleeps."),
    QueryRow("3", "who", "b", "She sings."),
]


def test_a_batch_holds_both_sides_each_padded_to_its_own_longest_and_the_keys_as_numbers(characters: Any) -> None:
    features = features_of(ROWS, "retrieval", characters)
    batch = features.collate(np.array([2, 0]))
    assert batch["query_ids"].shape[1] < batch["input_ids"].shape[1]
    for ids, mask, texts in (
        (batch["query_ids"], batch["query_mask"], ("who", "who sleeps")),
        (batch["input_ids"], batch["attention_mask"], ("She sings.", ROWS[0].passage)),
    ):
        for row, shown, text in zip(ids, mask, texts, strict=True):
            assert row[shown == 1].tolist() == characters(text)["input_ids"]
    assert features.extra["keys"].tolist() == [0, 0, 1]
    assert batch["keys"].tolist() == [1, 0]


def test_each_side_has_its_own_limit_on_tokens(characters: Any) -> None:
    features = features_of(ROWS, "retrieval", characters, max_length=9, query_length=4)
    assert features.lengths.max() == 9
    assert features.extra["queries"].lengths.max() == 4
    assert features.n_truncated > 0
