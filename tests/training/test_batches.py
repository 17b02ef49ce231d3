from __future__ import annotations

import itertools

import numpy as np
import pytest

from toolkit.features.collate import Features, mean_cost
from toolkit.features.ragged import Ragged
from toolkit.training.batches import plan_batches


def features(n, seed=0):
    lengths = np.random.default_rng(seed).integers(4, 40, n)
    return Features("pair", Ragged.of([[7] * length for length in lengths]), np.arange(n), n)


@pytest.fixture(scope="module")
def one():
    return features(1000)


def planned_run(*held, epochs=1.0, **options):
    return plan_batches(held, **{"batch_size": 16, "seed": 0, "epochs": epochs} | options)


def plan(*held, **options):
    return planned_run(*held, **options).batches


def seen(planned, task=0):
    return np.concatenate([items for t, items in planned if t == task])


def test_an_epoch_holds_every_item_once(one):
    assert np.array_equal(np.sort(seen(plan(one))), np.arange(1000))


def test_two_epochs_hold_every_item_twice_in_different_batches(one):
    planned = plan(one, epochs=2.0)
    assert (np.bincount(seen(planned)) == 2).all()
    sets = [frozenset(items.tolist()) for _, items in planned]
    assert len(set(sets)) > 0.98 * len(sets)


@pytest.mark.parametrize("epochs", [0.25, 0.5, 1.5, 2.3])
def test_a_fraction_of_an_epoch_takes_that_share_of_its_batches(one, epochs):
    whole = len(plan(one))
    planned = plan(one, epochs=epochs)
    assert len(planned) == pytest.approx(epochs * whole, abs=2)
    counts = np.bincount(seen(planned), minlength=1000)
    assert counts.min() >= int(epochs)
    assert counts.max() <= np.ceil(epochs)


def test_a_fraction_too_small_for_a_batch_takes_one(one):
    assert len(plan(one, epochs=1e-6)) == 1


@pytest.mark.parametrize("steps", [1, 50, 200])
def test_total_steps_replaces_epochs(one, steps):
    planned = plan(one, epochs=1.0, total_steps=steps)
    assert len(planned) == steps
    longer = plan(one, epochs=9.0, total_steps=steps + 30)
    for (task, items), (task_longer, items_longer) in zip(planned, longer, strict=False):
        assert task == task_longer
        assert np.array_equal(items, items_longer)


@pytest.mark.parametrize("epochs", [0.3, 1.0, 2.5, 4.0])
def test_total_steps_plan_the_same_passes_as_the_epochs_that_come_to_as_many(epochs):
    held, counts = (features(2300, 1), features(500, 2)), [2100, 700]  # two pools, so epochs differ in their batches
    by_epochs = planned_run(*held, epochs=epochs, counts=counts)
    by_steps = planned_run(*held, total_steps=len(by_epochs.batches), counts=counts)
    assert len(by_epochs.ends) == int(epochs)
    assert (by_steps.ends, by_steps.epochs) == (by_epochs.ends, by_epochs.epochs)
    assert by_steps.epochs == pytest.approx(epochs, abs=0.01)
    for (task, items), (other_task, other_items) in zip(by_epochs.batches, by_steps.batches, strict=True):
        assert task == other_task
        assert np.array_equal(items, other_items)


def test_a_pass_ends_where_every_item_was_taken(one):
    planned = planned_run(one, epochs=2.5)
    for number, end in enumerate(planned.ends, 1):
        assert (np.bincount(seen(planned.batches[:end])) == number).all()


def test_a_batch_holds_batch_size_rows_on_average_and_its_tokens_stay_within_the_budget(one):
    planned = plan(one)
    assert np.mean([len(items) for _, items in planned]) == pytest.approx(16, rel=0.15)
    for _, items in planned:
        assert one.lengths[items].max() * len(items) <= 16 * mean_cost(one)


def test_the_same_seed_gives_the_same_plan_and_another_seed_another(one):
    first, again, other = (plan(one, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert {tuple(items) for _, items in first}.isdisjoint({tuple(items) for _, items in other})


def test_every_batch_is_of_one_task_and_the_tasks_are_mixed():
    held = features(300, 1), features(600, 2)
    planned = plan(*held)
    assert np.array_equal(np.sort(seen(planned, 0)), np.arange(300))
    assert np.array_equal(np.sort(seen(planned, 1)), np.arange(600))
    tasks = [task for task, _ in planned]
    changes = sum(a != b for a, b in itertools.pairwise(tasks))
    assert changes > len(tasks) / 4


def test_a_mixture_draws_its_counts_every_epoch():
    planned = plan(features(300, 1), features(600, 2), counts=[450, 100], epochs=2.0)
    assert len(seen(planned, 0)) == 900
    assert len(seen(planned, 1)) == 200
    # Beyond a task's size its rows repeat, each as often as any other give or take one an epoch.
    assert np.bincount(seen(planned, 0), minlength=300).min() >= 2
    assert np.bincount(seen(planned, 0), minlength=300).max() <= 4
    # Below it, the epochs draw different rows.
    assert len(set(seen(planned, 1))) > 150


def test_two_tasks_of_one_size_are_not_shuffled_alike():
    planned = plan(features(200, 1), features(200, 1))
    first, second = ({tuple(items) for t, items in planned if t == task} for task in (0, 1))
    assert first.isdisjoint(second)


def test_planned_batches_stand_in_no_order_of_length(one):
    longest = [one.lengths[items].max() for _, items in plan(one)]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.4


def test_the_order_of_named_tasks_changes_no_batch():
    held = {"a": features(300), "b": features(300, seed=1), "c": features(120, seed=2)}

    def told(names, **options):
        planned = plan(*(held[name] for name in names), names=names, epochs=2.0, **options)
        return [(names[task], items.tolist()) for task, items in planned]

    assert told(["a", "b", "c"]) == told(["c", "b", "a"])
    assert told(["a", "b"], counts=[200, 400]) == told(["b", "a"], counts=[400, 200])


def test_a_further_task_leaves_the_draws_of_the_others_as_they_were():
    held = {"a": features(100), "b": features(100, seed=1), "aa": features(100, seed=2)}

    def drawn(names):
        planned = plan(*(held[name] for name in names), names=names)
        return sorted(items.tolist() for task, items in planned if names[task] == "b")

    assert drawn(["a", "b"]) == drawn(["a", "aa", "b"])


def test_the_name_of_a_single_task_changes_no_batch(one):
    held = [[items.tolist() for _, items in plan(one, names=names)] for names in (["a"], ["b"], ())]
    assert held[0] == held[1] == held[2]


def test_tasks_of_one_size_are_drawn_in_orders_of_their_own():
    held = features(200)
    planned = plan(held, held, names=["a", "b"])
    assert {tuple(items) for task, items in planned if task == 0} != {tuple(items) for task, items in planned if task}
