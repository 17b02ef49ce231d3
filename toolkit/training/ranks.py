"""Several processes training one stage: `accelerate launch` or `torchrun` start them, this file is all they share.

Every process holds the whole circuit and takes its parts of each step's batch; the gradients of what learns are added up.
With a frozen backbone that is a few megabytes a step, so no model wrapper is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from torch import nn


class Ranks:
    """The processes of one run; alone, every method costs nothing.

    Attributes:
        count: number of processes.
        rank: this one, 0 being the main process, which alone writes files and records.
    """

    def __init__(self, device: torch.device) -> None:
        self.accelerator = Accelerator(cpu=device.type == "cpu")
        self.count = int(self.accelerator.num_processes)
        self.rank = int(self.accelerator.process_index)

    @property
    def is_main(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def add_gradients(
        self, parameters: Sequence[nn.Parameter], *, loss: float, is_asked: bool = False
    ) -> tuple[float, bool]:
        """Replace each gradient by its sum over the processes; what none of them used has none, as in one process.

        Args:
            parameters: what learns.
            loss: of this process's parts.
            is_asked: whether this process was asked to stop.

        Returns:
            The loss of the whole batch, and whether any process was asked to stop: all learn both at the same step,
            without a message of its own.
        """
        if self.count == 1:
            return loss, is_asked
        is_used = [parameter.grad is not None for parameter in parameters]
        held = [torch.zeros_like(one) if one.grad is None else one.grad for one in parameters]
        flat = torch.cat([one.flatten() for one in held])
        flat = torch.cat([flat, flat.new_tensor([*map(float, is_used), loss, float(is_asked)])])
        flat = self.accelerator.reduce(flat, reduction="sum")
        at, uses = 0, flat[-2 - len(held) : -2].tolist()
        for parameter, n_users in zip(parameters, uses, strict=True):
            gradient = flat[at : at + parameter.numel()].view_as(parameter).clone()
            parameter.grad = gradient if n_users else None
            at += parameter.numel()
        return float(flat[-2]), bool(flat[-1] > 0)

    def agree(self, value: float) -> float:
        """Return the main process's value in every process: decisions must not differ by a rounding."""
        if self.count == 1:
            return value
        held = [value]
        broadcast_object_list(held)
        return held[0]

    def gather(self, value: Any) -> list[Any]:
        """Return every process's value, in order of rank."""
        return [value] if self.count == 1 else gather_object([value])

    def wait(self) -> None:
        """Wait until every process is here."""
        self.accelerator.wait_for_everyone()
