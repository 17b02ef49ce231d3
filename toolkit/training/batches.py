"""Batches of a whole run in order: a pure function of sizes, settings and seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolkit.features.collate import Features, mean_cost, shuffled_batches

PlannedBatch = tuple[int, np.ndarray]  # (which task, which items of it)


def plan_batches(
    features: Sequence[Features],
    *,
    batch_size: int,
    seed: int,
    epochs: float,
    total_steps: int | None = None,
    counts: Sequence[int | None] | None = None,
) -> list[PlannedBatch]:
    """Return every batch of a run in order.

    A batch holds rows of one task, of similar lengths, within a budget of `batch_size` times that task's mean length in
    tokens (padding included): as many rows as `batch_size` on average, more of the short ones, fewer of the long.

    Args:
        features: one per task.
        epochs: passes over the rows; a fraction takes that share of the last pass's batches.
        total_steps: where given, replaces `epochs`.
        counts: rows of each task per epoch (a mixture); None: all of them, once. Rows beyond a task's size repeat.
    """
    budgets = [batch_size * mean_cost(one) for one in features]
    planned: list[PlannedBatch] = []
    epoch = 0
    while True:
        batches: list[PlannedBatch] = []
        for task, one in enumerate(features):
            count = None if counts is None else counts[task]
            items = None if count is None else _drawn(len(one), count, seed, epoch, task)
            cut = shuffled_batches(one, budget=budgets[task], seed=seed + task, epoch=epoch, items=items)
            batches += [(task, batch) for batch in cut]
        order = np.random.default_rng([seed, epoch, 1]).permutation(len(batches))
        share = 1.0 if total_steps is not None else min(1.0, epochs - epoch)
        planned += [batches[i] for i in order[: max(1, round(share * len(batches)))]]
        epoch += 1
        if total_steps is not None:
            if len(planned) >= total_steps:
                return planned[:total_steps]
        elif epoch >= epochs:
            return planned


def _drawn(size: int, count: int, seed: int, epoch: int, task: int) -> np.ndarray:
    """Draw `count` of `size` items, each as often as any other give or take one."""
    rng = np.random.default_rng([seed, epoch, task, 2])
    rounds = [rng.permutation(size) for _ in range(-(-count // size))]
    return np.concatenate(rounds)[:count]
