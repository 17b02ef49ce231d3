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

Source: Pfeiffer et al. 2021, *AdapterFusion* (arXiv 2005.00247); `adapters` 1.3.0 `BottleneckLayer.compose_fuse` and
`BertFusion.forward`, against which tests/modeling/test_fusion.py compares outputs and gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from adapters.composition import AdapterCompositionBlock, Stack
from adapters.context import ForwardContext
from adapters.methods.bottleneck import BottleneckLayer
from adapters.methods.modeling import Adapter
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.errors import ToolkitError

MODES = ("fast", "reference")


def install_fusion(layers: Sequence[tuple[str, BottleneckLayer]], mode: str) -> None:
    """Let the adapter `layers` compute their fusions by `mode`: `fast` or `reference` (the library's own code)."""
    if mode not in MODES:
        raise ToolkitError(f"No fusion path named '{mode}'. Known: {', '.join(MODES)}.")
    for _, layer in layers:
        # An attribute of the instance shadows the library's method; the class stays as it is for everybody else.
        layer.__dict__.pop("compose_fuse", None)
        if mode == "fast":
            layer.__dict__["compose_fuse"] = partial(_compose_fuse, layer)


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


def _compose_fuse(layer: BottleneckLayer, setup: Any, state: Any, lvl: int = 0) -> Any:
    """Stand in for `BottleneckLayer.compose_fuse`; what is not covered takes the library's path."""
    if uncovered(layer, setup) is not None:
        return type(layer).compose_fuse(layer, setup, state, lvl=lvl)
    fusion = layer.adapter_fusion_layer[setup.name]
    last = layer.adapters[setup.last()]
    hidden, query, residual = last.pre_forward(
        state.hidden_states, state.input_tensor, state.layer_norm, fusion_config=fusion.config
    )
    state = state._replace(hidden_states=hidden, adapter_residual=residual)
    members = [layer.adapters[child if isinstance(child, str) else child.last()] for child in setup]
    z = _bottlenecks(layer, setup, members, state)  # [B, T, R], R = sum of the members' widths
    widths = [member.adapter_up.in_features for member in members]
    up = torch.cat([member.adapter_up.weight for member in members], dim=1)  # [H, R]
    up_bias = torch.stack([member.adapter_up.bias for member in members])  # [A, H]

    q = fusion.query(query)  # [B, T, H]
    w = q @ fusion.key.weight.to(q.dtype)  # [B, T, H]
    scores = sum_segments(F.linear(w, up.t()) * z, widths)  # [B, T, A]
    # The last term is the same for all members, so softmax drops it, but dropout on the logits does not.
    scores = scores + F.linear(w, up_bias) + F.linear(q, fusion.key.bias[None])
    attention = torch.softmax(fusion.dropout(scores), dim=-1)  # [B, T, A]
    context = F.linear(spread(attention, widths) * z, up) + F.linear(attention, up_bias.t())  # [B, T, H]
    if fusion.config["value"]:
        context = fusion.value(context)
    context = context + residual

    forward = ForwardContext.get_context()
    if forward is not None and forward.output_adapter_fusion_attentions:
        layer._store_fusion_attentions(setup.name, attention.detach().float().cpu().numpy())
    return state._replace(hidden_states=context, last=setup.last())


def _bottlenecks(layer: BottleneckLayer, setup: Any, members: list[Adapter], state: Any) -> Tensor:
    """Return all members' activations side by side: [B, T, R]; one product for those that read the same input."""
    plain = [i for i, child in enumerate(setup) if isinstance(child, str)]
    found: dict[int, Tensor] = {}
    if plain:
        weight = torch.cat([members[i].adapter_down[0].weight for i in plain])
        bias = torch.cat([members[i].adapter_down[0].bias for i in plain])
        widths = [members[i].adapter_up.in_features for i in plain]
        down = F.linear(state.hidden_states, weight, bias)
        if len({activation_key(members[i]) for i in plain}) == 1:
            down = members[plain[0]].adapter_down[1](down)
            if len(plain) == len(members):
                return down
            found |= dict(zip(plain, down.split(widths, dim=-1), strict=True))
        else:
            pieces = down.split(widths, dim=-1)
            found |= {i: members[i].adapter_down[1](piece) for i, piece in zip(plain, pieces, strict=True)}
    for i, child in enumerate(setup):
        if i in found:
            continue
        below = state
        for name in list(child)[:-1]:
            below = layer.compose_single(name, layer.pre_block(name, below))
        top = layer.pre_block(child.last(), below)
        found[i] = members[i].adapter_down(top.hidden_states)
    return torch.cat([found[i] for i in range(len(members))], dim=-1)


def _is_unscaled(member: Adapter) -> bool:
    """Whether a member's output is taken as it is; a learned scale may stand at 1 and still has a gradient."""
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
        return values.unflatten(-1, (len(widths), widths[0])).sum(-1)
    return torch.stack([piece.sum(-1) for piece in values.split(widths, dim=-1)], dim=-1)


def spread(attention: Tensor, widths: list[int]) -> Tensor:
    """Repeat each member's attention over its segment: [B, T, A] -> [B, T, R]."""
    if len(set(widths)) == 1:
        return attention.repeat_interleave(widths[0], dim=-1)
    return torch.cat([attention[..., i : i + 1].expand(*attention.shape[:-1], w) for i, w in enumerate(widths)], dim=-1)
