"""Circuits as one function of token arrays, traced by `torch.export`: what is left needs none of this package to run.

The traced function takes `input_ids` and `attention_mask` and gives one array by kind of task; batch, length and (of choices)
their number are free. Source: torch 2.13 `torch.export`; tests/modeling/test_traced.py compares with the circuit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram
from torch.export.passes import move_to_device_pass

from toolkit.config.words import Pooling
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.learn import choice_logits
from toolkit.modeling.pooling import pool
from toolkit.modeling.wiring import module_name
from toolkit.tasks.kinds import Kind

INPUTS = ("input_ids", "attention_mask")
LENGTH = 7  # tokens of the example that is traced; a length that torch specialises would be 0 or 1


@dataclass(frozen=True)
class Shape:
    """How arrays of a kind go in and out.

    Attributes:
        axes: names of the axes of both inputs, int64.
        output: name of the array that comes out, float32.
        answer: a traced circuit and its two inputs -> the output.
    """

    axes: tuple[str, ...]
    output: str
    answer: Callable[[Traced, Tensor, Tensor], Tensor]


class Traced(nn.Module):
    """What one head of a circuit answers, or its vectors of texts, as a function of two arrays.

    Args:
        circuit: wired, loaded and folded; of a `par` one member at a time is traced, so it is refused before.
        kind: of the head, or `retrieval` for vectors.
        layer, pooling: of vectors.
    """

    def __init__(self, circuit: Circuit, kind: Kind, *, layer: int | None = None, pooling: Pooling = "mean") -> None:
        super().__init__()
        self.circuit, self.kind, self.layer, self.pooling = circuit.eval(), kind, layer, pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits [B, C] (pair, choice), [B, T, C] (tags), [B, T, 2] (span), or unit vectors [B, H] (retrieval)."""
        return SHAPES[self.kind].answer(self, input_ids, attention_mask)

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return what the active head makes of the last hidden states."""
        circuit = self.circuit
        head = circuit.heads[module_name(circuit.answers[circuit.active_head or ""][0])]
        found: Tensor = head(circuit.encode(input_ids, attention_mask).float())
        return found


def _plain(traced: Traced, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    return traced.logits(input_ids, attention_mask)


def _choices(traced: Traced, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Return one logit for each choice, [B, C] from [B, C, T]; a choice without a token gets the lowest number."""
    logits = traced.logits(input_ids.flatten(0, 1), attention_mask.flatten(0, 1))  # [B * C, 1]
    return choice_logits(logits, attention_mask.sum(-1) > 0)


def _vectors(traced: Traced, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    # While it is traced, `trace` holds the layers above back: what a trace assigns to modules, torch puts back otherwise.
    layers = None if torch.compiler.is_exporting() else traced.layer
    states = traced.circuit.encode(input_ids, attention_mask, layers=layers)
    return pool(states, attention_mask, traced.pooling)


_FLAT = ("batch", "length")
SHAPES: Mapping[Kind, Shape] = {
    "pair": Shape(_FLAT, "logits", _plain),
    "choice": Shape(("batch", "choices", "length"), "logits", _choices),
    "span": Shape(_FLAT, "logits", _plain),
    "tags": Shape(_FLAT, "logits", _plain),
    "retrieval": Shape(_FLAT, "vectors", _vectors),
}
"""By kind of task that has a head, or vectors."""


def trace(traced: Traced, *, in_bf16: bool = False) -> ExportedProgram:
    """Return the traced function as a program on the CPU that holds the weights it uses and no others.

    Args:
        traced: the function.
        in_bf16: hold matrices in bf16, half as large; they are widened to fp32 where they are used.
    """
    shape, device = SHAPES[traced.kind], traced.circuit.backbone.device
    most = traced.circuit.backbone.max_tokens
    limits: Mapping[str, Any] = {"length": {"min": 2, "max": most}, "choices": {"min": 2}}
    axes = {place: Dim(axis, **limits.get(axis, {})) for place, axis in enumerate(shape.axes)}
    ids = torch.full((2, 3, LENGTH) if len(axes) == 3 else (2, LENGTH), 5, device=device)
    example = (ids, torch.ones_like(ids))
    # In inference mode, because blocks with or without gradients would become parts of the program (torch 2.13).
    with traced.circuit.backbone.depth(traced.layer), torch.inference_mode():
        first = torch.export.export(traced, example, dynamic_shapes=(axes, axes), strict=False)
        # Traced again: weights that nothing reads (layers above, matrices that are held joined) stay in a program.
        module = _used(first.module(check_guards=False))
        if in_bf16:
            _narrow(module)
        program = torch.export.export(module, example, dynamic_shapes=(axes, axes), strict=False)
    for node in program.graph.nodes:
        _forget(node)
    return program if device.type == "cpu" else move_to_device_pass(program, "cpu")


def weight_bytes(program: ExportedProgram) -> int:
    """Return the bytes of all weights of a program."""
    held = [*program.state_dict.values(), *program.constants.values()]
    # One tensor may have a place in both.
    sizes = {one.data_ptr(): one.numel() * one.element_size() for one in held if isinstance(one, Tensor)}
    return sum(sizes.values())


def _used(module: Any) -> fx.GraphModule:
    """Return a graph with the weights that its nodes read, by short names and free of gradients."""
    root, names = nn.Module(), dict[str, str]()
    weights: dict[str, Tensor] = {}
    for node in module.graph.nodes:
        _forget(node)
        if node.op == "get_attr":
            name = names.setdefault(node.target, f"weight{len(names)}")
            weights[name] = operator.attrgetter(node.target)(module).detach()
            node.target = name
    for name, weight in weights.items():
        root.register_buffer(name, weight)
    return fx.GraphModule(root, module.graph)


def _forget(node: fx.Node) -> None:
    """Remove where a node came from: files of this machine, and names of modules that torch 2.13 writes and cannot read
    again if they hold a comma (findings/torch_export_loses_modules_with_commas.sh)."""
    for key in ("stack_trace", "source_fn_stack", "from_node", "nn_module_stack", "torch_fn"):
        node.meta.pop(key, None)


def _narrow(module: fx.GraphModule) -> None:
    """Round the fp32 matrices of a graph to bf16, and widen them where they are read."""
    for node in [each for each in module.graph.nodes if each.op == "get_attr"]:
        weight = getattr(module, node.target)
        if weight.dtype == torch.float32 and weight.ndim > 1:
            setattr(module, node.target, weight.to(torch.bfloat16))
            with module.graph.inserting_after(node):
                wide = module.graph.call_function(torch.ops.aten.to.dtype, (node, torch.float32))
            node.replace_all_uses_with(wide, delete_user_cb=lambda user, own=wide: user is not own)
    module.recompile()
