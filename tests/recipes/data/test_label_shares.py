"""Labels that are common in one language and absent in another: named, because they look like a fault of transfer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from toolkit.recipes.data.label_shares import FEWEST, unshared_labels
from toolkit.recipes.data.leaks import Held
from toolkit.tasks import BUILT_IN
from toolkit.tasks.rows import OTHER_TAG, PairRow, TagsRow

TAGGED, PAIRS = BUILT_IN.get("micro-pos"), BUILT_IN.get("micro-nli")


def tagged(language: str, tags: Sequence[int], n: int = FEWEST) -> Held:
    rows = [TagsRow(str(i), tuple("w" * len(tags)), tuple(tags)) for i in range(n)]
    return Held(TAGGED, ("train", "train"), language, rows)


def paired(language: str, labels: Sequence[int]) -> Held:
    return Held(PAIRS, ("train", "train"), language, [PairRow(str(i), "a", "b", x) for i, x in enumerate(labels)])


def test_a_label_that_another_one_stands_for_elsewhere_is_named_with_both_shares() -> None:
    first, second, third = TAGGED.labels[:3]
    (said,) = unshared_labels(tagged("en", [0, 0, 0, 1]), tagged("de", [0, 0, 0, 2]))
    assert said.startswith(f"score de: '{third}' 25.0% (0.0%), '{second}' 0.0% (25.0%) of the labels")
    assert f"'{first}'" not in said and "training rows of micro-pos en" in said


def test_a_label_counts_as_absent_where_it_is_fifty_times_as_rare() -> None:
    often, rare = [0] * 6 + [1] * 4, [0] * 399 + [1]
    assert any(unshared_labels(tagged("en", often), tagged("de", rare)))
    less_rare = [0] * 99 + [1]
    assert not any(unshared_labels(tagged("en", often), tagged("de", less_rare)))


@pytest.mark.parametrize(
    ("trained", "scored"),
    [
        (tagged("en", [0, 1]), tagged("de", [1, 0])),
        (tagged("en", [0, 1]), tagged("de", [0], n=3)),  # too few to tell
        (tagged("en", [0] * 30 + [1]), tagged("de", [0])),  # a rare one may be absent
        (tagged("en", [0, OTHER_TAG]), tagged("de", [0])),  # words without a label of the set
        (paired("en", [0, 1, 2] * 100), paired("de", [2, 1, 0] * 100)),
    ],
)
def test_nothing_is_said_of_labels_that_both_have(trained: Held, scored: Held) -> None:
    assert list(unshared_labels(trained, scored)) == []


def test_pairs_are_counted_by_row() -> None:
    (said,) = unshared_labels(paired("en", [0, 1] * 150), paired("de", [0, 2] * 150))
    assert f"'{PAIRS.labels[1]}' 0.0% (50.0%)" in said


@pytest.mark.real_data
@pytest.mark.slow
def test_the_parallel_meaning_bank_closes_its_sentences_in_two_ways(data_root: Path) -> None:
    task = BUILT_IN.get("ccg")
    held = {
        code: Held(task, ("score", "test"), code, list(task.rows("score", code, data_root=data_root)))
        for code in ("en", "de")
    }
    (said,) = unshared_labels(held["en"], held["de"])
    assert "'s:dcl\\s:dcl' 16." in said and "'.' 0.0% (15." in said
