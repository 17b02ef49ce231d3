"""Gradients of several processes that train one stage together.

Every process holds the whole circuit and takes its parts of each step's batch; the gradients of what learns are added up.
With a frozen backbone that is a few megabytes a step, so no model wrapper is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import distributed, nn

from toolkit.ranks import Ranks, lost_as_an_error


def add_gradients(
    ranks: Ranks, parameters: Sequence[nn.Parameter], *, loss: float, is_asked: bool = False
) -> tuple[float, bool]:
    """Replace each gradient by its sum over the processes; what none of them used has none, as in one process.

    Args:
        ranks: the processes.
        parameters: what learns.
        loss: of this process's parts.
        is_asked: whether this process was asked to stop.

    Returns:
        The loss of the whole batch, and whether any process was asked to stop: all learn both at the same step, without
        a message of its own.
    """
    if ranks.count == 1:
        return loss, is_asked
    is_used = [parameter.grad is not None for parameter in parameters]
    held = [torch.zeros_like(one) if one.grad is None else one.grad for one in parameters]
    flat = torch.cat([one.flatten() for one in held])
    flat = torch.cat([flat, flat.new_tensor([*map(float, is_used), loss, float(is_asked)])])
    with lost_as_an_error():
        distributed.all_reduce(flat)
    at, uses = 0, flat[-2 - len(held) : -2].tolist()
    for parameter, n_users in zip(parameters, uses, strict=True):
        gradient = flat[at : at + parameter.numel()].view_as(parameter).clone()
        parameter.grad = gradient if n_users else None
        at += parameter.numel()
    return float(flat[-2]), bool(flat[-1] > 0)
