"""Checks of a card's fields, made before a card is built from a stranger's page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from toolkit.composition import parse
from toolkit.config.words import AdapterKind
from toolkit.errors import ToolkitError, ZooError
from toolkit.registry import did_you_mean
from toolkit.results.score import is_value
from toolkit.zoo.files import REPLACE_IT

_SHA256 = re.compile(r"[0-9a-f]{64}")
# One plain name: no separators, no leading dot, no `..`, nothing a shell or another file system reads differently.
_FILE_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[A-Za-z0-9_=+~,@-]+)*\.safetensors")
_MAX_FILE_NAME = 200
_MAX_WIDTH, _MAX_LAYERS = 1_000_000, 10_000  # of an encoder
# Escape sequences in a stranger's card would otherwise reach the terminal; what turns the direction of text around, or
# is a tag without a form, makes it show as other text than it is. Marks and joiners that scripts need are none of these.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def check_file_name(name: str) -> None:
    """Raise ZooError unless `name` is a plain weight file name that stays inside its folder.

    Example:
        >>> check_file_name("head.mnli.safetensors")
        >>> check_file_name("../x.safetensors")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        toolkit.errors.ZooError: The file name '../x.safetensors' is refused; expected a plain name such as ...
    """
    if not _FILE_NAME.fullmatch(name) or len(name) > _MAX_FILE_NAME:
        shown = _CONTROL.sub("?", name)[:80]
        raise ZooError(f"The file name '{shown}' is refused; expected a plain name such as 'adapter.safetensors'.")


def check_fields(values: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise ZooError unless a card has exactly the known fields."""
    if values.keys() == set(known):
        return
    for name in values:
        if name not in known:
            raise ZooError(f"The card has an unknown field '{name[:60]}'. {did_you_mean(name, known)}".strip())
    missing = next(name for name in known if name not in values)
    raise ZooError(f"The card lacks the field '{missing}'; it is cut short or not a card of this release.")


def check_names(name: str, *, heads: Iterable[str], files: Iterable[str], parents: Iterable[str]) -> None:
    """Raise ZooError where a name in a card is not one: of the entry, of a head, of a file, or of a parent that is itself."""
    if not is_canonical(name):
        raise ZooError(f"The card's name '{name[:80]}' is not a composition in its canonical form.")
    if parse(name).follows_rows:
        raise ZooError(
            f"The card's name '{name[:80]}' has '*' in the place of a language, which no entry has; name one."
        )
    for file in files:
        check_file_name(file)
    for head in heads:
        if not is_canonical(head):
            raise ZooError(f"The card's head '{head[:80]}' does not have a name; expected one such as 'mnli'.")
    if name in parents:
        raise ZooError(f"The card of '{name[:80]}' names itself as a parent, which no training can make; {REPLACE_IT}.")


def refuse_control(value: Any) -> None:
    """Raise ZooError where any text inside holds a control character."""
    if isinstance(value, dict):
        for key, item in value.items():
            refuse_control(key)
            refuse_control(item)
    elif isinstance(value, list):
        for item in value:
            refuse_control(item)
    elif isinstance(value, str) and _CONTROL.search(value):
        raise ZooError(
            f"The card holds control characters in {_CONTROL.sub('?', value)[:60]!r}; pull it from a source you trust."
        )


def is_canonical(name: str) -> bool:
    try:
        return str(parse(name)) == name
    except ToolkitError:
        return False


def _is_entry_name(value: Any) -> bool:
    return isinstance(value, str) and is_canonical(value) and not parse(value).follows_rows


