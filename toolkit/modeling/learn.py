"""Learning: which parameters learn, dropout, and the loss of each kind of task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.features.collate import IGNORED, Features
from toolkit.tasks.kinds import Kind


def unfreeze_exactly(model: nn.Module, learn: Mapping[str, nn.Parameter]) -> None:
    """Make the parameters in `learn` trainable and every other one of `model` frozen.

    `adapters`' own `train_adapter(Stack(a, b))` unfreezes both and `train_adapter_fusion` leaves the adapter on top
    frozen (tests/upstream), so what learns is never left to it.

    Raises:
        AssertionError: a listed parameter is not part of the model: a bug of ours.
    """
    wanted = {id(parameter) for parameter in learn.values()}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in wanted)
    found = {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    assert found == wanted, f"{len(wanted - found)} listed parameters are not in the model"


def set_dropout(encoder: Any, own: Sequence[nn.Module], rate: float) -> None:
    """Switch dropout on in `own`, and in the rest of a frozen encoder at `rate`.

    Args:
        encoder: in training mode.
        own: adapters and fusions inside it.
        rate: 0: the frozen layers compute as in evaluation, exactly and fast.
    """
    inside = {id(module) for root in own for module in root.modules()}
    for module in encoder.modules():
        if isinstance(module, nn.Dropout) and id(module) not in inside:
            module.p = rate
    for layer in encoder.encoder.layer:
        # Attention dropout is a number, not a module, on the SDPA path; without it the fused kernel is exact and fast.
        layer.attention.self.dropout_prob = rate
    if rate == 0.0:
        # Without dropout, eval and train mode compute the same; eval lets attention take its fused kernel.
        encoder.eval()
        for root in own:
            root.train()


def value_penalty(parameters: Mapping[str, Tensor], *, weight: float) -> Tensor | None:
    """Return `weight * sum ||I - W_v||^2` over the value matrices among a fusion's parameters, or None without one.

    It belongs into the loss: the library adds its gradient one step late and ignores its switch.
    Source: Pfeiffer et al. 2021, *AdapterFusion*; `adapters` 1.3.0 `get_fusion_regularization_loss`.
    """
    terms = [
        (torch.eye(len(matrix), device=matrix.device) - matrix).pow(2).sum()
        for key, matrix in parameters.items()
        if key.endswith("value.weight")
    ]
    return weight * torch.stack(terms).sum() if terms else None


def item_losses(kind: Kind, logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Return each item's cross-entropy: float32 [B].

    Args:
        kind: the task's kind.
        logits: as the head of that kind gives them.
        batch: `labels` [B] (pair, choice) or [B, 2] (span), `tags` [B, T], `is_choice` [B, C], `keys` [B] (retrieval); of a text `tags` [B, T] too.

    A tagged sentence's loss is the sum over its labelled words (so that every word counts the same, in a long sentence
    or a short one), a span's the mean of start and end. A query is to be nearest to its row's passage among all of
    the batch; other passages with its key are right as well and are left out of its sum. A text's loss is the sum over its masked pieces.
    """
    return LOSSES[kind](logits.float(), batch)


def _of_pairs(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    return F.cross_entropy(logits, batch["labels"], reduction="none")


def _of_choices(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    return F.cross_entropy(choice_logits(logits, batch["is_choice"]), batch["labels"], reduction="none")


def _of_spans(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    hidden = batch["attention_mask"] == 0
    masked = logits.masked_fill(hidden[..., None], torch.finfo(torch.float32).min)
    start = F.cross_entropy(masked[..., 0], batch["labels"][:, 0], reduction="none")
    end = F.cross_entropy(masked[..., 1], batch["labels"][:, 1], reduction="none")
    return (start + end) / 2


def _of_tags(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    losses = F.cross_entropy(logits.transpose(1, 2), batch["tags"], ignore_index=IGNORED, reduction="none")  # [B, T]
    return losses.sum(1)


def _of_queries(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    keys = batch["keys"]
    own = torch.eye(len(keys), dtype=torch.bool, device=keys.device)
    is_also_right = (keys[:, None] == keys[None]) & ~own
    masked = logits.masked_fill(is_also_right, torch.finfo(torch.float32).min)
    return F.cross_entropy(masked, torch.arange(len(keys), device=keys.device), reduction="none")


def _of_texts(losses: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    owners = (batch["tags"] != IGNORED).nonzero()[:, 0]  # [M], as the losses are
    return losses.new_zeros(len(batch["tags"])).index_add(0, owners, losses[:, 0])


LOSSES: Mapping[Kind, Callable[[Tensor, Mapping[str, Tensor]], Tensor]] = {
    "pair": _of_pairs,
    "choice": _of_choices,
    "span": _of_spans,
    "tags": _of_tags,
    "retrieval": _of_queries,
    "text": _of_texts,
}
"""Losses of a batch's items, from float32 logits (of texts: losses), by kind of task that is trained."""


def units_per_item(features: Features) -> float:
    """Return how many terms an item's loss sums on average: labelled words for tags, 1 for the rest."""
    if features.tags is None:
        return 1.0
    return float((features.tags.values != IGNORED).sum()) / max(len(features), 1)


def choice_logits(logits: Tensor, is_choice: Tensor) -> Tensor:
    """Fold one logit per sequence, [B * C, 1], into [B, C]; every other place gets the lowest number."""
    scores = logits.view(is_choice.shape)
    return scores.masked_fill(~is_choice, torch.finfo(scores.dtype).min)
