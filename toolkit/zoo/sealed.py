"""Sealed pages of YAML: plain values as text whose last line is a checksum of the lines above."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import yaml

from toolkit.config.safe_yaml import YamlFault, build, compose
from toolkit.config.yaml_forms import read_known
from toolkit.errors import ZooError
from toolkit.zoo.fields import refuse_control
from toolkit.zoo.files import REPLACE_IT
from toolkit.zoo.values import Value


def sealed(values: Mapping[str, Any], head: str) -> str:
    """Return the page of plain values (see `plain`) below a line of comment; equal values give equal pages."""
    page = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    body = f"{head}\n{page}"
    return f"{body}seal: {_seal(body)}\n"


def unsealed(text: str, head: str) -> Any:
    """Return the values of a page.

    Args:
        text: the page.
        head: the line of comment above pages of our own, which need no parser where their form is known.

    Raises:
        ZooError: it was cut short or changed, is not plain YAML within limits, or holds control characters.
    """
    above, seal, value = text.rpartition("\nseal: ")
    body = f"{above}\n"
    if not seal or value != f"{_seal(body)}\n":
        # Which of the two it is decides what a user does next; the seal alone cannot tell.
        found = "was changed after it was written" if seal else "is cut short or not a card (it has no seal)"
        _read(text)  # hostile or broken YAML has its own sentence
        raise ZooError(f"The card {found}; {REPLACE_IT}.")
    known = read_known(body[len(head) + 1 :]) if body.startswith(f"{head}\n") else None
    return _read(body) if known is None else known


def plain(value: Any) -> Any:
    """Return nested plain values; numbers of NumPy become Python's, paths become text."""
    if isinstance(value, Value):
        value = value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        # Subclasses of the plain types (NumPy's float64, enums of text) have no YAML form.
        return value if value is None or isinstance(value, bool) else _base(value)(value)
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a card cannot hold {type(value).__name__}: {value!r}")


def _base(value: float | str) -> type:
    return next(kind for kind in (int, float, str) if isinstance(value, kind))


def _seal(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def _read(text: str) -> Any:
    try:
        node = compose(text)
        values = None if node is None else build(node)
    except YamlFault as fault:
        where = f", line {fault.line}" if fault.line else ""
        raise ZooError(f"The card is refused{where}: {fault}; {REPLACE_IT}.") from None
    refuse_control(values)
    return values


class _Dumper(yaml.SafeDumper):
    """Writes every value out: an alias (`*id001`) would be refused when read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
