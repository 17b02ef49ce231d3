r"""AdapterFusion, re-associated: the library's function without its N up-projected copies of every token.

Per token, with f the FFN output, x the block's input, h = LN(f + x), members u_i = U_i z_i + b_i where z_i = act(D_i h + d_i)
has the bottleneck's width r, query q = W_q h + b_q:

    library                                   here
    k_i = W_k u_i + b_k                       w = W_k^T q                      (one [H, H] product instead of N)
    s_i = q . k_i                             s_i = (U_i^T w) . z_i + w . b_i + q . b_k
    v_i = W_v u_i                             c = W_v (sum_i a_i U_i z_i + sum_i a_i b_i)   (one instead of N)
    out = sum_i a_i v_i + f                   out = c + f

with a = softmax(dropout(s)). The same function and the same gradients, rounding apart; the vectors u_i of width H are never
materialised. Per layer about 3 H^2 + 3 N r H multiply-adds a token instead of (2N + 1) H^2 + 2 N r H.

A batch of more tokens than the members have widths and biases together (N r + N) is cheaper the other way round: W_k U, W_q^T W_k U
and W_v U are multiplied out once a pass, and each token meets matrices of N r + N rows only: 3 N r H multiply-adds a token.

Frozen members are laid side by side once; members that learn at every pass.

Source: Pfeiffer et al. 2021, *AdapterFusion* (arXiv 2005.00247); `adapters` 1.3.0 `BottleneckLayer.compose_fuse` and
`BertFusion.forward`, against which tests/modeling/test_fusion.py compares outputs and gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

import torch
from torch import Tensor, nn

from toolkit.config.words import FusionMode
from toolkit.errors import ToolkitError
from toolkit.modeling.libraries import Adapter, AdapterCompositionBlock, BottleneckLayer, ForwardContext, Fuse, Stack
from toolkit.modeling.override import override, restore
from toolkit.modeling.products import linear

MODES: tuple[FusionMode, ...] = get_args(FusionMode)


def install_fusion(layers: Sequence[tuple[str, BottleneckLayer]], mode: FusionMode) -> None:
    """Let the adapter `layers` compute their fusions by `mode`: `fast` or `reference` (the library's own code)."""
    if mode not in MODES:
        raise ToolkitError(f"No fusion path named '{mode}'. Known: {', '.join(MODES)}.")
    for _, layer in layers:
        remove_fusion(layer)
        if mode == "fast":
            override(layer, "compose_fuse", FastFusion(layer))


def remove_fusion(layer: BottleneckLayer) -> None:
    """Undo `install_fusion`."""
    restore(layer, "compose_fuse")


def fusion_path(layers: Sequence[tuple[str, BottleneckLayer]], setup: Any, mode: FusionMode) -> str:
    """Return how the fusions of a setup are computed, in words: `fast`, `reference`, or both and why; empty without a fusion."""
    fusions = list(_fusions(setup))
    if not fusions or mode == "reference":
        return mode if fusions else ""
    reasons = [reason for _, layer in layers for one in fusions if (reason := uncovered(layer, one)) is not None]
    if not reasons:
        return "fast"
    return f"fast, but {len(reasons)} of {len(layers) * len(fusions)} by the library's own code ({reasons[0]})"


def _fusions(setup: Any) -> Iterator[Fuse]:
    if isinstance(setup, Fuse):
        yield setup
    elif not isinstance(setup, str) and setup is not None:
        for child in setup:
            yield from _fusions(child)


def uncovered(layer: BottleneckLayer, setup: Any) -> str | None:
    """Return why the fast path does not cover a fusion, or None where it does."""
    config = layer.adapter_fusion_layer[setup.name].config
    if not (config["query"] and config["key"]):
        return "its configuration has no query or no key matrix"
    if config["residual_before"] or config["temperature"] or (config["value"] and not config["value_before_softmax"]):
        return "its configuration sets residual_before, temperature or value_before_softmax: false"
    for child in setup:
        last = child
        if isinstance(child, AdapterCompositionBlock):
            if not isinstance(child, Stack) or any(isinstance(unit, AdapterCompositionBlock) for unit in child):
                return "a member is neither an adapter nor a stack of adapters"
            last = child.last()
        missing = [name for name in ([child] if isinstance(child, str) else child) if name not in layer.adapters]
        if missing:
            return f"this layer has no adapter '{missing[0]}' (leave_out)"
        member = layer.adapters[last]
        if type(member) is not Adapter or not isinstance(member.adapter_up, nn.Linear):
            return f"member '{last}' is not a plain bottleneck (parallel or PHM)"
        if member.use_gating or member.add_layer_norm_before or hasattr(member, "DropPath") or not _is_unscaled(member):
            return f"member '{last}' uses gating, layer norm, stochastic depth or scaling"
    return None


@dataclass(frozen=True)
class Members:
    """The members of a fusion side by side; R is the sum of their widths, A their number.

    Attributes:
        down, down_bias: of the members that read the fusion's own input, [R', H] and [R'].
        up: up-projections, and their biases as further columns, [H, R + A].
    """

    down: Tensor | None
    down_bias: Tensor | None
    up: Tensor


class FastFusion:
    """Override of `BottleneckLayer.compose_fuse` of one layer; what is not covered takes the library's path."""

    def __init__(self, layer: BottleneckLayer) -> None:
        self.layer = layer
        self._held: dict[str, tuple[object, Members]] = {}

    def __call__(self, setup: Any, state: Any, lvl: int = 0) -> Any:
        """Compute the fusion `setup` from the library's `state`."""
        layer = self.layer
        if uncovered(layer, setup) is not None:
            return type(layer).compose_fuse(layer, setup, state, lvl=lvl)
        fusion = layer.adapter_fusion_layer[setup.name]
        last = layer.adapters[setup.last()]
        hidden, query, residual = last.pre_forward(
            state.hidden_states, state.input_tensor, state.layer_norm, fusion_config=fusion.config
        )
        state = state._replace(hidden_states=hidden, adapter_residual=residual)
        adapters = [layer.adapters[child if isinstance(child, str) else child.last()] for child in setup]
        members = self._members(setup, adapters)
        z = _bottlenecks(layer, setup, adapters, members, state)  # [B, T, R]
        context, attention = attend(fusion, query, z, members.up, tuple(one.adapter_up.in_features for one in adapters))

        forward = ForwardContext.get_context()
        if forward is not None and forward.output_adapter_fusion_attentions:
            layer._store_fusion_attentions(setup.name, attention.detach().float().cpu().numpy())
        return state._replace(hidden_states=context + residual, last=setup.last())

    def _members(self, setup: Any, adapters: list[Adapter]) -> Members:
        """Return the members side by side, from the last pass where they are frozen and nothing was written since."""
        plain = [adapters[i] for i, child in enumerate(setup) if isinstance(child, str)]
        if torch.compiler.is_compiling():
            return _joined(plain, adapters)
        weights = [parameter for one in adapters for parameter in one.parameters()]
        if any(weight.requires_grad or weight.is_inference() for weight in weights):
            self._held.pop(setup.name, None)
            return _joined(plain, adapters)
        kind = weights[0].device.type
        # Held in the precision that the products take, so that autocast has nothing to cast.
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        state = (dtype, *((weight.data_ptr(), weight._version) for weight in weights))
        if self._held.get(setup.name, (None,))[0] != state:
            with torch.inference_mode(False), torch.no_grad():  # else the next training step could not use it
                self._held[setup.name] = (state, _joined(plain, adapters, dtype))
        return self._held[setup.name][1]

    def held(self) -> list[Tensor]:
        """Return what is held between passes: weights that are fixed, laid out for the product."""
        return [
            one for _, held in self._held.values() for one in (held.down, held.down_bias, held.up) if one is not None
        ]


def attend(fusion: Any, query: Tensor, z: Tensor, up: Tensor, widths: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the attended members and the attention.

    Args:
        fusion: the library's `BertFusion`, whose weights are taken as they are.
        query: [B, T, H].
        z: the members' activations side by side, [B, T, R].
        up: as in `Members`, [H, R + A].
        widths: of the members; they sum to R.

    Returns:
        [B, T, H] and [B, T, A].
    """
    key, is_wide = fusion.key, is_weights_first(query.numel() // query.shape[-1], up.shape[1])
    members = _memberships(widths, z.dtype, z.device)  # [R, A]
    q = None
    if is_wide:
        seen = linear(up.t(), key.weight)  # [R + A, H], what a query meets
        by = linear(query, linear(seen, fusion.query.weight.t()), linear(seen, fusion.query.bias[None])[:, 0])
    else:
        q = linear(query, fusion.query.weight, fusion.query.bias)  # [B, T, H]
        by = linear(linear(q, key.weight.t()), up.t())  # [B, T, R + A]
    by_activation, by_bias = torch.split(by, [z.shape[-1], len(widths)], dim=-1)
    scores = linear(by_activation * z, members.t()) + by_bias  # [B, T, A]
    # The same for all members, so softmax drops it, but dropout on the logits does not.
    if q is not None:
        scores = scores + linear(q, key.bias[None])
    else:
        through = linear(key.bias[None], fusion.query.weight.t())  # [1, H]
        scores = scores + linear(query, through, linear(key.bias[None], fusion.query.bias[None])[0])
    attention = torch.softmax(fusion.dropout(scores), dim=-1)
    mixed = torch.cat([linear(attention, members) * z, attention.to(z.dtype)], dim=-1)  # [B, T, R + A]
    if not fusion.config["value"]:
        return linear(mixed, up), attention
    if is_wide:
        return linear(mixed, linear(fusion.value.weight, up.t())), attention
    return linear(linear(mixed, up), fusion.value.weight), attention


def is_weights_first(n_tokens: int, width: int) -> bool:
    """Whether multiplying the weights out first is cheaper: more tokens than rows in what they are multiplied out to.

    Example:
        >>> is_weights_first(8 * 64, 9 * 65), is_weights_first(8 * 128, 9 * 65)
        (False, True)
    """
    return n_tokens > width


@lru_cache(maxsize=64)
def _memberships(widths: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return which activation is whose: [R, A] of 0 and 1. A product with it sums over members, or spreads to them."""
    with torch.inference_mode(False):
        ones = [torch.ones(width, 1, dtype=dtype, device=device) for width in widths]
        found: Tensor = torch.block_diag(*ones)
        return found


def _joined(plain: list[Adapter], adapters: list[Adapter], dtype: torch.dtype | None = None) -> Members:
    down = torch.cat([one.adapter_down[0].weight for one in plain]) if plain else None
    down_bias = torch.cat([one.adapter_down[0].bias for one in plain]) if plain else None
    biases = torch.stack([one.adapter_up.bias for one in adapters], dim=1)  # [H, A]
    up = torch.cat([*(one.adapter_up.weight for one in adapters), biases], dim=1)
    if dtype is None or down is None or down_bias is None:
        return Members(down, down_bias, up if dtype is None else up.to(dtype))
    return Members(down.to(dtype), down_bias.to(dtype), up.to(dtype))


def _bottlenecks(layer: BottleneckLayer, setup: Any, adapters: list[Adapter], members: Members, state: Any) -> Tensor:
    """Return all members' activations side by side: [B, T, R]; one product for those that read the same input."""
    found: dict[int, Tensor] = {}
    if members.down is not None:
        plain = [i for i, child in enumerate(setup) if isinstance(child, str)]
        down = linear(state.hidden_states, members.down, members.down_bias)
        widths = [adapters[i].adapter_up.in_features for i in plain]
        if len({activation_key(adapters[i]) for i in plain}) == 1:
            z: Tensor = adapters[plain[0]].adapter_down[1](down)
            if len(plain) == len(adapters):
                return z
            found |= dict(zip(plain, torch.split(z, widths, dim=-1), strict=True))
        else:
            pieces = torch.split(down, widths, dim=-1)
            found |= {i: adapters[i].adapter_down[1](piece) for i, piece in zip(plain, pieces, strict=True)}
    for i, child in enumerate(setup):
        if i in found:
            continue
        below = state
        for name in list(child)[:-1]:
            below = layer.compose_single(name, layer.pre_block(name, below))
        top = layer.pre_block(child.last(), below)
        found[i] = adapters[i].adapter_down(top.hidden_states)
    return torch.cat([found[i] for i in range(len(adapters))], dim=-1)


def _is_unscaled(member: Adapter) -> bool:
    """Whether a member's output is taken as it is; a learned scale of 1 still has a gradient."""
    return isinstance(member.scaling, (int, float)) and member.scaling == 1.0


def activation_key(member: Adapter) -> object:
    """Return what tells two members' activations apart: the function itself, a module's type, or a module with weights."""
    f = member.non_linearity.f
    if isinstance(f, nn.Module) and next(f.parameters(), None) is None:
        return type(f)
    return f


def sum_segments(values: Tensor, widths: list[int]) -> Tensor:
    """Sum [B, T, R] over each member's segment: [B, T, A]."""
    if len(set(widths)) == 1:
        return torch.unflatten(values, -1, (len(widths), widths[0])).sum(-1)
    return torch.stack([piece.sum(-1) for piece in torch.split(values, widths, dim=-1)], dim=-1)


def spread(attention: Tensor, widths: list[int]) -> Tensor:
    """Repeat each member's attention over its segment: [B, T, A] -> [B, T, R]."""
    if len(set(widths)) == 1:
        return attention.repeat_interleave(widths[0], dim=-1)
    return torch.cat([attention[..., i : i + 1].expand(*attention.shape[:-1], w) for i, w in enumerate(widths)], dim=-1)
