"""A traced graph of ONNX with less to compute: attention on joined heads, and one token where the head reads one token.

A graph whose form is not known here stays as it was. What is made is compared with the circuit, as every export is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

OPSET = 23  # the first that has `Attention`
_ALONE = frozenset({"Gelu", "Relu", "Tanh", "Sigmoid", "Identity", "Cast"})  # of each number by itself
_TOGETHER = frozenset({"Add", "Sub", "Mul", "Div"})


def shorten(model: ir.Model) -> None:
    """Rewrite a graph in place."""
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    join_heads(model.graph)
    RemoveUnusedNodesPass()(model)
    read_one_token(model.graph)
    RemoveUnusedNodesPass()(model)


def join_heads(graph: ir.Graph) -> int:
    """Let `Attention` read and give [B, T, H] in place of heads [B, A, T, H / A]: what cuts and joins them is left out.

    Returns:
        How many were rewritten.
    """
    parts: dict[ir.Value, list[ir.Value]] = {}
    done = 0
    for node in [each for each in graph if each.op_type == "Attention" and not each.domain]:
        heads = [value.shape[1] for value in node.inputs[:3] if value is not None and value.shape is not None]
        whole = _whole_of(node.outputs[0])
        if len(heads) < 3 or whole is None:
            continue
        given = [_before_heads(value, node, parts) for value in node.inputs[:3]]
        if all(given):
            sizes = {"q_num_heads": heads[0], "kv_num_heads": heads[1]}
            kept = {name: value for name, value in node.attributes.items() if name not in sizes}
            made = _insert(node, "Attention", [*given, *node.inputs[3:]], sizes, kept)
            whole.replace_all_uses_with(made)
            done += 1
    return done


def _whole_of(value: ir.Value) -> ir.Value | None:
    """Return the heads of an attention put together: `Reshape(Transpose(value))`."""
    for op in ("Transpose", "Reshape"):
        users = list(value.consumers())
        if len(users) != 1 or users[0].op_type != op:
            return None
        value = users[0].outputs[0]
    return value


def _before_heads(value: ir.Value | None, node: ir.Node, parts: dict[ir.Value, list[ir.Value]]) -> ir.Value | None:
    """Return [B, T, H] of which a value [B, A, T, H / A] is the heads: a whole product, or a third of a joined one."""
    source = _made_by(value, "Transpose")
    if source is not None and _ints(source, "perm") == [0, 2, 1, 3]:
        reshape = _made_by(source.inputs[0], "Reshape")
        return None if reshape is None else reshape.inputs[0]
    squeeze = _made_by(value, "Squeeze")
    piece = squeeze and _made_by(squeeze.inputs[0], "Slice")
    turned = piece and _made_by(piece.inputs[0], "Transpose")
    reshape = turned and _made_by(turned.inputs[0], "Reshape")
    if not (piece and turned and reshape) or _ints(turned, "perm") != [2, 0, 3, 1, 4]:
        return None
    place, joined = _number(piece.inputs[1]), reshape.inputs[0]
    if joined is None or place not in (0, 1, 2):
        return None
    if joined not in parts:
        parts[joined] = _cut(joined, node)
    return parts[joined][place]


def _cut(joined: ir.Value, node: ir.Node) -> list[ir.Value]:
    import onnx_ir as ir

    made = ir.node("Split", [joined], {"axis": -1, "num_outputs": 3}, num_outputs=3)
    for place, value in enumerate(made.outputs):
        value.name = f"{joined.name}_part{place}"
    node.prepend(made)
    return list(made.outputs)


def read_one_token(graph: ir.Graph) -> bool:
    """Compute the last layer for the first token alone, where all that is read of its states [B, T, H] is that token.

    Its keys and values are of all tokens. Returns whether that was so.
    """
    for node in graph:
        axis = node.attributes.get("axis")
        if node.op_type == "Gather" and axis is not None and axis.as_int() == 1 and _number(node.inputs[1]) == 0:
            states = node.inputs[0]
            if states is None or _rank(states) != 3:
                continue
            first = _First(node, _read_whole(graph)).of(states)
            node.replace_input_with(0, first)
            return True
    return False


def _read_whole(graph: ir.Graph) -> set[ir.Value]:
    """Return the values of which every token is read: keys and values of all attentions, and what they are made of."""
    found: set[ir.Value] = set()
    ahead = [value for node in graph if node.op_type == "Attention" for value in node.inputs[1:3]]
    while ahead:
        value = ahead.pop()
        if value is not None and value not in found:
            found.add(value)
            node = value.producer()
            ahead += [] if node is None else list(node.inputs)
    return found


class _First:
    """The first token of values [B, T, H], computed from the first token of what they are made of: [B, 1, H].

    Args:
        before: node that reads them.
        whole: values that are computed for every token anyway.
    """

    def __init__(self, before: ir.Node, whole: set[ir.Value]) -> None:
        self.before, self.whole, self.made = before, whole, dict[Any, Any]()

    def of(self, value: ir.Value) -> ir.Value:
        if value not in self.made:
            self.made[value] = self._of(value)
        found: ir.Value = self.made[value]
        return found

    def _of(self, value: ir.Value) -> ir.Value:
        node = value.producer()
        op = "" if node is None or node.domain else node.op_type
        if (
            node is None
            or value in self.whole
            or (op not in _ALONE | _TOGETHER | {"MatMul", "LayerNormalization", "Attention"})
        ):
            return self._sliced(value, 1)
        given = list(node.inputs)
        if op == "Attention":
            if "q_num_heads" not in node.attributes:
                return self._sliced(value, 1)
            given[0] = self.of(_sure(given[0]))
            if len(given) > 3 and given[3] is not None:
                given[3] = self._sliced(given[3], _rank(given[3]) - 2)
        elif op == "MatMul":
            if _rank(_sure(given[1])) != 2:
                return self._sliced(value, 1)
            given[0] = self.of(_sure(given[0]))
        else:  # what has no axis of tokens (biases, weights of a norm) stays
            given = [each if each is None or _rank(each) < 3 else self.of(each) for each in given]
        return _insert(self.before, op, given, {}, dict(node.attributes))

    def _sliced(self, value: ir.Value, axis: int) -> ir.Value:
        limits = [self._constant(number) for number in (0, 1, axis)]
        return _insert(self.before, "Slice", [value, *limits], {}, {})

    def _constant(self, number: int) -> ir.Value:
        import onnx_ir as ir

        graph, name = self.before.graph, f"first_{number}"
        assert isinstance(graph, ir.Graph)
        if name not in graph.initializers:
            tensor = ir.tensor(np.array([number], np.int64), name=name)
            graph.register_initializer(ir.Value(name=name, const_value=tensor))
        return graph.initializers[name]


def _insert(
    before: ir.Node, op: str, given: list[Any], numbers: dict[str, Any], attributes: dict[str, ir.Attr]
) -> ir.Value:
    """Return the output of a new node."""
    import onnx_ir as ir

    made = ir.node(op, given, {**attributes, **numbers})
    before.prepend(made)
    return made.outputs[0]


def _made_by(value: ir.Value | None, op: str) -> ir.Node | None:
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type == op and not node.domain else None


def _ints(node: ir.Node, name: str) -> list[int]:
    return list(node.attributes[name].as_ints()) if name in node.attributes else []


def _number(value: ir.Value | None) -> int | None:
    held = None if value is None else value.const_value
    return int(held.numpy().reshape(-1)[0]) if held is not None and held.size == 1 else None


def _rank(value: ir.Value) -> int:
    return 3 if value.shape is None else len(value.shape)


def _sure(value: ir.Value | None) -> ir.Value:
    assert value is not None
    return value
