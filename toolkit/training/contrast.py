"""Retrieval in shares: every query meets the passages of the whole batch, although few of them are in memory at a time.

The texts are encoded twice: first without gradients, for their vectors; then share by share, with the gradient that the
loss of the whole batch has in these vectors.

Source: Gao et al. 2021, *Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup* (arXiv 2101.06983).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from toolkit.features.collate import Batch
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import DualEncoder
from toolkit.modeling.learn import item_losses
from toolkit.modeling.pooling import pool
from toolkit.modeling.wiring import module_name
from toolkit.ranks import Ranks
from toolkit.tasks.kinds import KINDS, Kind
from toolkit.training.scaling import LossScale
from toolkit.training.seeding import restore_rng, rng_state
from toolkit.training.split import Share

IS_CONTRASTED: Mapping[Kind, bool] = {**dict.fromkeys(KINDS, False), "retrieval": True}
"""Whether the loss of a row depends on the other rows of its batch, by kind of task."""


def contrasted(
    circuit: Circuit, head: str, whole: Batch, shares: Sequence[Share], *, ranks: Ranks, units: float, scale: LossScale
) -> float:
    """Leave the gradients of some shares of a batch of queries and passages.

    Args:
        circuit: in training mode.
        head: that compares them, a `DualEncoder`.
        whole: the collated batch of all processes.
        shares: those of this process.
        units: what the sum of the losses is divided by.
        scale: of the loss that gradients are taken of.

    Returns:
        This process's share of the loss.
    """
    device, before = circuit.backbone.device, rng_state()
    encoder = cast(DualEncoder, circuit.heads[module_name(head)])
    batches = [{key: torch.from_numpy(value).to(device) for key, value in share.of(whole).items()} for share in shares]
    held: list[Tensor] = []
    for share, batch in zip(shares, batches, strict=True):
        restore_rng(before)
        with share.draws(), torch.no_grad():
            vectors = _vectors(circuit, encoder, batch)
        if share.weight:
            held.append(vectors)
    every = [vectors.to(device) for found in ranks.exchange([one.cpu() for one in held]) for vectors in found]
    vectors = torch.cat(every, dim=1).requires_grad_()  # [2, B, D]
    keys = torch.from_numpy(whole["keys"]).to(device)
    loss = item_losses("retrieval", encoder.compare(vectors[0], vectors[1]), {"keys": keys}).sum() / units / ranks.count
    torch.autograd.backward(scale.of(loss))
    assert vectors.grad is not None
    for share, batch in zip(shares, batches, strict=True):
        restore_rng(before)
        with share.draws():
            gradient = vectors.grad[:, share.low : share.high] * (share.weight * ranks.count)
            torch.autograd.backward(_vectors(circuit, encoder, batch), gradient)
    return float(loss.detach())


def _vectors(circuit: Circuit, encoder: DualEncoder, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the vectors of a batch's queries and passages: [2, B, D]."""
    passages = circuit.encode(batch["input_ids"], batch["attention_mask"]).float()
    queries = circuit.encode(batch["query_ids"], batch["query_mask"]).float()
    return torch.stack(
        [pool(queries, batch["query_mask"], encoder.pooling), pool(passages, batch["attention_mask"], encoder.pooling)]
    )
