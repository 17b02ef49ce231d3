"""One value, as somebody wrote it, to the type that `schema.py` declares for its key."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from toolkit.config.about import About
from toolkit.config.schema import Config
from toolkit.paths import at_home

_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


PATHS = tuple[Path, ...]


class Quoted(str):
    """Text that was quoted, or arrived as text from Python: never read as null."""

    __slots__ = ()


@dataclass(frozen=True)
class Declared:
    """One setting as `schema.py` declares it."""

    kinds: tuple[Any, ...]  # of int, float, bool, str, Path, PATHS, NoneType
    choices: tuple[str, ...]
    about: About


@lru_cache(maxsize=1)
def declared() -> dict[str, Declared]:
    """Return the declaration of every dotted key, in the schema's order.

    Example:
        >>> declared()["adapter.kind"].choices
        ('seq_bn', 'seq_bn_inv', 'full')
    """
    found: dict[str, Declared] = {}

    def walk(holder: type, prefix: str) -> None:
        hints = get_type_hints(holder, include_extras=True)
        for item in fields(holder):
            hint = hints[item.name]
            if get_origin(hint) is not Annotated:
                walk(hint, f"{item.name}.")
                continue
            inner, about = get_args(hint)
            members = get_args(inner) if get_origin(inner) in (Union, types.UnionType) else (inner,)
            literals = [member for member in members if get_origin(member) is Literal]
            found[prefix + item.name] = Declared(
                kinds=tuple(member for member in members if member not in literals),
                choices=tuple(choice for literal in literals for choice in get_args(literal)),
                about=about,
            )

    walk(Config, "")
    return found


@lru_cache(maxsize=1)
def sections() -> dict[str, type]:
    """Return the section names with their dataclasses.

    Example:
        >>> sorted(sections())
        ['adapter', 'backbone', 'eval', 'merge', 'noise', 'retrieve', 'similarity', 'store', 'tracking', 'train']
    """
    return {
        name: hint for name, hint in get_type_hints(Config).items() if isinstance(hint, type) and is_dataclass(hint)
    }


def is_null(value: Any) -> bool:
    """Return whether `value` is None or one of its plain spellings: nothing, `null`, `none`, `~`."""
    if isinstance(value, str):
        return not isinstance(value, Quoted) and value.lower() in ("", "null", "none", "~")
    return value is None


def as_set(value: object) -> str:
    """Return a value as `--set` reads it, the reverse of `convert`.

    Example:
        >>> as_set(None), as_set(True), as_set(("a.yaml", "b.yaml")), as_set(0.0001)
        ('null', 'true', 'a.yaml,b.yaml', '0.0001')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def convert(value: Any, to: Declared) -> Any:
    """Return `value` as the declared type.

    Args:
        value: text from a file or `--set`, or a Python value.
        to: the declaration of its key.

    Raises:
        ValueError: it is not of that type, not a choice, or out of range.

    Example:
        >>> convert("1e-4", declared()["train.lr"]), convert("no", declared()["tracking.enabled"])
        (0.0001, False)
        >>> convert("no", declared()["backbone.name"])
        'no'
    """
    if type(None) in to.kinds and is_null(value):
        return None
    if isinstance(value, str) and value in to.choices:
        return str(value)
    if bool in to.kinds:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _BOOLS:
            return _BOOLS[value.lower()]
    elif int in to.kinds or float in to.kinds:
        return _in_range(_number(value, is_whole=int in to.kinds), to.about)
    elif PATHS in to.kinds:
        parts = value.split(",") if isinstance(value, str) else [value] if isinstance(value, Path) else value
        if isinstance(parts, (list, tuple)):
            return tuple(_path(part.strip() if isinstance(part, str) else part) for part in parts)
    elif Path in to.kinds:
        return _path(value)
    elif str in to.kinds and isinstance(value, str) and value:
        return str(value)
    raise ValueError(value)


def expectation(of: Declared) -> str:
    """Return what a setting accepts, in words.

    Example:
        >>> expectation(declared()["train.lr"])
        "a number above 0, or 'auto'"
        >>> expectation(declared()["adapter.dropout"])
        'a number at least 0 and below 1'
    """
    words = []
    if bool in of.kinds:
        words.append("true or false")
    if int in of.kinds or float in of.kinds:
        bounds = (
            ("at least", of.about.low),
            ("above", of.about.above),
            ("at most", of.about.high),
            ("below", of.about.below),
        )
        limits = " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)
        words.append(f"a {'whole ' if int in of.kinds else ''}number {limits}".strip())
    if Path in of.kinds:
        words.append("a path")
    if PATHS in of.kinds:
        words.append("a list of paths")
    if str in of.kinds:
        words.append("text")
    if of.choices:
        choices = ", ".join(f"'{choice}'" for choice in of.choices)
        words.append(choices if len(of.choices) == 1 else f"one of {choices}")
    if type(None) in of.kinds:
        words.append("null")
    return ", or ".join(words)


def describe(value: Any) -> str:
    """Return a found value in words, cut where it is long.

    Example:
        >>> describe("fast"), describe([1]), describe("")
        ("'fast'", 'a list', 'empty')
    """
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None or value == "":
        return "empty"
    text = str(value)
    return f"'{text[:60]}...'" if len(text) > 60 else f"'{text}'"


def _number(value: Any, *, is_whole: bool) -> int | float:
    """Return a finite number; ValueError for anything else, and for a fraction where a count is due."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(value)
    if is_whole and not isinstance(value, float):
        try:
            return int(value)
        except ValueError:
            pass  # `1e4` rows is a count too
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(value) from None
    if not math.isfinite(number) or (is_whole and number != int(number)):
        raise ValueError(value)
    return int(number) if is_whole else number


def _path(value: Any) -> Path:
    """Return a path; ValueError for anything else, and for a text that cannot be one."""
    if not isinstance(value, (str, Path)) or not str(value) or "\0" in str(value):
        raise ValueError(value)
    return at_home(value)


def _in_range(number: float, about: About) -> int | float:
    """Return the number, or raise ValueError if it is outside its bounds."""
    is_inside = (about.low is None or number >= about.low) and (about.high is None or number <= about.high)
    is_between = (about.above is None or number > about.above) and (about.below is None or number < about.below)
    if not (is_inside and is_between):
        raise ValueError(number)
    return number
