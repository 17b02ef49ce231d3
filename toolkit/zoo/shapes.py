"""Shapes of an entry's tensors as its card describes them: known without wiring a circuit, and without torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.composition import parse
from toolkit.config import AdapterConfig
from toolkit.config.layers import left_out
from toolkit.errors import ToolkitError
from toolkit.tasks.kinds import Kind

if TYPE_CHECKING:
    from toolkit.zoo.card import AdapterCard

Shapes = Mapping[str, Sequence[int]]
_INVERTIBLE, _HAS_COUPLING = "invertible.", "seq_bn_inv"
_LAYER = re.compile(r"layer\.(0|[1-9]\d{0,5})\.(.+)", re.DOTALL)


def _two_layers(rows: int, width: int) -> Shapes:
    return {"dense.weight": (width, width), "dense.bias": (width,), **_one_layer(rows, width)}


def _one_layer(rows: int, width: int) -> Shapes:
    return {"out.weight": (rows, width), "out.bias": (rows,)}


def _masked(pieces: int, width: int) -> Shapes:
    layers = {"dense.weight": (width, width), "dense.bias": (width,)}
    return {**layers, "layer_norm.weight": (width,), "layer_norm.bias": (width,), "bias": (pieces,)}


# By kind: tensors of a head with so many labels (or pieces), of an encoder of width H (`modeling.heads`).
HEADS: dict[Kind, Callable[[int, int], Shapes]] = {
    "pair": _two_layers,
    "choice": lambda _, width: _two_layers(1, width),
    "span": lambda _, width: _one_layer(2, width),
    "tags": _one_layer,
    "retrieval": lambda _, __: {"log_scale": (1,)},
    "text": _masked,
}


def shape_fault(card: AdapterCard, file: str, found: Shapes) -> str:
    """Return how a file's tensors are not what its entry's card describes; empty where they are.

    Args:
        card: of the entry.
        file: name of one of its files.
        found: shape of each tensor.

    Example:
        >>> from toolkit.zoo import AdapterCard, Backbone, Head
        >>> on = Backbone("tiny", "ab" * 32, 8, 2)
        >>> recipe = {"adapter": {"kind": "seq_bn", "reduction_factor": 4, "non_linearity": "relu"}}
        >>> card = AdapterCard("qa", on, "seq_bn", heads={"qa": Head("span")}, recipe=recipe)
        >>> shape_fault(card, "head.qa.safetensors", {"out.weight": (2, 8), "out.bias": (3,)})
        "holds 'out.bias' with shape (3,), expected (2,)"
    """
    kind, _, name = file.removesuffix(".safetensors").partition(".")
    if kind == "head":
        held = card.heads.get(name)
        if held is None:
            return f"is the weights of a head '{name}', which its card does not describe"
        if held.kind not in HEADS:
            return f"is the weights of a head of kind '{held.kind}', which this release does not have"
        return difference(found, HEADS[held.kind](held.pieces or len(held.labels), card.backbone.hidden_size))
    if card.kind == "full":
        return ""  # a whole encoder, which is compared with the backbone that it is loaded into
    is_own = kind != "below"
    kind = kind if is_own else name.partition(".")[0]
    if kind == "adapter":
        return _adapter_fault(card, found, is_own=is_own)
    return _fusion_fault(card, found) if kind == "fusion" else "is of no part that this release knows"


def missing_files(card: AdapterCard) -> list[str]:
    """Return the files of an entry's own parts that its card does not name; heads may be left out, as an import does.

    Example:
        >>> from toolkit.zoo import AdapterCard, Backbone
        >>> recipe = {"adapter": {"kind": "seq_bn", "reduction_factor": 4, "non_linearity": "relu"}}
        >>> missing_files(AdapterCard("mnli", Backbone("tiny", "ab" * 32, 8, 2), "seq_bn", recipe=recipe))
        ['adapter.safetensors']
    """
    own = (f"{part.kind}.safetensors" for part in parse(card.name).own_parts if part.kind != "head")
    return sorted(set(own) - set(card.files))


def difference(found: Shapes, expected: Shapes) -> str:
    """Return in words how tensors differ from what is expected: missing, surplus, or of another shape; empty for none."""
    missing, surplus = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing or surplus:
        lacks = f"lacks {some(missing)}" if missing else ""
        holds = f"holds {some(surplus)}, which the circuit has no place for" if surplus else ""
        return " and ".join(filter(None, (lacks, holds)))
    for name in sorted(expected):
        if tuple(found[name]) != tuple(expected[name]):
            return f"holds '{name}' with shape {tuple(found[name])}, expected {tuple(expected[name])}"
    return ""


def some(names: Sequence[str], shown: int = 3) -> str:
    """Return up to three names in words.

    Example:
        >>> some(["a", "b", "c", "d", "e"])
        "'a', 'b', 'c' and 2 more"
    """
    listed = ", ".join(repr(name[:80]) for name in names[:shown])
    return listed if len(names) <= shown else f"{listed} and {len(names) - shown} more"


def _adapter_fault(card: AdapterCard, found: Shapes, *, is_own: bool) -> str:
    """Compare a bottleneck; a copy of an entry below keeps the shape that it was trained in, which its own card says."""
    width = card.backbone.hidden_size
    coupling = {name: shape for name, shape in found.items() if name.startswith(_INVERTIBLE)}
    layers, fault = _by_layer({name: shape for name, shape in found.items() if name not in coupling})
    if fault:
        return fault
    if coupling or (is_own and card.kind == _HAS_COUPLING):
        if fault := difference(coupling, _coupling(width)):
            return fault
        if is_own and card.kind != _HAS_COUPLING:
            return f"holds an invertible layer, its card says '{card.kind}'"
    try:
        shape = _shape(card)
        held = sorted(set(range(card.backbone.layers)) - set(left_out(shape, card.backbone.layers)))
    except ToolkitError as error:
        return f"does not fit its card: {str(error).rstrip('.')}"
    bottleneck = max(width // shape.reduction_factor, 1)
    if not is_own:
        ups: list[Sequence[int]] = [one["adapter_up.weight"] for one in layers.values() if "adapter_up.weight" in one]
        bottleneck = ups[0][1] if ups and len(ups[0]) == 2 else bottleneck
    elif list(layers) != held:
        return f"has the layers {_span(layers)}, its card says {_span(held)}"
    expected = {
        "adapter_down.0.weight": (bottleneck, width),
        "adapter_down.0.bias": (bottleneck,),
        "adapter_up.weight": (width, bottleneck),
        "adapter_up.bias": (width,),
    }
    return _each_layer(layers, expected, card.backbone.layers)


def _coupling(width: int) -> Shapes:
    """Return the tensors of an invertible layer (`modeling.invertible`)."""
    halves = {"F": (width - width // 2, width // 2), "G": (width // 2, width - width // 2)}
    found: dict[str, Sequence[int]] = {}
    for name, (n_in, n_out) in halves.items():
        inside = max(n_in // 2, 1)
        stem = f"{_INVERTIBLE}{name}"
        found |= {f"{stem}.0.weight": (inside, n_in), f"{stem}.0.bias": (inside,)}
        found |= {f"{stem}.2.weight": (n_out, inside), f"{stem}.2.bias": (n_out,)}
    return found


def _fusion_fault(card: AdapterCard, found: Shapes) -> str:
    width = card.backbone.hidden_size
    layers, fault = _by_layer(found)
    square = dict.fromkeys(("query.weight", "key.weight", "value.weight"), (width, width))
    expected: Shapes = {**square, "query.bias": (width,), "key.bias": (width,)}
    return fault or _each_layer(layers, expected, card.backbone.layers)


def _shape(card: AdapterCard) -> AdapterConfig:
    """Return the shape of an entry's own bottleneck."""
    keys = ("reduction_factor", "leave_out_lower", "leave_out_upper")
    return AdapterConfig(**{key: card.shape[key] for key in keys})


def _by_layer(found: Shapes) -> tuple[dict[int, dict[str, Any]], str]:
    layers: dict[int, dict[str, Any]] = {}
    for name, shape in found.items():
        named = _LAYER.fullmatch(name)
        if not named:
            return {}, f"holds '{name[:80]}', which is of no layer"
        layers.setdefault(int(named[1]), {})[named[2]] = shape
    return dict(sorted(layers.items())), ""


def _each_layer(layers: Mapping[int, Shapes], expected: Shapes, n_layers: int) -> str:
    for number, held in layers.items():
        if number >= n_layers:
            return f"holds layer {number}, its card says {n_layers} layers"
        own = {f"layer.{number}.{name}": shape for name, shape in held.items()}
        if fault := difference(own, {f"layer.{number}.{name}": shape for name, shape in expected.items()}):
            return fault
    return ""


def _span(layers: Sequence[int] | Mapping[int, object]) -> str:
    numbers = list(layers)
    is_whole = len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1))
    return (
        f"{numbers[0]} to {numbers[-1]}" if is_whole else some([str(one) for one in numbers]).replace("'", "") or "none"
    )
