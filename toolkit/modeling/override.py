"""Overrides of single methods of library objects.

An attribute of the instance shadows the method of its class, so the class stays as it is for every other model, and removing the
attribute brings the method back. This is the only place in the toolkit that replaces code of `adapters`, `transformers` or `torch`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


def override(module: nn.Module, method: str, function: Callable[..., Any]) -> None:
    """Let `module` compute `method` by `function`, which takes what the method takes without `self`.

    Raises:
        AttributeError: the class has no such method: the library has changed, and the override would do nothing.
    """
    if not hasattr(type(module), method):
        raise AttributeError(f"{type(module).__name__} has no method '{method}' to override")
    # Not `setattr`: `nn.Module` would register a function that is a module itself.
    vars(module)[method] = function


def restore(module: nn.Module, *methods: str) -> None:
    """Bring the methods of the class back; those that are not overridden stay as they are."""
    for method in methods:
        vars(module).pop(method, None)


def overridden(module: nn.Module, method: str) -> Any:
    """Return what overrides a method, or None."""
    return vars(module).get(method)
