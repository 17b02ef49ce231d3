r"""Folded inference: everything that is fixed for a frozen composition, multiplied out once for each layer.

With s = f + x (FFN output and block input) the layer computes s <- s + update(s) for each unit of the chain, then LN(s).

- A bottleneck's update is U act(D LN(s) + d) + b: two products on cast weights, without the library's walk through its blocks.
- An average of bottlenecks is one bottleneck as wide as all of them, its up-projections scaled by the weights.
- A fusion's scores are linear in LN(s) given the activations z_i: s_i = (U_i^T W_k^T W_q h) . z_i + b_i . (W_k^T W_q h) + ...,
  so U^T W_k^T W_q is one [R, H] matrix, and W_v U one [H, R]: two products a layer for any number of members. The term q . b_k
  is the same for all members and leaves the softmax without dropout as it is.

The products are made in float64 and rounded once, to the circuit's precision.

Source: REFERENCE section 4 of the design, measured in benchmarks/fusion.py; tests/modeling/test_fold.py compares with the
unfolded circuit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.modeling.fusion import activation_key, spread, sum_segments, uncovered
from toolkit.modeling.libraries import Adapter, AdapterCompositionBlock, Average, BottleneckLayer, Fuse, Stack
from toolkit.modeling.override import overridden, override, restore
from toolkit.modeling.products import linear
from toolkit.modeling.wiring import Rows, names_of

Norm = Callable[[Tensor], Tensor]
# One unit of a chain: s [B, T, H], the block's input x [B, T, H] and the layer norm -> the next s.
Step = Callable[[Tensor, Tensor, Norm], Tensor]


class Uncovered(Exception):
    """A layer cannot be folded, for the reason in the message; it then takes the unfolded path."""


@dataclass(frozen=True)
class FoldedLayer:
    """Override of `BottleneckLayer.bottleneck_layer_forward` of one layer: the steps of each unit of the chain."""

    units: tuple[tuple[Step, ...], ...]

    def __call__(self, hidden_states: Tensor, residual_input: Tensor, layer_norm: Norm) -> Tensor:
        """Map the FFN output and the block's input, [B, T, H] each, to the layer's output [B, T, H]."""
        s = hidden_states + residual_input
        for steps in self.units:
            for step in steps:
                s = step(s, residual_input, layer_norm)
        return layer_norm(s)


@torch.no_grad()
def fold_layers(
    layers: Sequence[tuple[str, BottleneckLayer]],
    setup: AdapterCompositionBlock | str,
    dtype: torch.dtype,
    *,
    changed: Collection[str] | None = None,
) -> dict[str, str]:
    """Let each layer take its folded form; return why, by path, for those that have none and stay as they are.

    Args:
        changed: names of the modules whose weights changed since they were folded: of a layer that is folded, units without them
            stay as they are. None: all are folded.
    """
    unfolded: dict[str, str] = {}
    units = list(setup) if isinstance(setup, Stack) else [setup]
    # Matrices made in inference mode could not be used outside it.
    with torch.inference_mode(False):
        for path, layer in layers:
            held = overridden(layer, "bottleneck_layer_forward")
            kept = held.units if changed is not None and isinstance(held, FoldedLayer) else (None,) * len(units)
            try:
                folded = tuple(
                    _unit(layer, unit, dtype) if before is None or names_of(unit) & set(changed or ()) else before
                    for unit, before in zip(units, kept, strict=True)
                )
            except Uncovered as reason:
                unfolded[path] = str(reason)
            else:
                override(layer, "bottleneck_layer_forward", FoldedLayer(folded))
    return unfolded


def unfold_layers(layers: Sequence[tuple[str, BottleneckLayer]]) -> None:
    """Undo `fold_layers`."""
    for _, layer in layers:
        restore(layer, "bottleneck_layer_forward")


def _steps(layer: BottleneckLayer, setup: AdapterCompositionBlock | str, dtype: torch.dtype) -> tuple[Step, ...]:
    units = setup if isinstance(setup, Stack) else [setup]
    return tuple(step for unit in units for step in _unit(layer, unit, dtype))


def _unit(layer: BottleneckLayer, unit: AdapterCompositionBlock | str, dtype: torch.dtype) -> tuple[Step, ...]:
    if isinstance(unit, Fuse):
        return (_fusion(layer, unit, dtype),)
    if isinstance(unit, Average):
        return (_average(layer, unit, dtype),)
    if isinstance(unit, Rows):
        return (_Rows(tuple(_steps(layer, member, dtype) for member in unit)),)
    if not isinstance(unit, str):
        raise Uncovered(f"{type(unit).__name__} has no folded form")
    if unit not in layer.adapters:  # the library skips what a layer does not hold (leave_out)
        return ()
    return (_bottleneck([plain_member(layer, unit)], [1.0], dtype),)


def plain_member(layer: BottleneckLayer, name: str) -> Adapter:
    """Return an adapter whose output is U act(D h + d) + b and nothing else."""
    member = layer.adapters[name]
    if type(member) is not Adapter or not isinstance(member.adapter_up, nn.Linear):
        raise Uncovered(f"adapter '{name}' is not a plain bottleneck (parallel or PHM)")
    is_scaled = not isinstance(member.scaling, (int, float)) or member.scaling != 1.0
    if member.use_gating or member.add_layer_norm_before or member.add_layer_norm_after or hasattr(member, "DropPath"):
        raise Uncovered(f"adapter '{name}' uses gating, a layer norm of its own or stochastic depth")
    places = (member.original_ln_before, member.original_ln_after, member.residual_before_ln is True)
    if is_scaled or not all(places) or member.adapter_residual_before_ln:
        raise Uncovered(f"adapter '{name}' is scaled, or has its residual or layer norm elsewhere")
    return member


# -- bottlenecks ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Bottleneck:
    """One or several bottlenecks side by side that read the same input; their outputs are added up."""

    down: Tensor  # [R, H]
    down_bias: Tensor  # [R]
    activate: Callable[[Tensor], Tensor]
    up: Tensor  # [H, R]
    up_bias: Tensor  # [H]

    def __call__(self, s: Tensor, x: Tensor, norm: Norm) -> Tensor:
        z = self.activate(linear(norm(s), self.down, self.down_bias))
        return s + linear(z, self.up, self.up_bias)


def _bottleneck(members: Sequence[Adapter], weights: Sequence[float], dtype: torch.dtype) -> _Bottleneck:
    down, down_bias = _down(members)
    up = torch.cat([w * member.adapter_up.weight.double() for member, w in zip(members, weights, strict=True)], 1)
    up_bias = torch.stack([w * member.adapter_up.bias.double() for member, w in zip(members, weights, strict=True)])
    return _Bottleneck(
        _held(down, dtype),
        _held(down_bias, dtype),
        _activation(members),
        _held(up, dtype),
        _held(up_bias.sum(0), dtype),
    )


def _down(members: Sequence[Adapter]) -> tuple[Tensor, Tensor]:
    """Return the members' down-projections side by side: float64 [R, H] and [R]."""
    layers = [member.adapter_down[0] for member in members]
    return torch.cat([one.weight.double() for one in layers]), torch.cat([one.bias.double() for one in layers])