def noun(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"'{_CONTROL.sub('?', str(value))[:40]}'"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_claim(value: Any) -> bool:
    return isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value >= 0


def _is_sha(value: Any) -> bool:
    return isinstance(value, str) and bool(_SHA256.fullmatch(value))


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[0-9a-f]{8,128}", value))


Check = Callable[[Any], bool]


def _holds(value: Any, checks: Mapping[str, Check], optional: Mapping[str, Check] = MappingProxyType({})) -> bool:
    """Return whether a value is a mapping with some fields, and those of the optional ones that it has are what they should be."""
    if not isinstance(value, dict):
        return False
    return (
        value.keys() >= checks.keys()
        and all(check(value[name]) for name, check in checks.items())
        and _may_hold(value, optional)
    )


def _each(value: Any, check: Check) -> bool:
    return isinstance(value, list) and all(map(check, value))


def _are_unique(values: list[str]) -> bool:
    return len(set(values)) == len(values)


def _may_hold(value: Mapping[str, Any], checks: Mapping[str, Check]) -> bool:
    """Return whether those of some fields that a mapping has are what they should be."""
    return all(checks[name](held) for name, held in value.items() if held is not None and name in checks)


_BACKBONE: dict[str, Check] = {"name": _is_text, "digest": _is_hex, "hidden_size": _is_count, "layers": _is_count}


def _is_backbone(value: Any) -> bool:
    return (
        _holds(value, _BACKBONE, {"revision": _is_text})
        and bool(value["name"])
        and 0 < value["hidden_size"] <= _MAX_WIDTH
        and 0 < value["layers"] <= _MAX_LAYERS
    )


def _is_recipe(value: Any) -> bool:
    """Return whether a recipe's settings that change the shape of the weights, or are computed with, are what they can be."""
    if not isinstance(value, dict) or not _may_hold(value, _RECIPE):
        return False
    train, shape = value.get("train"), value.get("adapter")
    if isinstance(train, dict) and not _may_hold(train, {"accumulate": _is_some}):
        return False
    return not isinstance(shape, dict) or _may_hold(shape, _SHAPE)


def _is_some(value: Any) -> bool:
    return _is_whole(value) and 0 < value <= _MAX_WIDTH


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value < 1


def _are_layers(value: Any) -> bool:
    return _is_share(value) or (_is_number(value) and value >= 1 and value == int(value))


_RECIPE: dict[str, Check] = {"trained_as": _is_entry_name, "processes": _is_some}
_SHAPE: dict[str, Check] = {
    "reduction_factor": _is_some,
    "leave_out_lower": _are_layers,
    "leave_out_upper": _are_layers,
    "dropout": _is_share,
    "non_linearity": _is_text,
}


def _are_labels(value: Any) -> bool:
    return _each(value, _is_text) and _are_unique(value)


def _is_number_of_rows(value: Any) -> bool:
    return value == "unknown" or _is_count(value)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


_HEAD: dict[str, Check] = {"kind": _is_text, "labels": _are_labels}
_HEAD_MORE: dict[str, Check] = {"pooling": _is_text, "temperature": _is_number, "pieces": _is_count}
_SEEN_MORE: dict[str, Check] = {
    **dict.fromkeys(("split", "language", "fingerprint", "origin", "revision"), _is_text),
    "rows": _is_number_of_rows,
    "is_generated": _is_claim,
    "is_translated": _is_claim,
    "drawn_from": _is_count,
    "seed": _is_whole,
    "limit": _is_count,
}
_SCORE: dict[str, Check] = {"task": _is_text, "language": _is_text, "metric": _is_text, "value": _is_number}
_TEXTS_OF_SCORE = ("composition", "protocol", "split", "backbone", "fingerprint", "revision", "language_adapter")
_SCORE_MORE: dict[str, Check] = {
    **dict.fromkeys(_TEXTS_OF_SCORE, _is_text),
    "n": _is_count,
    "seed": _is_whole,
    "is_generated": _is_claim,
}
_FILE: dict[str, Check] = {"sha256": _is_sha, "bytes": _is_count, "tensors": _is_count}
_PARENT: dict[str, Check] = {"name": _is_entry_name, "digest": _is_sha}


def _is_head(value: Any) -> bool:
    return _holds(value, _HEAD, _HEAD_MORE)


def _is_seen(value: Any) -> bool:
    return _holds(value, {"task": _is_text}, _SEEN_MORE)


def _is_score(value: Any) -> bool:
    return _holds(value, _SCORE, _SCORE_MORE) and is_value(value["metric"], value["value"])


def _is_file(value: Any) -> bool:
    return _holds(value, _FILE)


def _is_parent(value: Any) -> bool:
    return _holds(value, _PARENT)


def _are_named(value: Any, check: Check) -> bool:
    return isinstance(value, dict) and _each([*value.values()], check)


_KINDS = get_args(AdapterKind)
CHECKS: dict[str, tuple[Check, str]] = {
    "name": (_is_text, "a composition"),
    "backbone": (_is_backbone, "name, digest, hidden_size and layers"),
    "kind": (lambda value: value in _KINDS, " or ".join(map(repr, _KINDS))),
    "tasks": (lambda value: _each(value, _is_text), "a list of task names"),
    "heads": (lambda value: _are_named(value, _is_head), "kind and labels per head, each label once"),
    "recipe": (_is_recipe, "a mapping of settings, with counts and a shape of the adapter that can be"),
    "parents": (lambda value: _each(value, _is_parent), "a list of name and digest"),
    "data_seen": (lambda value: _each(value, _is_seen), "a list of sources with their task"),
    "scores": (lambda value: _each(value, _is_score), "a list of scores with task, language, metric and value"),
    "versions": (lambda value: _are_named(value, _is_text), "a mapping of texts"),
    "licence": (_is_text, "text"),
    "created": (_is_text, "an ISO time"),
    "seconds": (lambda value: _is_number(value) and value >= 0, "a number of seconds"),
    "files": (
        lambda value: bool(value) and _are_named(value, _is_file),
        "sha256, bytes and tensors per file, at least one",
    ),
    "digest": (_is_sha, "64 hexadecimal digits"),
}
