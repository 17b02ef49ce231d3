"""Features made part by part are those made at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.features.test_cache import TASKS, arrays, rows_of
from toolkit.features import Tokenising
from toolkit.features.parts import sentences_in_parts, tokenised_in_parts
from toolkit.features.sentence import sentence_features
from toolkit.features.tokenise import tokenised
from toolkit.tasks import get_task
from toolkit.tasks.kinds import Kind


@pytest.mark.parametrize("kind", [*TASKS, "retrieval"])
@pytest.mark.parametrize("part", [1, 5])
def test_features_of_parts_are_those_of_the_whole(kind: Kind, part: int, characters: Any) -> None:
    how = Tokenising(max_length=40, stride=4)
    rows = get_task("micro-answers").rows("train", limit=12) if kind == "retrieval" else rows_of(kind)
    whole, parts = (
        tokenised(list(rows), kind, characters, how),
        tokenised_in_parts(rows, kind, characters, how, part=part),
    )
    assert (parts.kind, parts.n_rows, parts.n_truncated, len(parts)) == (
        whole.kind, whole.n_rows, whole.n_truncated, len(whole),
    )  # fmt: skip
    expected, found = arrays(whole), arrays(parts)
    assert list(expected) == list(found)
    for name, array in expected.items():
        assert array.dtype == found[name].dtype and np.array_equal(array, found[name]), name


def test_sentences_of_parts_are_those_of_the_whole(characters: Any) -> None:
    texts = [f"It rains {'very ' * number}much." for number in range(9)]
    whole = sentence_features(texts, characters, max_length=30)
    parts = sentences_in_parts(texts, characters, max_length=30, part=4)
    expected, found = arrays(whole), arrays(parts)
    assert all(np.array_equal(array, found[name]) for name, array in expected.items()) and list(expected) == list(found)
    assert (parts.n_rows, parts.n_truncated, parts.kind) == (9, whole.n_truncated, "bitext") and whole.n_truncated > 0
