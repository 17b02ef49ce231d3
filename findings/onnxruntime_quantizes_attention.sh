#!/usr/bin/env bash
# onnxruntime 1.32.0: `quantize_dynamic` takes ONNX's `Attention` for its own and writes a model that it cannot load.
#
# ONNX has an operator `Attention` since opset 23; onnxruntime has had one in its own domain for longer, with other
# inputs (states, weights, bias). The quantizer goes by the name alone: it replaces ONNX's operator by `QAttention` of
# `com.microsoft`, with query and key in the places of states and weights. Nothing is said before the model is loaded.
# With `op_types_to_quantize=["MatMul"]` the same model can be loaded.
#
# Seen:
#   operators: Attention, MatMul, of domains: ''
#   quantized: QAttention, loads: False
#   quantized with op_types_to_quantize=["MatMul"]: Attention, loads: True
# Exit code 1 if this has changed; then `toolkit/recipes/export/model_file.py` need not name the operators.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession
from onnxruntime.quantization import QuantType, quantize_dynamic

logging.disable(logging.WARNING)
weights = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
nodes = [
    helper.make_node("MatMul", ["states", "weights"], ["query"]),
    helper.make_node("Attention", ["query", "states", "states"], ["out"], q_num_heads=2, kv_num_heads=2, is_causal=0),
]
shape = ["batch", "length", 8]
graph = helper.make_graph(
    nodes,
    "attention",
    [helper.make_tensor_value_info("states", TensorProto.FLOAT, shape)],
    [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
    [numpy_helper.from_array(weights, "weights")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
onnx.checker.check_model(model)
onnx.save(model, "wide.onnx")
given = {"states": np.ones((1, 3, 8), np.float32)}
InferenceSession("wide.onnx").run(None, given)


def attention(file):
    return next(node.op_type for node in onnx.load(file).graph.node if "Attention" in node.op_type)


def loads(file):
    try:
        InferenceSession(file).run(None, given)
    except Exception:
        return False
    return True


quantize_dynamic("wide.onnx", "all.onnx", weight_type=QuantType.QInt8)
quantize_dynamic("wide.onnx", "named.onnx", weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])
operators = sorted({node.op_type for node in nodes})
seen = [
    f"operators: {', '.join(operators)}, of domains: {', '.join(sorted({repr(node.domain) for node in nodes}))}",
    f"quantized: {attention('all.onnx')}, loads: {loads('all.onnx')}",
    f'quantized with op_types_to_quantize=["MatMul"]: {attention("named.onnx")}, loads: {loads("named.onnx")}',
]
print("\n".join(seen))
expected = [
    "operators: Attention, MatMul, of domains: ''",
    "quantized: QAttention, loads: False",
    'quantized with op_types_to_quantize=["MatMul"]: Attention, loads: True',
]
raise SystemExit(seen != expected)
PYTHON
