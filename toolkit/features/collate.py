"""Features of one task, and batches of them under a token budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from toolkit.features.ragged import Ragged
from toolkit.tasks.kinds import Kind

PAD = 1  # XLM-R's padding id
SPACE = "▁"  # the piece that stands for a blank; alone before many Chinese, Japanese and Thai words
IGNORED = -100  # label that no loss and no metric counts

Batch = dict[str, np.ndarray]


@dataclass(frozen=True)
class Features:
    """The tokenised rows of one task.

    Attributes:
        kind: the task's kind; of single sentences `bitext`.
        input_ids: one row per sequence; several consecutive rows per item for `choice`.
        labels: int64 [N] for pair and choice, int64 [N, 2] (start, end token) for span; None for tags and sentences.
        tags: int64 labels per token for `tags` (`IGNORED` where a piece carries none).
        sequences: int64 [N + 1] for `choice`: item i owns the sequences `sequences[i]:sequences[i + 1]`.
        source_row: int64 [N], the row an item was made from (a long context or sentence makes several).
        extra: what the kind needs to read its predictions back (character spans, word indices), or the queries that belong
            to passages (`query_features`).
        n_rows: number of rows that the items were made from.
        n_truncated: number of rows that lost text to the length limit.
    """

    kind: Kind
    input_ids: Ragged
    source_row: np.ndarray
    n_rows: int
    labels: np.ndarray | None = None
    tags: Ragged | None = None
    sequences: np.ndarray | None = None
    n_truncated: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.source_row)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each item's longest sequence: int64 [N]."""
        lengths = self.input_ids.lengths
        if self.sequences is None:
            return lengths
        return np.maximum.reduceat(lengths, self.sequences[:-1])

    @property
    def widths(self) -> np.ndarray:
        """Sequences per item: int64 [N]; 1 except for `choice`."""
        if self.sequences is None:
            return np.ones(len(self), np.int64)
        return np.diff(self.sequences)

    def collate(self, items: np.ndarray) -> Batch:
        """Return the `items` as padded arrays.

        Returns:
            `input_ids` and `attention_mask` int64 [B, T] (choice: [B * C, T], items with fewer choices filled up with
            padding), `items` int64 [B], and what there is of `labels` ([B] or [B, 2]), `tags` [B, T],
            `is_choice` bool [B, C]; of queries `query_ids` and `query_mask` int64 [B, Q], `keys` int64 [B].
        """
        batch: Batch = {"items": items}
        if self.sequences is None:
            ids, mask = self.input_ids.padded(items, PAD), self.input_ids.mask(items)
        else:
            widths = self.widths[items]
            n_choices = int(widths.max())
            rows = np.concatenate([np.arange(self.sequences[i], self.sequences[i + 1]) for i in items])
            held = self.input_ids.padded(rows, PAD)  # [sum of widths, T]
            batch["is_choice"] = np.arange(n_choices) < widths[:, None]
            ids = np.full((len(items) * n_choices, held.shape[1]), PAD, np.int64)
            mask = np.zeros_like(ids)
            filled = batch["is_choice"].ravel()
            ids[filled], mask[filled] = held, self.input_ids.mask(rows)
            # A sequence without one visible token would divide by zero in the attention's softmax.
            ids[~filled, 0], mask[~filled, 0] = 0, 1
        batch["input_ids"] = ids
        batch["attention_mask"] = mask
        if self.labels is not None:
            batch["labels"] = self.labels[items]
        if self.tags is not None:
            batch["tags"] = self.tags.padded(items, IGNORED)
        if "queries" in self.extra:
            batch["query_ids"] = self.extra["queries"].padded(items, PAD)
            batch["query_mask"] = self.extra["queries"].mask(items)
            batch["keys"] = self.extra["keys"][items]
        return batch


def mean_cost(features: Features) -> float:
    """Return the mean number of tokens an item costs (all its sequences): what one unit of batch size is worth."""
    return float((features.lengths * features.widths).mean())


TOKENS_PER_ROW = 128  # what one unit of `eval.batch_size` is worth in tokens
# A processor is fastest where a batch's activations stay in its cache: 260 rows/s at 2,048 tokens against 190 at 8,192, and 172 at
# 128 (embedded backbone, two cores, XNLI pairs).
CPU_TOKENS = 2048


def token_budget(batch_size: int, device: str) -> int:
    """Return how many tokens, padding included, a forward pass without gradients holds.

    Args:
        batch_size: `eval.batch_size`.
        device: type of the device, `cpu` or another.

    Example:
        >>> token_budget(64, "cuda"), token_budget(64, "cpu"), token_budget(8, "cpu")
        (8192, 2048, 1024)
    """
    budget = batch_size * TOKENS_PER_ROW
    return min(budget, CPU_TOKENS) if device == "cpu" else budget


def budget_batches(lengths: np.ndarray, widths: np.ndarray, budget: float, order: np.ndarray) -> list[np.ndarray]:
    """Cut `order` into batches whose padded size stays within `budget` tokens (one item always fits).

    Args:
        lengths: int64 [N] tokens of each item's longest sequence.
        widths: int64 [N] sequences per item.
        budget: tokens, padding included.
        order: int64 [M] the items in the order in which to take them.

    Example:
        >>> [b.tolist() for b in budget_batches(np.array([2, 2, 3, 6]), np.ones(4, int), 6, np.arange(4))]
        [[0, 1], [2], [3]]
    """
    batches: list[np.ndarray] = []
    start, longest, sequences = 0, 0, 0
    for at, item in enumerate(order):
        longest_with, sequences_with = max(longest, int(lengths[item])), sequences + int(widths[item])
        if at > start and longest_with * sequences_with > budget:
            batches.append(order[start:at])
            start, longest_with, sequences_with = at, int(lengths[item]), int(widths[item])
        longest, sequences = longest_with, sequences_with
    if start < len(order):
        batches.append(order[start:])
    return batches


def shuffled_batches(
    features: Features, *, budget: float, seed: int, epoch: int, items: np.ndarray | None = None, pool: int = 2048
) -> list[np.ndarray]:
    """Return one epoch of batches: random, of similar lengths within each, in random order.

    Items are shuffled, cut into pools, sorted by length inside a pool and cut at the token budget, so that a batch holds
    little padding while two epochs hardly share a batch. A pure function of its arguments.

    Args:
        budget: tokens a batch, padding included.
        items: the items of this epoch; default: all, once.
        pool: items sorted together.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(np.arange(len(features)) if items is None else items)
    lengths, widths = features.lengths, features.widths
    batches: list[np.ndarray] = []
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        # Stable, so that items of equal length stay in the random order of the permutation.
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += budget_batches(lengths, widths, budget, part)
    return [batches[i] for i in rng.permutation(len(batches))]


def sorted_batches(features: Features, *, budget: float) -> list[np.ndarray]:
    """Return all items once, longest first, for prediction: the least padding, and memory peaks at the first batch."""
    order = np.argsort(-features.lengths, kind="stable")
    return budget_batches(features.lengths, features.widths, budget, order)
