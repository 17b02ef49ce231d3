"""Weights in int8: products of a graph multiply by int8, and rows of embeddings are widened when they are looked up.

One tensor after another becomes int8 while the file is written, so that no second copy of the weights is in memory.
onnxruntime's own `quantize_dynamic` reads the whole file and holds both forms (findings/onnxruntime_quantizes_attention.sh says what
else it does).

Source: ONNX operators `DynamicQuantizeLinear` and `MatMulInteger`, which onnxruntime joins into one when it loads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

LEAST = 2**12  # numbers of a matrix that is held in int8
_MOST = 127
_ROWS = 4096  # that are in memory in both forms


def narrow(model: ir.Model) -> int:
    """Rewrite a graph in place: matrices of products and of embeddings are int8, with a scale for each column, or row.

    Returns:
        How many matrices.
    """
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    asked: dict[ir.Value, Sequence[ir.Value]] = {}
    held: dict[ir.Value, tuple[ir.Value, ir.Value]] = {}
    for node in list(model.graph):
        place = {"MatMul": 1, "Gather": 0}.get(node.op_type, -1) if not node.domain else -1
        weight = node.inputs[place] if place >= 0 else None
        if weight is None or not _is_matrix(weight) or node.outputs[0].is_graph_output():
            continue
        if weight not in held:
            held[weight] = _in_int8(model.graph, weight, axis=place)
        if place:
            _product(node, *held[weight], asked)
        elif "axis" not in node.attributes or node.attributes["axis"].as_int() == 0:
            _lookup(node, *held[weight])
    RemoveUnusedNodesPass()(model)
    return len(held)


def _is_matrix(value: ir.Value) -> bool:
    import onnx_ir as ir

    tensor = value.const_value
    return tensor is not None and tensor.dtype == ir.DataType.FLOAT and len(tensor.shape) == 2 and tensor.size >= LEAST


def _in_int8(graph: ir.Graph, weight: ir.Value, *, axis: int) -> tuple[ir.Value, ir.Value]:
    """Return a matrix in int8, made when it is written, and the scales of its rows or columns.

    Args:
        axis: that a scale is for: 1 of [in, out], scales [out]; 0 of [pieces, width], scales [pieces, 1].
    """
    import onnx_ir as ir

    tensor = weight.const_value
    assert tensor is not None
    numbers = tensor.numpy()
    most = np.maximum(numbers.max(1 - axis), -numbers.min(1 - axis)).astype(np.float32)
    scale = np.where(most == 0, 1, most / _MOST).astype(np.float32)
    if axis == 0:
        scale = scale[:, None]

    def made() -> ir.TensorProtocol:
        source, found = tensor.numpy(), np.empty(tensor.shape.numpy(), np.int8)
        for at in range(0, len(source), _ROWS):
            rows = slice(at, at + _ROWS)
            found[rows] = np.rint(source[rows] / (scale[rows] if axis == 0 else scale))
        return ir.tensor(found)

    lazy = ir.LazyTensor(made, dtype=ir.DataType.INT8, shape=ir.Shape(numbers.shape), name=f"{weight.name}_int8")
    return _held(graph, lazy), _held(graph, ir.tensor(scale, name=f"{weight.name}_scale"))


def _held(graph: ir.Graph, tensor: ir.TensorProtocol) -> ir.Value:
    import onnx_ir as ir

    value = ir.Value(
        name=tensor.name, const_value=tensor, type=ir.TensorType(tensor.dtype), shape=ir.Shape(tensor.shape.numpy())
    )
    graph.register_initializer(value)
    return value


def _product(node: ir.Node, weight: ir.Value, scale: ir.Value, asked: dict[ir.Value, Sequence[ir.Value]]) -> None:
    """Multiply what is rounded to 8 bits by its own range, and widen the result."""
    import onnx_ir as ir

    states = node.inputs[0]
    assert states is not None
    if states not in asked:
        rounded = ir.node("DynamicQuantizeLinear", [states], num_outputs=3)
        node.prepend(rounded)
        asked[states] = rounded.outputs
    whole, own, zero = asked[states]
    sums = _before(node, "MatMulInteger", [whole, weight, zero])
    wide = _before(node, "Cast", [sums], to=ir.DataType.FLOAT)
    _replace(node, _before(node, "Mul", [wide, _before(node, "Mul", [own, scale])]))


def _lookup(node: ir.Node, weight: ir.Value, scale: ir.Value) -> None:
    """Look up rows in int8 and their scales."""
    import onnx_ir as ir

    rows, scales = (_before(node, "Gather", [held, node.inputs[1]], axis=0) for held in (weight, scale))
    _replace(node, _before(node, "Mul", [_before(node, "Cast", [rows], to=ir.DataType.FLOAT), scales]))


def _before(node: ir.Node, op: str, given: list[Any], **attributes: int) -> ir.Value:
    import onnx_ir as ir

    made = ir.node(op, given, attributes)
    node.prepend(made)
    return made.outputs[0]


def _replace(node: ir.Node, value: ir.Value) -> None:
    node.outputs[0].replace_all_uses_with(value)
