from __future__ import annotations

import itertools

import numpy as np
import pytest

from toolkit.features.collate import (
    IGNORED,
    PAD,
    Features,
    budget_batches,
    mean_cost,
    shuffled_batches,
    sorted_batches,
)
from toolkit.features.ragged import Ragged


def features_of_lengths(lengths, kind="pair"):
    ids = Ragged.of([[0, *([7] * (n - 2)), 2] for n in lengths])
    return Features(kind, ids, np.arange(len(lengths)), len(lengths), labels=np.arange(len(lengths)))


@pytest.fixture(scope="module")
def many():
    """5,000 items with lengths like those of real sentence pairs: most short, some long."""
    lengths = np.clip(np.random.default_rng(0).lognormal(3.5, 0.5, 5000).astype(int), 4, 256)
    return features_of_lengths(lengths)


def padded_size(features, batch):
    return features.lengths[batch].max() * features.widths[batch].sum()


def test_every_batch_stays_within_the_token_budget(many):
    for batch in shuffled_batches(many, budget=1000, seed=0, epoch=0):
        assert padded_size(many, batch) <= 1000


def test_an_item_larger_than_the_budget_is_a_batch_of_its_own():
    features = features_of_lengths([4, 50, 4])
    batches = sorted_batches(features, budget=10)
    assert sorted(batch.tolist() for batch in batches) == [[0, 2], [1]]


def test_a_batch_is_closed_only_when_the_next_item_would_break_the_budget(many):
    order = np.argsort(many.lengths, kind="stable")
    batches = budget_batches(many.lengths, many.widths, 1000, order)
    for batch, following in itertools.pairwise(batches):
        assert padded_size(many, np.append(batch, following[0])) > 1000


@pytest.mark.parametrize("seed", [0, 7])
def test_every_item_comes_exactly_once_in_an_epoch(many, seed):
    seen = np.concatenate(shuffled_batches(many, budget=1000, seed=seed, epoch=3))
    assert np.array_equal(np.sort(seen), np.arange(len(many)))


def test_every_item_comes_exactly_once_in_a_prediction(many):
    assert np.array_equal(np.sort(np.concatenate(sorted_batches(many, budget=1000))), np.arange(len(many)))


def test_only_the_items_asked_for_are_batched_and_repeats_stay(many):
    items = np.array([5, 6, 6, 7])
    seen = np.concatenate(shuffled_batches(many, budget=1000, seed=0, epoch=0, items=items))
    assert sorted(seen.tolist()) == [5, 6, 6, 7]


def as_lists(batches):
    return [batch.tolist() for batch in batches]


def test_the_same_seed_and_epoch_give_the_same_batches(many):
    once, again = (as_lists(shuffled_batches(many, budget=1000, seed=4, epoch=2)) for _ in range(2))
    assert once == again


@pytest.mark.parametrize(("seed", "epoch"), [(4, 3), (5, 2)])
def test_another_seed_or_epoch_gives_other_batches(many, seed, epoch):
    one = {tuple(sorted(batch)) for batch in as_lists(shuffled_batches(many, budget=1000, seed=4, epoch=2))}
    other = {tuple(sorted(batch)) for batch in as_lists(shuffled_batches(many, budget=1000, seed=seed, epoch=epoch))}
    assert len(one & other) < 0.02 * len(one)


def test_batches_of_an_epoch_are_not_in_order_of_length(many):
    longest = [many.lengths[batch].max() for batch in shuffled_batches(many, budget=1000, seed=0, epoch=0)]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


def waste(features, batches):
    return 1 - features.lengths.sum() / sum(padded_size(features, batch) for batch in batches)


def test_less_than_a_tenth_of_the_tokens_is_padding_where_random_batches_waste_a_third(many):
    order = np.random.default_rng(1).permutation(len(many))
    assert waste(many, np.array_split(order, len(many) // 32)) > 0.33
    assert waste(many, shuffled_batches(many, budget=32 * mean_cost(many), seed=0, epoch=0)) < 0.10


def test_prediction_takes_the_longest_items_first(many):
    longest = [many.lengths[batch].max() for batch in sorted_batches(many, budget=1000)]
    assert longest == sorted(longest, reverse=True)
    assert longest[0] == many.lengths.max()


def test_the_mean_cost_of_an_item_counts_all_its_sequences():
    choice = Features(
        "choice", Ragged.of([[0, 2], [0, 7, 2], [0, 7, 7, 2]]), np.arange(2), 2, sequences=np.array([0, 2, 3])
    )
    assert choice.lengths.tolist() == [3, 4]
    assert choice.widths.tolist() == [2, 1]
    assert mean_cost(choice) == (3 * 2 + 4 * 1) / 2


def test_collating_pads_ids_and_masks_the_padding():
    batch = features_of_lengths([4, 3]).collate(np.array([1, 0]))
    assert batch["input_ids"].tolist() == [[0, 7, 2, PAD], [0, 7, 7, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert batch["labels"].tolist() == [1, 0]
    assert batch["items"].tolist() == [1, 0]


def test_collating_pads_tags_with_the_label_that_nothing_counts():
    features = Features(
        "tags",
        Ragged.of([[0, 7, 8, 2], [0, 9, 2]]),
        np.arange(2),
        2,
        tags=Ragged.of([[IGNORED, 3, 1, IGNORED], [IGNORED, 2, IGNORED]]),
    )
    assert features.collate(np.array([0, 1]))["tags"].tolist() == [[-100, 3, 1, -100], [-100, 2, -100, -100]]


def test_an_item_with_fewer_choices_is_filled_up_with_sequences_that_have_one_visible_token():
    features = Features(
        "choice",
        Ragged.of([[0, 5, 2], [0, 6, 6, 2], [0, 8, 2]]),
        np.arange(2),
        2,
        labels=np.array([1, 0]),
        sequences=np.array([0, 2, 3]),
    )
    batch = features.collate(np.array([1, 0]))
    assert batch["is_choice"].tolist() == [[True, False], [True, True]]
    assert batch["input_ids"].tolist() == [[0, 8, 2, PAD], [0, PAD, PAD, PAD], [0, 5, 2, PAD], [0, 6, 6, 2]]
    assert batch["attention_mask"].sum(1).min() == 1
    assert batch["labels"].tolist() == [0, 1]
