"""Several processes training one stage: `accelerate launch` or `torchrun` start them, this file is all they share.

Every process holds the whole circuit and takes its own batches; the gradients of what learns are averaged. With a frozen
backbone that is a few megabytes a step, so no model wrapper is needed, and a mixture may give each process another head.
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

    def average_gradients(self, parameters: Sequence[nn.Parameter], *, is_asked: bool = False) -> bool:
        """Replace each gradient by its mean over the processes; a parameter unused here counts as 0.

        Args:
            parameters: what learns.
            is_asked: whether this process was asked to stop.

        Returns:
            Whether any process was: all learn it at the same step, without a message of its own.
        """
        if self.count == 1:
            return is_asked
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([parameter.grad.flatten() for parameter in parameters if parameter.grad is not None])
        flat = torch.cat([flat, flat.new_tensor([float(is_asked)])])
        flat = self.accelerator.reduce(flat, reduction="mean")
        at = 0
        for parameter in parameters:
            parameter.grad = flat[at : at + parameter.numel()].view_as(parameter).clone()
            at += parameter.numel()
        return bool(flat[-1] > 0)

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
