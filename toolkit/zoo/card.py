"""What an adapter is: its recipe, parents, data, scores and files, as one sealed page of YAML."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePath
from typing import Any

import yaml

from toolkit.composition import parse
from toolkit.config.safe_yaml import YamlFault, build, compose
from toolkit.errors import ToolkitError, ZooError
from toolkit.registry import did_you_mean
from toolkit.zoo.files import MEND

FORMAT = 1
CARD_FILE = "card.yaml"
README_FILE = "README.md"
MAX_CARD_BYTES = 4_000_000
_HEAD_LINE = (
    "# An adapter's card. The last line seals the text: `xstilts zoo verify` tells whether it was changed by hand."
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
# One plain name: no separators, no leading dot, no `..`, nothing a shell or another file system reads differently.
_FILE_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[A-Za-z0-9_=+~,@-]+)*\.safetensors")
_MAX_FILE_NAME = 200
# Escape sequences in a stranger's card would otherwise reach the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class AdapterCard:
    """What an adapter is and where it comes from.

    Args:
        name: canonical composition, also the entry's name.
        backbone: `name`, `digest`, `hidden_size`, `layers` of the encoder it was trained on.
        kind: `seq_bn`, or `full` for a whole checkpoint.
        tasks: the tasks it learnt, `("mnli",)`.
        heads: per head its `kind` and `labels`.
        recipe: the resolved configuration.
        parents: `name` and `digest` of every frozen or warm-starting entry.
        data_seen: per source `task`, `split`, `language`, `rows`, `fingerprint`, `origin`, `is_generated`.
        scores: Score dictionaries.
        versions: library versions.
        licence: of the weights.
        created: ISO time.
        seconds: training time.
        files: per file `sha256`, `bytes`, `tensors`; filled in by `Zoo.put`.
        digest: identity of the weights, see `digest_of`; filled in by `Zoo.put`.
        format: version of this layout.
    """

    name: str
    backbone: Mapping[str, Any]
    kind: str
    tasks: tuple[str, ...] = ()
    heads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[Mapping[str, str], ...] = ()
    data_seen: tuple[Mapping[str, Any], ...] = ()
    scores: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    created: str = ""
    seconds: float = 0.0
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    digest: str = ""
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Return plain values (dict, list, text, numbers), the digest last."""
        values = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}
        digest = values.pop("digest")
        return {"format": values.pop("format"), **values, "digest": digest}

    def to_text(self) -> str:
        """Return the YAML page with its seal; equal cards give equal text."""
        page = yaml.dump(
            self.to_dict(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
        )
        body = f"{_HEAD_LINE}\n{page}"
        return f"{body}seal: {_seal(body)}\n"

    @classmethod
    def from_dict(cls, values: Any) -> AdapterCard:
        """Build a card from what `to_dict` returned, every field checked.

        Raises:
            ZooError: a field is missing, unknown or not what it should be.
        """
        if not isinstance(values, dict):
            raise ZooError(f"The card is {_noun(values)}, expected fields such as `name:`.")
        _refuse_control(values)
        if values.get("format", FORMAT) != FORMAT:
            raise ZooError(
                f"The card has format {str(values['format'])[:20]!r}, this release reads {FORMAT}; update xstilts."
            )
        known = [item.name for item in fields(cls)]
        for name in values:
            if name not in known:
                raise ZooError(f"The card has an unknown field '{name[:60]}'. {did_you_mean(name, known)}".strip())
        for name in known:
            if name not in values:
                raise ZooError(f"The card lacks the field '{name}'; it is cut short or no card of this release.")
        for name, (is_right, expected) in _CHECKS.items():
            if not is_right(values[name]):
                raise ZooError(f"The card's field '{name}' holds {_noun(values[name])}, expected {expected}.")
        arguments: dict[str, Any] = {name: tuple(item) if name in _TUPLES else item for name, item in values.items()}
        card = cls(**arguments)
        if not _is_canonical(card.name):
            raise ZooError(f"The card's name '{card.name[:80]}' is no composition in its canonical form.")
        for name in card.files:
            check_file_name(name)
        if card.digest != digest_of(card):
            raise ZooError(f"The card of '{card.name}' does not agree with its own digest {card.digest[:12]}.")
        return card

    @classmethod
    def from_text(cls, text: str) -> AdapterCard:
        """Read a card's page.

        Raises:
            ZooError: it was cut short or changed, is not plain YAML within limits, or is no card.
        """
        above, seal, value = text.rpartition("\nseal: ")
        body = f"{above}\n"
        if not seal or value != f"{_seal(body)}\n":
            # Which of the two it is decides what a user does next; the seal alone cannot tell.
            found = "was changed after it was written" if seal else "is cut short or no card (it has no seal)"
            _read(text)  # hostile or broken YAML has its own sentence
            raise ZooError(f"The card {found}; {MEND}.")
        return cls.from_dict(_read(body))


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


def digest_of(card: AdapterCard) -> str:
    """Return what identifies an adapter: a SHA-256 over its composition, its backbone's digest and its files.

    Training time, scores and licence do not enter: two machines that learn the same weights get the same digest.
    """
    files = sorted((name, str(held["sha256"])) for name, held in card.files.items())
    return hashlib.sha256(json.dumps([card.name, card.backbone["digest"], files]).encode()).hexdigest()


def _seal(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def _read(text: str) -> Any:
    try:
        node = compose(text)
        return None if node is None else build(node)
    except YamlFault as fault:
        where = f", line {fault.line}" if fault.line else ""
        raise ZooError(f"The card is refused{where}: {fault}; {MEND}.") from None


class _Dumper(yaml.SafeDumper):
    """Writes every value out: an alias (`*id001`) would be refused when read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _plain(value: Any) -> Any:
    """Return nested plain values; numbers of NumPy become Python's, paths become text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
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


def _refuse_control(value: Any) -> None:
    """Raise ZooError where any text inside holds a control character."""
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_control(key)
            _refuse_control(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_control(item)
    elif isinstance(value, str) and _CONTROL.search(value):
        raise ZooError(
            f"The card holds control characters in {_CONTROL.sub('?', value)[:60]!r}; pull it from a source you trust."
        )


def _is_canonical(name: str) -> bool:
    try:
        return str(parse(name)) == name
    except ToolkitError:
        return False


def _is_entry_name(value: Any) -> bool:
    return isinstance(value, str) and _is_canonical(value)


def _noun(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"'{_CONTROL.sub('?', str(value))[:40]}'"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_sha(value: Any) -> bool:
    return isinstance(value, str) and bool(_SHA256.fullmatch(value))


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[0-9a-f]{8,128}", value))


def _holds(value: Any, /, **checks: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(name in value and check(value[name]) for name, check in checks.items())


def _each(value: Any, check: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(check(item) for item in value)


def _is_backbone(value: Any) -> bool:
    return _holds(value, name=_is_text, digest=_is_hex, hidden_size=_is_count, layers=_is_count) and bool(value["name"])


def _is_head(value: Any) -> bool:
    return _holds(value, kind=_is_text, labels=lambda labels: _each(labels, _is_text))


def _is_fraction(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _is_score(value: Any) -> bool:
    return _holds(value, task=_is_text, language=_is_text, metric=_is_text, value=_is_fraction)


def _are_files(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(_holds(held, sha256=_is_sha, bytes=_is_count, tensors=_is_count) for held in value.values())
    )


_TUPLES = ("tasks", "parents", "data_seen", "scores")
_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_text, "a composition"),
    "backbone": (_is_backbone, "name, digest, hidden_size and layers"),
    "kind": (lambda value: value in ("seq_bn", "full"), "'seq_bn' or 'full'"),
    "tasks": (lambda value: _each(value, _is_text), "a list of task names"),
    "heads": (lambda value: isinstance(value, dict) and all(map(_is_head, value.values())), "kind and labels per head"),
    "recipe": (lambda value: isinstance(value, dict), "a mapping"),
    "parents": (
        lambda value: _each(value, lambda item: _holds(item, name=_is_entry_name, digest=_is_sha)),
        "a list of name and digest",
    ),
    "data_seen": (
        lambda value: _each(value, lambda item: _holds(item, task=_is_text)),
        "a list of sources with their task",
    ),
    "scores": (lambda value: _each(value, _is_score), "a list of scores with task, language, metric and value"),
    "versions": (lambda value: isinstance(value, dict) and all(map(_is_text, value.values())), "a mapping of texts"),
    "licence": (_is_text, "text"),
    "created": (_is_text, "an ISO time"),
    "seconds": (lambda value: isinstance(value, (int, float)) and not isinstance(value, bool), "a number"),
    "files": (_are_files, "sha256, bytes and tensors per file, at least one"),
    "digest": (_is_sha, "64 hexadecimal digits"),
}
