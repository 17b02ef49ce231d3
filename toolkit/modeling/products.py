"""Matrix products in fp32 on a CPU by oneDNN, which torch contains but uses for other precisions only.

torch hands fp32 products to the BLAS it was built with. oneDNN multiplied 2.2 times as fast on an AMD EPYC with AVX-512 (torch 2.13,
two cores: 480 against 212 GFLOP/s); other processors were not measured. Both are IEEE fp32; they sum in another order, so results
differ in rounding. Whatever is not fp32 on an x86 CPU, and whatever torch compiles, takes torch's own product.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.modeling.override import override

# Below this a product is over before the call into oneDNN is.
LEAST_WEIGHTS = 2**14
HAS_ONEDNN = torch.backends.mkldnn.is_available() and platform.machine() in ("x86_64", "AMD64")


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x W^T + b, as `torch.nn.functional.linear` does: [..., I], [O, I] and [O] -> [..., O]."""
    if not _is_covered(x, weight):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled() and any(one is not None and one.requires_grad for one in (x, weight, bias)):
        apply: Callable[..., Tensor] = _Linear.apply
        return apply(x, weight, bias)
    return _product(x, weight, bias)


def expand(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return gelu(x W^T + b), in one call where oneDNN has it; without gradients."""
    is_narrow = x.dtype == weight.dtype == torch.bfloat16 and x.device.type == "cpu"
    if (is_narrow and _multiplies_bf16()) or _is_covered(x, weight):
        return _product(x, weight, bias, "gelu")
    return F.gelu(F.linear(x, weight, bias))


def install_products(module: nn.Module) -> None:
    """Let every `nn.Linear` inside a module multiply here, and a feed-forward's GELU be applied on the way where nothing learns."""
    for inner in module.modules():
        if isinstance(inner, nn.Linear):
            override(inner, "forward", partial(_forward, inner))  # LoRA's too, which is not part of the toolkit
        elif hasattr(inner, "intermediate_act_fn"):
            override(inner, "forward", partial(_expand, inner))


def _forward(layer: nn.Linear, x: Tensor, *_: Any, **__: Any) -> Tensor:
    return linear(x, layer.weight, layer.bias)


def _expand(block: Any, x: Tensor) -> Tensor:
    """Override of the first half of a feed-forward block: act(W x + b)."""
    weight, bias = block.dense.weight, block.dense.bias
    if not torch.is_grad_enabled() and is_gelu(block.intermediate_act_fn) and _is_covered(x, weight):
        return _product(x, weight, bias, "gelu")
    activated: Tensor = block.intermediate_act_fn(block.dense(x))
    return activated


def is_gelu(function: Any) -> bool:
    """Return whether an activation is the exact GELU."""
    return getattr(function, "act", function) in (F.gelu, torch._C._nn.gelu)


def _is_covered(x: Tensor, weight: Tensor) -> bool:
    return (
        HAS_ONEDNN
        and weight.numel() >= LEAST_WEIGHTS
        and x.numel() > 0
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == weight.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


@cache
def _multiplies_bf16() -> bool:
    """Return whether oneDNN has products in bf16 here, which the processor's name does not say: its widest set can be limited."""
    if not HAS_ONEDNN:
        return False
    one = torch.ones(16, 16, dtype=torch.bfloat16)
    try:
        _product(one, one, one[0], "gelu")
    except RuntimeError:
        return False
    return True


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    algorithm = "none" if activation == "gelu" else ""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], algorithm)
    return product


class _Linear(torch.autograd.Function):
    """The product with its gradients; what is frozen is not kept for them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        wants_x, wants_weight, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if wants_weight else None, weight if wants_x else None)
        return _product(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias = ctx.needs_input_grad
        gradient = gradient.contiguous()
        rows = gradient.reshape(-1, gradient.shape[-1])  # [N, O]
        return (
            _product(gradient, weight.t()) if wants_x else None,
            _product(rows.t(), x.reshape(-1, x.shape[-1]).t()) if wants_weight else None,
            rows.sum(0) if wants_bias else None,
        )
