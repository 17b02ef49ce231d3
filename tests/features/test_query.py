"""Queries beside passages as batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.features import Features, Tokenising, features_of
from toolkit.features.cache import cached_features
from toolkit.tasks import QueryRow, get_task

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


def test_queries_come_back_from_the_cache_as_they_were_and_another_limit_is_another_entry(
    characters: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))
    rows = get_task("micro-answers").rows("train", "en", limit=8)
    said: list[str] = []

    def made(query_length: int) -> Features:
        how = Tokenising(max_length=64, query_length=query_length)
        return cached_features(rows, "retrieval", characters, how, max_bytes=2**30, say=said.append)

    first, again, other = made(16), made(16), made(8)
    assert not said
    for one, same in ((first.input_ids, again.input_ids), (first.extra["queries"], again.extra["queries"])):
        assert np.array_equal(one.values, same.values)
        assert np.array_equal(one.offsets, same.offsets)
    assert np.array_equal(first.extra["keys"], again.extra["keys"])
    assert (first.extra["queries"].lengths.max(), other.extra["queries"].lengths.max()) == (16, 8)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2
