r"""A frozen layer as one piece of code: attention and feed-forward block with a backward pass that keeps what adapters need.

With s = W_o attend(x) + x, a = LN(s), u = W_1 a and f = W_2 gelu(u), a layer gives f and a to its adapters. Backward, nothing is
computed for weights, and kept are q, k and v, s, and u: the GELU is not, it is the cheap part. Everything stays in the format
of the weights, so that nothing is cast between the products; bottlenecks that are neither fused nor averaged are computed from
s' = f + a without the library's walk through its blocks.

Where the head reads the first token alone, the last layer computes that token's attention and feed-forward block alone
(`Circuit.answer`); its keys and values are of all tokens.

The same function as the library's layer: tests/modeling/test_frozen.py compares outputs and gradients for every kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from toolkit.modeling.attending import Way, additive
from toolkit.modeling.attention import joined
from toolkit.modeling.fold import Uncovered, plain_member
from toolkit.modeling.libraries import Stack
from toolkit.modeling.override import overridden, override, restore
from toolkit.modeling.precision import products_in
from toolkit.modeling.products import expand, is_gelu, linear


@dataclass
class FrozenLayer:
    """Override of a layer's `forward`; what is not covered takes the layer's own.

    Attributes:
        layer: the library's.
        way: of its attention.
        is_first: whether the first token alone is wanted, [B, 1, H]; `first_token` sets it.
    """

    layer: Any
    way: Way
    is_first: bool = False

    def __call__(
        self, hidden: Tensor, attention_mask: Tensor | None = None, *args: Any, **kwargs: Any
    ) -> tuple[Any, ...]:
        """Map hidden states [B, T, H] to hidden states [B, T, H], or [B, 1, H]."""
        return self.now()(hidden, attention_mask, *args, **kwargs)

    def now(self) -> Callable[..., tuple[Any, ...]]:
        """Return the layer as it is set now, for a pass that will be made again later."""
        return partial(self._compute, self.is_first)

    def _compute(
        self, is_first: bool, hidden: Tensor, attention_mask: Tensor | None = None, *args: Any, **kwargs: Any
    ) -> tuple[Any, ...]:
        if not self._covers(hidden, args, kwargs):
            found: tuple[Any, ...] = type(self.layer).forward(self.layer, hidden, attention_mask, *args, **kwargs)
            return (found[0][:, :1], *found[1:]) if is_first else found
        output = self.layer.output
        names = _chain(output)
        arguments = (hidden, additive(attention_mask, hidden.dtype), self, is_first)
        if torch.is_grad_enabled() and hidden.requires_grad:
            f, a = _apply(*arguments)
        else:
            with torch.no_grad():
                f, a, _ = _forward(*arguments, keeps=False)
        if names is None:
            return (output.bottleneck_layer_forward(f, a, output.LayerNorm),)
        s = f + a
        for name in names:
            member = output.adapters[name]
            s = s + member.dropout(member.adapter_up(member.adapter_down(output.LayerNorm(s))))
        return (output.LayerNorm(s),)

    def _covers(self, hidden: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        layer = self.layer
        weight = layer.output.dense.weight
        return not (
            layer.training  # dropout
            or any(one is not None for one in args)
            or any(kwargs.get(one) is not None for one in ("head_mask", "past_key_values"))
            or kwargs.get("output_attentions", False)
            or hidden.dtype != weight.dtype
            or weight.requires_grad
            or layer.attention.output.adapters
            or torch.compiler.is_compiling()
            or torch.compiler.is_exporting()
        )


def install_frozen(encoder: Any, way: Way) -> None:
    """Let every layer of a frozen encoder, whose attention is installed, be computed in one piece."""
    for layer in encoder.encoder.layer:
        if is_gelu(layer.intermediate.intermediate_act_fn) and layer.chunk_size_feed_forward == 0:
            override(layer, "forward", FrozenLayer(layer, way))


def remove_frozen(encoder: Any) -> None:
    """Let every layer be computed as the library does."""
    for layer in encoder.encoder.layer:
        restore(layer, "forward")


@contextmanager
def first_token(encoder: Any) -> Iterator[None]:
    """Compute the last layer for the first token alone inside this block: hidden states are [B, 1, H], where the layer is in one piece."""
    last = overridden(encoder.encoder.layer[-1], "forward")
    last = getattr(last, "inner", last)
    if not isinstance(last, FrozenLayer):
        yield
        return
    last.is_first = True
    try:
        yield
    finally:
        last.is_first = False


def _chain(output: Any) -> list[str] | None:
    """Return the bottlenecks that a layer's states flow through, one after another; None where the library's code is to run."""
    if any(overridden(output, one) for one in ("bottleneck_layer_forward", "compose")):
        return None
    setup = output.get_active_setup()
    if setup is None:
        return []
    units = list(setup) if isinstance(setup, Stack) else [setup]
    if not all(isinstance(one, str) for one in units):
        return None
    names = [one for one in units if one in output.adapters]
    try:
        for name in names:
            plain_member(output, name)
    except Uncovered:
        return None
    return names


def _forward(
    x: Tensor, bias: Tensor | None, frozen: FrozenLayer, is_first: bool, *, keeps: bool
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Return f and a, [B, T or 1, H] each, and what the backward pass needs: s, its mean and deviation, u, and what attention kept."""
    layer = frozen.layer
    weight, vector = joined(layer.attention.self)
    rows, length, width = x.shape
    heads = layer.attention.self.num_attention_heads
    flat, n = x.reshape(-1, width), 1 if is_first else length
    with products_in("fp32", x.device.type):
        if is_first:
            rest = x[:, 0]
            query = linear(rest, weight[:width], vector[:width]).view(rows, 1, heads, -1).transpose(1, 2)
            pair = linear(flat, weight[width:], vector[width:]).view(rows, length, 2, heads, -1)
            key, value = pair.permute(2, 0, 3, 1, 4)
        else:
            rest = flat
            query, key, value = linear(flat, weight, vector).view(rows, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
        found, kept = frozen.way.forward(query, key, value, bias)
        after, norm = layer.attention.output.dense, layer.attention.output.LayerNorm
        s = linear(found.transpose(1, 2).reshape(-1, width), after.weight, after.bias) + rest
        a, mean, deviation = torch.native_layer_norm(s, (width,), norm.weight, norm.bias, norm.eps)
        dense = layer.intermediate.dense
        u = linear(a, dense.weight, dense.bias) if keeps else a
        g = torch.nn.functional.gelu(u) if keeps else expand(a, dense.weight, dense.bias)
        f = linear(g, layer.output.dense.weight, layer.output.dense.bias)
    shape = (rows, n, width)
    return f.view(shape), a.view(shape), (s, mean, deviation, u, *kept) if keeps else ()


class _Layer(torch.autograd.Function):
    """x -> f, a."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor | None, frozen: FrozenLayer, is_first: bool) -> tuple[Tensor, Tensor]:
        f, a, kept = _forward(x, bias, frozen, is_first, keeps=True)
        ctx.save_for_backward(bias, *kept)
        ctx.frozen, ctx.shape = frozen, x.shape
        return f, a

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, by_f: Tensor, by_a: Tensor) -> tuple[Tensor | None, ...]:
        layer, (rows, length, width) = ctx.frozen.layer, ctx.shape
        bias, s, mean, deviation, u, *kept = ctx.saved_tensors
        n = by_f.shape[1]
        weight, _ = joined(layer.attention.self)
        norm = layer.attention.output.LayerNorm
        with products_in("fp32", s.device.type):
            by_u = linear(by_f.reshape(-1, width), layer.output.dense.weight.t())
            torch.ops.aten.gelu_backward.grad_input(by_u, u, grad_input=by_u)
            by = linear(by_u, layer.intermediate.dense.weight.t()).add_(by_a.reshape(-1, width))
            del by_u, u
            wanted = [True, False, False]
            by_s, _, _ = torch.ops.aten.native_layer_norm_backward(
                by, s, (width,), mean, deviation, norm.weight, norm.bias, wanted
            )
            by_found = linear(by_s, layer.attention.output.dense.weight.t()).view(rows, n, -1, kept[0].shape[-1])
            by_query, by_key, by_value = ctx.frozen.way.backward(by_found.transpose(1, 2), tuple(kept), bias)
            heads, size = by_key.shape[1], by_key.shape[3]
            if n == length:
                by_joined = s.new_empty(rows, length, 3, heads, size)
                for place, one in enumerate((by_query, by_key, by_value)):
                    by_joined[:, :, place].copy_(one.transpose(1, 2))
                found = linear(by_joined.view(-1, 3 * width), weight.t()).add_(by_s).view(ctx.shape)
            else:
                by_joined = s.new_empty(rows, length, 2, heads, size)
                for place, one in enumerate((by_key, by_value)):
                    by_joined[:, :, place].copy_(one.transpose(1, 2))
                found = linear(by_joined.view(-1, 2 * width), weight[width:].t()).view(ctx.shape)
                first = by_query.transpose(1, 2).reshape(rows, width).to(s.dtype)
                found[:, 0] += linear(first, weight[:width].t()).add_(by_s)
        return found, None, None, None


_apply: Callable[..., tuple[Tensor, Tensor]] = _Layer.apply
