"""Batches of a whole run in order: a pure function of sizes, settings and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.features.collate import Features, mean_cost, shuffled_batches
from toolkit.training.seeding import derived_seed

PlannedBatch = tuple[int, np.ndarray]  # (which task, which items of it)


@dataclass(frozen=True)
class Planned:
    """Every batch of a run in order, and where its passes over the rows end.

    Attributes:
        batches: (which task, which items of it), in order; one a step.
        ends: how many steps are taken when each whole pass is over.
        epochs: passes over the rows; the last one counts by the share of its batches.
    """

    batches: list[PlannedBatch]
    ends: tuple[int, ...]
    epochs: float


def plan_batches(
    features: Sequence[Features],
    *,
    batch_size: int,
    seed: int,
    epochs: float,
    total_steps: int | None = None,
    counts: Sequence[int | None] | None = None,
    names: Sequence[str] = (),
) -> Planned:
    """Return every batch of a run in order; `total_steps` plans the same batches as the `epochs` that come to as many.

    A batch holds rows of one task, of similar lengths, within a budget of `batch_size` times that task's mean length in
    tokens (padding included): as many rows as `batch_size` on average, more of the short ones, fewer of the long.

    Args:
        features: one per task.
        epochs: passes over the rows; a fraction takes that share of the last pass's batches.
        total_steps: where given, replaces `epochs`.
        counts: rows of each task per epoch (a mixture); None: all of them, once. Rows beyond a task's size repeat.
        names: one per task: the draws of several tasks are seeded by name, so that their order changes nothing; without
            names by place.
    """
    budgets = [batch_size * mean_cost(one) for one in features]
    places = range(len(features))
    seeds = [derived_seed(seed, name) for name in names] if len(names) > 1 else [seed + place for place in places]
    in_order = sorted(places, key=lambda place: names[place]) if names else places
    planned: list[PlannedBatch] = []
    ends: list[int] = []
    epoch = 0
    while True:
        batches: list[PlannedBatch] = []
        for task in in_order:
            one = features[task]
            count = None if counts is None else counts[task]
            items = None if count is None else _drawn(len(one), count, seeds[task], epoch)
            cut = shuffled_batches(one, budget=budgets[task], seed=seeds[task], epoch=epoch, items=items)
            batches += [(task, batch) for batch in cut]
        order = np.random.default_rng([seed, epoch, 1]).permutation(len(batches))
        if total_steps is not None:
            taken = min(len(batches), total_steps - len(planned))
        else:
            taken = max(1, round(min(1.0, epochs - epoch) * len(batches)))
        planned += [batches[i] for i in order[:taken]]
        epoch += 1
        if taken == len(batches):
            ends.append(len(planned))
        if len(planned) >= total_steps if total_steps is not None else epoch >= epochs:
            return Planned(planned, tuple(ends), epoch - 1 + taken / len(batches))


def _drawn(size: int, count: int, seed: int, epoch: int) -> np.ndarray:
    """Draw `count` of `size` items, each as often as any other give or take one."""
    rng = np.random.default_rng([seed, epoch, 2])
    rounds = [rng.permutation(size) for _ in range(-(-count // size))]
    return np.concatenate(rounds)[:count]
