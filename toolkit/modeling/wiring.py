"""Compositions as the library's blocks, with overrides of the two that it computes otherwise than the language says.

`avg`: the library divides normalised weights by the number of members again (trap 1), and gives a chain inside an average LN(f + x)
in the place of f. Here the average of an adapter, or a chain, with its own copy is that adapter or chain.
`par`: each member reads its own part of a batch that is repeated once for each member.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import torch

from toolkit.composition import Average as AverageNode
from toolkit.composition import Chain, Composition, Parallel, Unit
from toolkit.composition import Fuse as FuseNode
from toolkit.config import AdapterConfig
from toolkit.config.layers import left_out
from toolkit.errors import ToolkitError
from toolkit.modeling.libraries import AdapterCompositionBlock, Average, BottleneckLayer, Fuse, SeqBnConfig, Stack
from toolkit.modeling.override import override, restore

Block: TypeAlias = AdapterCompositionBlock | str


class Rows(list[AdapterCompositionBlock | str]):
    """The members of a `par`, as blocks; outermost, and never handed to the library."""


def module_name(name: str) -> str:
    """Return `name` as a torch module name: no dots, and never an attribute of `nn.ModuleDict` such as `keys`."""
    return "part:" + name.replace(".", "~")


def blocks_of(chain: Chain) -> tuple[Block | Rows, dict[str, list[str]]]:
    """Translate a chain into the library's blocks.

    Returns:
        What is active, and each fusion's members by the last adapter of each.
    """
    last_of: dict[str, list[str]] = {}
    return _blocks(chain, Chain(()), last_of), last_of


def _blocks(chain: Chain, below: Chain, last_of: dict[str, list[str]]) -> Any:
    found: list[Any] = []
    for i, unit in enumerate(chain.units):
        name = _name(below, unit)
        if isinstance(unit, FuseNode) and name in last_of:
            # Only in a `par`: the same fusion, trained under another leaf; `parts` names it by its entry.
            here, above = below / unit, chain.units[i + 1 : i + 2]
            name = module_name(
                Composition(here / Chain(above)).slug if above else Composition(here, Composition(here).head_name).slug
            )
        if isinstance(unit, Parallel):
            return Rows(_blocks(member, below, last_of) for member in unit.members)
        if isinstance(unit, FuseNode):
            last_of[name] = [_name(below, member) for member in unit.members]
            found.append(Fuse(*(_blocks(member, below, last_of) for member in unit.members), name=name))
        elif isinstance(unit, AverageNode):
            members = [_blocks(member, below, last_of) for member in unit.members]
            found.append(Average(*members, weights=average_weights(unit), normalize_weights=False))
        else:
            found.append(name)
        below = below / unit
    # A single name is never wrapped: the library would apply the layer norm once more.
    return found[0] if len(found) == 1 else Stack(*found)


def _name(below: Chain, upper: Unit | Chain) -> str:
    return module_name(Composition(below / upper).slug)


def names_of(unit: Block | Rows) -> set[str]:
    """Return the names of the adapters, and the fusion, of a block."""
    if isinstance(unit, str):
        return {unit}
    inside: set[str] = set().union(*map(names_of, unit))
    return inside | {unit.name} if isinstance(unit, Fuse) else inside


def average_weights(unit: AverageNode) -> list[float]:
    """Return the library's weights for an average: N w / sum(w), because it divides by N once more (trap 1).

    Example:
        >>> from toolkit.composition import parse
        >>> average_weights(parse("avg[a,b:3]").chain.units[0])
        [0.5, 1.5]
    """
    weights = [1.0 if weight is None else weight for _, weight in unit.shares]
    return [len(weights) * weight / sum(weights) for weight in weights]


def check_layers(layers: list[tuple[str, BottleneckLayer]], composition: Composition, names: list[str]) -> None:
    """Raise where a block's members are in different layers: the library fails in the middle of a pass (trap 13)."""
    has_block = any(isinstance(unit, (FuseNode, AverageNode, Parallel)) for unit in composition.chain.units)
    for path, layer in layers:
        missing = [name for name in names if name not in layer.adapters]
        if has_block and missing:
            raise ToolkitError(
                f"'{composition}' joins adapters that are in different layers ('{missing[0].removeprefix('part:')}' is not in "
                f"{path}); join adapters trained with the same adapter.leave_out_lower and adapter.leave_out_upper."
            )


def library_config(shape: AdapterConfig, n_layers: int) -> SeqBnConfig:
    """Return a bottleneck's shape as the library's configuration, for a backbone of `n_layers`."""
    return SeqBnConfig(
        leave_out=left_out(shape, n_layers),
        reduction_factor=shape.reduction_factor,
        non_linearity=shape.non_linearity,
        dropout=shape.dropout,
    )


def remove_blocks(layer: BottleneckLayer) -> None:
    """Undo `install_blocks`."""
    restore(layer, "compose_average", "compose")


def install_blocks(layers: list[tuple[str, BottleneckLayer]], setup: Block | Rows | None) -> None:
    """Let the adapter `layers` compute averages, and the rows of a `par`, as the language says."""
    for _, layer in layers:
        remove_blocks(layer)
        override(layer, "compose_average", partial(_compose_average, layer))
        if isinstance(setup, Rows):
            override(layer, "compose", partial(_compose_rows, layer, setup))


def _compose_average(layer: BottleneckLayer, setup: Average, state: Any, lvl: int = 0) -> Any:
    """Override of `compose_average`: each member computes what it computes alone."""
    total: Any = 0
    for child, weight in zip(setup, setup.weights, strict=True):
        alone = _compose_alone(layer, child, state)
        total = total + (weight / len(setup.weights)) * alone.hidden_states
    return state._replace(hidden_states=total, last=alone.last)


def _compose_rows(layer: BottleneckLayer, setup: Rows, _: Any, state: Any) -> Any:
    """Override of `compose`: the i-th member computes the i-th part of the batch, [members * B, T, H]."""
    size = state.hidden_states.shape[0] // len(setup)
    found = [
        _compose_alone(layer, member, layer.vslice(state, slice(i * size, (i + 1) * size)))
        for i, member in enumerate(setup)
    ]
    return state._replace(hidden_states=torch.cat([one.hidden_states for one in found]), last=found[-1].last)


def _compose_alone(layer: BottleneckLayer, setup: Block, state: Any) -> Any:
    # A stack applies the layer norm before each of its adapters by itself.
    return type(layer).compose(layer, setup if isinstance(setup, Stack) else Stack(setup), state)