def _activation(members: Sequence[Adapter]) -> Callable[[Tensor], Tensor]:
    """Return what applies each member's non-linearity to its own segment of [B, T, R]."""
    functions: list[Callable[[Tensor], Tensor]] = [member.adapter_down[1] for member in members]
    if len({activation_key(member) for member in members}) == 1:
        return functions[0]
    widths = [member.adapter_up.in_features for member in members]

    def by_segment(down: Tensor) -> Tensor:
        pieces = torch.split(down, widths, dim=-1)
        return torch.cat([f(piece) for f, piece in zip(functions, pieces, strict=True)], dim=-1)

    return by_segment


# -- averages and rows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Average:
    """The weighted average of chains; members of a single adapter are in `plain`, as one wide bottleneck."""

    plain: _Bottleneck | None
    chains: tuple[tuple[float, tuple[Step, ...]], ...]

    def __call__(self, s: Tensor, x: Tensor, norm: Norm) -> Tensor:
        total = s if self.plain is None else self.plain(s, x, norm)
        for weight, steps in self.chains:
            out = s
            for step in steps:
                out = step(out, x, norm)
            total = total + weight * (out - s)
        return total


def _average(layer: BottleneckLayer, setup: Average, dtype: torch.dtype) -> Step:
    weights = [weight / len(setup.weights) for weight in setup.weights]  # held N times too large, see wiring
    pairs = list(zip(setup, weights, strict=True))
    names = [(name, weight) for name, weight in pairs if isinstance(name, str) and name in layer.adapters]
    chains = [(weight, _steps(layer, chain, dtype)) for chain, weight in pairs if not isinstance(chain, str)]
    plain = None
    if names:
        plain = _bottleneck([plain_member(layer, name) for name, _ in names], [weight for _, weight in names], dtype)
    return plain if plain is not None and not chains else _Average(plain, tuple(chains))


