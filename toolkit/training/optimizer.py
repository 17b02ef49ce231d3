"""AdamW on exactly the parameters that learn, with linear warm-up and decay."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR


def build_optimizer(
    learn: Mapping[str, nn.Parameter], *, lr: float, fusion_lr: float, weight_decay: float, device: torch.device
) -> AdamW:
    """Return AdamW over `learn`: fusions at `fusion_lr`, adapters and heads at `lr`.

    Args:
        learn: parameters by `kind:name/key` (`Circuit.learnable`).
        weight_decay: decoupled decay of matrices; biases and one-dimensional scales never decay. Fusion matrices never
            decay either: decay pulls the value matrix towards 0, its regulariser towards the identity.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in learn.items():
        is_fusion = name.startswith("fusion:")
        decay = 0.0 if is_fusion or parameter.ndim < 2 else weight_decay
        groups.setdefault((fusion_lr if is_fusion else lr, decay), []).append(parameter)
    return AdamW(
        [{"params": held, "lr": rate, "weight_decay": decay} for (rate, decay), held in groups.items()],
        betas=(0.9, 0.999),
        eps=1e-8,
        # One kernel over all tensors: an adapter's many small matrices otherwise cost more to visit than to update.
        fused=device.type in ("cpu", "cuda"),
    )


def linear_schedule(optimizer: AdamW, *, total_steps: int, warmup_ratio: float) -> LambdaLR:
    """Return a schedule that rises linearly over the first `warmup_ratio` of the steps and falls linearly to 0."""
    warmup = max(round(total_steps * warmup_ratio), 1) if warmup_ratio > 0 else 0

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return max(0.0, (total_steps - step) / max(1, total_steps - warmup))

    return LambdaLR(optimizer, factor)
