"""YAML from strangers: parsed to nodes within limits, before anything is built from it.

PyYAML's safe loader runs no code, but it recurses once per nesting level, expands aliases without limit and keeps the last of
two equal keys. Here depth, size and aliases are checked on the event stream, which needs no recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

# libyaml where PyYAML was built with it: about ten times faster, same events and nodes.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_PLAIN: dict[type[yaml.Node], set[str]] = {  # the tags that stand for plain values
    yaml.ScalarNode: {_TAG + name for name in ("null", "bool", "int", "float", "str", "timestamp")},
    yaml.SequenceNode: {_TAG + "seq"},
    yaml.MappingNode: {_TAG + "map"},
}


_CONSTRUCTOR = yaml.constructor.SafeConstructor()  # without state, as far as scalars go
_SCALARS: dict[str, Callable[[Any], Any]] = {
    _TAG + "null": _CONSTRUCTOR.construct_yaml_null,
    _TAG + "bool": _CONSTRUCTOR.construct_yaml_bool,
    _TAG + "int": _CONSTRUCTOR.construct_yaml_int,
    _TAG + "float": _CONSTRUCTOR.construct_yaml_float,
}


class YamlFault(Exception):
    """A text that is not acceptable YAML; the message says what and, where known, on which line."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def compose(text: str, *, max_depth: int = 24, max_nodes: int = 200_000) -> yaml.Node | None:
    """Parse `text` into one node tree; `None` where it holds no document.

    Args:
        text: the YAML text.
        max_depth: most nested collections.
        max_nodes: most scalars and collections.

    Raises:
        YamlFault: bad syntax, too deep, too many nodes, an alias or more than one document.

    Example:
        >>> compose("[" * 1_000_000)
        Traceback (most recent call last):
        ...
        toolkit.config.safe_yaml.YamlFault: nested more than 24 deep
    """
    depth = nodes = documents = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            line = event.start_mark.line + 1 if event.start_mark else None
            if isinstance(event, yaml.AliasEvent):
                raise YamlFault("an alias (`*name`), which is not accepted here: write the value out", line)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise YamlFault("a second document (`---`), expected one", line)
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                nodes += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.ScalarEvent):
                nodes += 1
            if depth > max_depth:
                raise YamlFault(f"nested more than {max_depth} deep", line)
            if nodes > max_nodes:
                raise YamlFault(f"more than {max_nodes} values", line)
        return yaml.compose(text, Loader=_Loader) if documents else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise YamlFault(f"not valid YAML ({problem})", mark.line + 1 if mark else None) from None


def as_text(node: yaml.Node) -> None:
    """Let a scalar be built as the text that was written: `yes` and not true, `0` and not a number."""
    if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN[yaml.ScalarNode]:
        node.tag = _TAG + "str"


def build(node: yaml.Node) -> Any:
    """Build plain Python values (dict with text keys, list, str, int, float, bool, None) from a node tree.

    Raises:
        YamlFault: a tag, a key that is not text, a key given twice, or a scalar that its type cannot hold.
    """
    line = node.start_mark.line + 1
    if node.tag not in _PLAIN[type(node)]:
        raise YamlFault(f"the tag {node.tag!r}, which is not accepted here", line)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _TAG + "str":
                raise YamlFault("a key that is not text", key_node.start_mark.line + 1)
            if key_node.value in found:
                raise YamlFault(f"the key {key_node.value[:40]!r} twice", key_node.start_mark.line + 1)
            found[key_node.value] = build(value_node)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [build(item) for item in node.value]
    if node.tag in (_TAG + "str", _TAG + "timestamp"):
        return node.value
    try:
        return _SCALARS[node.tag](node)
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, TypeError):
        raise YamlFault(f"a value that cannot be read, {node.value[:40]!r}", line) from None
