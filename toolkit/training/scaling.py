"""Scale of the loss in fp16, whose smallest number is 6e-8: gradients below it would be lost.

The loss is multiplied before the backward pass, and the gradients are divided before they are clipped. A step whose gradients
are not finite is skipped and the scale halved; it doubles after 2,000 steps without that. In fp32 and bf16 nothing is scaled.

Source: Micikevicius et al. 2018, *Mixed Precision Training* (arXiv 1710.03740); `torch.amp.GradScaler`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from toolkit.modeling.precision import Precision

MOST_HALVINGS = 16
"""Steps in a row that may be skipped: the first scale, 65536, is down to 1 then."""


class LossScale:
    """The scale of one training run.

    Args:
        precision: of the products; nothing is scaled but in `fp16`.
        device: where the gradients are.

    Attributes:
        skipped: steps that were skipped because their gradients were not finite.
        in_a_row: how many of them since the last step that was taken.
    """

    def __init__(self, precision: Precision, device: torch.device) -> None:
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self.skipped = 0
        self.in_a_row = 0

    @property
    def is_on(self) -> bool:
        """Whether losses are scaled."""
        return bool(self._scaler.is_enabled())

    @property
    def value(self) -> float:
        """What losses are multiplied by; 1 where nothing is scaled."""
        return float(self._scaler.get_scale())

    def of(self, loss: Tensor) -> Tensor:
        """Return the loss to take gradients of."""
        scaled: Tensor = self._scaler.scale(loss)
        return scaled

    def unscale(self, optimizer: Optimizer) -> None:
        """Divide the gradients of what learns by the scale; processes that added theirs up find the same."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> bool:
        """Take a step unless its gradients are not finite, set the scale, and return whether it was taken."""
        before = self.value
        self._scaler.step(optimizer)
        self._scaler.update()
        is_taken = self.value >= before
        self.skipped += not is_taken
        self.in_a_row = 0 if is_taken else self.in_a_row + 1
        return is_taken

    def to_checkpoint(self) -> dict[str, Any]:
        """Return the state that a checkpoint holds; empty where nothing is scaled."""
        if not self.is_on:
            return {}
        return {**self._scaler.state_dict(), "skipped": self.skipped, "in_a_row": self.in_a_row}

    def from_checkpoint(self, saved: Mapping[str, Any]) -> None:
        """Continue with the state of a checkpoint."""
        if not self.is_on:
            return
        held = dict(saved)
        self.skipped, self.in_a_row = held.pop("skipped"), held.pop("in_a_row")
        self._scaler.load_state_dict(held)