@dataclass(frozen=True)
class _Rows:
    """Several chains at once, each on its own part of the batch: [members * B, T, H]."""

    members: tuple[tuple[Step, ...], ...]

    def __call__(self, s: Tensor, x: Tensor, norm: Norm) -> Tensor:
        found = []
        for steps, part, below in zip(
            self.members, s.chunk(len(self.members)), x.chunk(len(self.members)), strict=True
        ):
            for step in steps:
                part = step(part, below, norm)
            found.append(part)
        return torch.cat(found)


# -- fusions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fusion:
    """A fusion as two products; members that are chains bring their activations from above the chain's lower part."""

    into: Tensor  # [R_plain + R + A, H]: down-projections of the plain members, scores by activation, by bias
    into_bias: Tensor
    out: Tensor  # [H, R + A]
    widths: tuple[int, ...]  # of the members, plain ones first
    n_plain: int  # R_plain
    activate: Callable[[Tensor], Tensor] | None
    chains: tuple[tuple[tuple[Step, ...], Tensor, Tensor, Callable[[Tensor], Tensor]], ...]

    def __call__(self, s: Tensor, x: Tensor, norm: Norm) -> Tensor:
        h = norm(s)
        widths = list(self.widths)
        down, by_activation, by_bias = torch.split(
            linear(h, self.into, self.into_bias), [self.n_plain, sum(widths), len(widths)], dim=-1
        )
        z = [] if self.activate is None else [self.activate(down)]
        for steps, weight, bias, activate in self.chains:
            # The library gives a chain inside a fusion LN(s) in the place of f (tests/upstream, trap 14).
            inner = h + x
            for step in steps:
                inner = step(inner, x, norm)
            z.append(activate(linear(norm(inner), weight, bias)))
        joined = z[0] if len(z) == 1 else torch.cat(z, dim=-1)  # [B, T, R]
        scores = sum_segments(by_activation * joined, widths) + by_bias  # [B, T, A]
        attention = torch.softmax(scores, dim=-1).to(joined.dtype)
        mixed = torch.cat([spread(attention, widths) * joined, attention], dim=-1)  # [B, T, R + A]
        return s + linear(mixed, self.out)


def _fusion(layer: BottleneckLayer, setup: Fuse, dtype: torch.dtype) -> _Fusion:
    reason = uncovered(layer, setup)
    fusion = layer.adapter_fusion_layer[setup.name]
    if reason is None and fusion.config["query_before_ln"]:
        reason = "its query is taken before the layer norm"
    if reason is not None:
        raise Uncovered(reason)
    plain = [plain_member(layer, child) for child in setup if isinstance(child, str)]
    chains = [child for child in setup if not isinstance(child, str)]
    tops = [plain_member(layer, chain.last()) for chain in chains]
    members = [*plain, *tops]
    up = torch.cat([member.adapter_up.weight.double() for member in members], dim=1)  # [H, R]
    up_bias = torch.stack([member.adapter_up.bias.double() for member in members])  # [A, H]
    seen = torch.cat([up.t(), up_bias]) @ fusion.key.weight.double().t()  # [R + A, H], what the query meets
    into, into_bias = seen @ fusion.query.weight.double(), seen @ fusion.query.bias.double()
    if plain:
        down, down_bias = _down(plain)
        into, into_bias = torch.cat([down, into]), torch.cat([down_bias, into_bias])
    out = torch.cat([up, up_bias.t()], dim=1)  # [H, R + A]
    if fusion.config["value"]:
        out = fusion.value.weight.double() @ out
    lower = []
    for chain, top in zip(chains, tops, strict=True):
        weight, bias = _down([top])
        below: Any = Stack(*list(chain)[:-1])
        lower.append((_steps(layer, below, dtype), _held(weight, dtype), _held(bias, dtype), top.adapter_down[1]))
    return _Fusion(
        into=_held(into, dtype),
        into_bias=_held(into_bias, dtype),
        out=_held(out, dtype),
        widths=tuple(member.adapter_up.in_features for member in members),
        n_plain=sum(member.adapter_up.in_features for member in plain),
        activate=_activation(plain) if plain else None,
        chains=tuple(lower),
    )


def _held(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype).contiguous()
