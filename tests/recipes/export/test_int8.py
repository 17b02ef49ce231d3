"""A graph in int8: what it computes, and that a matrix becomes int8 only when it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

ir: Any = pytest.importorskip("onnx_ir")
ort: Any = pytest.importorskip("onnxruntime")

from toolkit.recipes.export.int8 import narrow  # noqa: E402

RNG = np.random.default_rng(0)
PIECES = (RNG.normal(size=(5000, 64)) * np.linspace(0.1, 3, 5000)[:, None]).astype(np.float32)
INTO = RNG.normal(size=(64, 96)).astype(np.float32)
BACK = RNG.normal(size=(96, 64)).astype(np.float32)
BIAS = RNG.normal(size=(64, 64)).astype(np.float32)


def model() -> Any:
    """ids [1, T] -> (E[ids] @ INTO) @ BACK + relu(E[ids] @ BIAS), and the rows of BIAS that a part of the graph takes apart."""
    held = {}
    for name, array in {"pieces": PIECES, "into": INTO, "back": BACK, "bias": BIAS}.items():
        tensor = ir.tensor(array, name=name)
        held[name] = ir.Value(name=name, const_value=tensor, type=ir.TensorType(tensor.dtype), shape=tensor.shape)
    ids = ir.Value(name="ids", type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape([1, "T"]))
    nodes: list[Any] = []

    def node(op: str, *given: Any) -> Any:
        nodes.append(ir.node(op, list(given)))
        return nodes[-1].outputs[0]

    states = node("Gather", held["pieces"], ids)
    one = node("MatMul", node("MatMul", states, held["into"]), held["back"])
    out = node("Add", one, node("Relu", node("MatMul", states, held["bias"])))
    out.name, out.type, out.shape = "out", ir.TensorType(ir.DataType.FLOAT), ir.Shape([1, "T", 64])
    graph = ir.Graph([ids], [out], nodes=nodes, initializers=list(held.values()), opset_imports={"": 23}, name="g")
    return ir.Model(graph, ir_version=10)


@pytest.mark.parametrize("is_apart", [False, True])
def test_a_graph_in_int8_computes_the_same_but_for_rounding(tmp_path: Path, is_apart: bool) -> None:
    made = model()
    assert narrow(made) == 4
    assert {str(each.dtype) for each in made.graph.initializers.values()} == {"INT8", "FLOAT"}
    assert [node.op_type for node in made.graph].count(
        "DynamicQuantizeLinear"
    ) == 2  # states that two products read once
    ir.save(made, tmp_path / "m.onnx", external_data="m.data" if is_apart else None)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size < 0.35 * sum(each.nbytes for each in (PIECES, INTO, BACK, BIAS))
    ids = RNG.integers(0, 5000, (1, 17))
    (found,) = ort.InferenceSession(tmp_path / "m.onnx").run(None, {"ids": ids})
    states = PIECES[ids]
    wanted = states @ INTO @ BACK + np.maximum(states @ BIAS, 0)
    assert np.abs(found - wanted).mean() < 0.03 * np.abs(wanted).mean()


def test_a_matrix_becomes_int8_when_it_is_written() -> None:
    made = model()
    narrow(made)
    lazy = [each.const_value for each in made.graph.initializers.values() if each.name.endswith("_int8")]
    assert len(lazy) == 4 and all(isinstance(each, ir.LazyTensor) and each._tensor is None for each in lazy)
    (pieces,) = (each for each in lazy if each.name == "pieces_int8")
    assert np.abs(pieces.numpy()).max(1).tolist() == [127] * 5000  # each row by its own range


def test_small_matrices_and_what_ends_the_graph_stay_as_they_are() -> None:
    array = ir.tensor(np.ones((64, 2), np.float32), name="head")
    held = ir.Value(name="head", const_value=array, type=ir.TensorType(array.dtype), shape=array.shape)
    given = ir.Value(name="x", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(["B", 64]))
    node = ir.node("MatMul", [given, held])
    graph = ir.Graph([given], [node.outputs[0]], nodes=[node], initializers=[held], opset_imports={"": 23}, name="g")
    assert narrow(ir.Model(graph, ir_version=10)) == 0
    assert [each.op_type for each in graph] == ["MatMul"]
