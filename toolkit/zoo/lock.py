"""Lock files: they pin a composition to exact digests, so that a colleague gets the same weights or an error."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from toolkit.composition import Composition, parse
from toolkit.composition.exchange import in_language, languages_in
from toolkit.config.safe_yaml import YamlFault, build, compose
from toolkit.errors import ToolkitError, ZooError
from toolkit.files import replace_text
from toolkit.outputs import require_replaceable
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.files import open_regular
from toolkit.zoo.lineage import lineages
from toolkit.zoo.store import Zoo

FORMAT = 1
LOCK_FILE = "zoo.lock"
MAX_LOCK_BYTES = 1_000_000
_SHA = re.compile(r"[0-9a-f]{64}")
_HEAD = "# Pins a composition to exact weights; `xstilts eval EXPR --lock FILE` takes nothing else. Made by `xstilts zoo lock`.\n"


@dataclass(frozen=True)
class Pinned:
    """The encoder that a lock names; `revision` is `org/name@commit` of a model of the hub, where it is known."""

    name: str
    digest: str
    revision: str | None = None


@dataclass(frozen=True)
class Lock:
    """The contents of a lock file.

    Args:
        composition: what was locked, in its canonical form.
        backbone: name and digest of the encoder.
        entries: name -> digest of every entry that it takes parts from, and of what those were trained on.
        file: where it was read, for errors.
    """

    composition: str
    backbone: Pinned
    entries: Mapping[str, str]
    file: str = LOCK_FILE

    def to_text(self) -> str:
        """Return the file's text; equal locks give equal texts."""
        values = {
            "format": FORMAT,
            "composition": self.composition,
            "backbone": {key: value for key, value in asdict(self.backbone).items() if value is not None},
            "entries": dict(self.entries),
        }
        return _HEAD + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=200)

    def check(self, cards: Iterable[AdapterCard]) -> None:
        """Raise ZooError unless every card is one that the lock names, with its digest and backbone."""
        for card in cards:
            pinned = self.entries.get(card.name)
            if pinned is None:
                raise ZooError(
                    f"{self.file} pins '{self.composition}' and does not name '{card.name}'; lock what you use "
                    "(`xstilts zoo lock EXPR`) or leave --lock out."
                )
            if card.backbone.digest != self.backbone.digest:
                raise ZooError(
                    f"{self.file} pins the backbone {self.backbone.name} {self.backbone.digest[:12]}, but "
                    f"'{card.name}' was trained on {card.backbone.name} {card.backbone.digest[:12]}; choose that backbone."
                )
            if card.digest != pinned:
                raise ZooError(
                    f"{self.file} pins '{card.name}' to {pinned[:12]}, but the zoo holds {card.digest[:12]}; pull the pinned "
                    f"one (`xstilts zoo pull SRC --lock {shlex.quote(self.file)} --replace`)."
                )


def make_lock(zoo: Zoo, expression: str, backbone: str) -> Lock:
    """Return the lock of a composition as a zoo holds it now; every entry is verified first.

    Args:
        zoo: where its entries are.
        expression: composition; of one with `*` every language is pinned for which the zoo holds an adapter.
        backbone: the backbone's name in the zoo.

    Raises:
        ZooError: an entry is missing or damaged, or the composition takes nothing from a zoo.
    """
    composition = parse(expression)
    held = zoo.read_all(backbone)
    entries = _entries(composition, [card.name for card in zoo.list(backbone, damaged=[])])
    order, faults = lineages([zoo.get(entry, backbone) for entry in entries], zoo.parents_in(held))
    for error in faults.values():
        raise error
    found = {card.name: card for card in order}
    if not found:
        raise ZooError(
            f"'{composition}' takes nothing from a zoo, so there is nothing to pin; name a trained composition."
        )
    for card in found.values():
        zoo.check(card, held)
    made_for = next(iter(found.values())).backbone
    return Lock(
        str(composition),
        Pinned(made_for.name, made_for.digest, made_for.revision),
        {name: card.digest for name, card in found.items()},
    )


def _entries(composition: Composition, names: Collection[str]) -> list[str]:
    """Return the entries that a composition takes parts from: of one with `*`, in every language for which there is an adapter."""
    if not composition.follows_rows:
        return list(composition.entries)
    spoken = languages_in(composition, names)
    whole = [in_language(composition, language) for language in spoken]
    trained = [each.entries for each in whole if set(names).issuperset(each.entries)]
    # Where none is trained, asking for the entries of one says so.
    trained = trained or [(whole[0] if whole else in_language(composition, "en")).entries]
    return list(dict.fromkeys(entry for each in (*trained, *spoken.values()) for entry in each))


def write_lock(lock: Lock, path: Path) -> None:
    """Write a lock, renamed into place."""
    require_replaceable(path)
    replace_text(path, lock.to_text())


def read_lock(path: Path) -> Lock:
    """Read a lock, within limits of size and depth.

    Raises:
        ZooError: it is missing, not plain YAML, or not a lock.
    """
    with open_regular(Path(path), f"The lock {path}") as stream:
        data = stream.read(MAX_LOCK_BYTES + 1)
    try:
        if len(data) > MAX_LOCK_BYTES:
            raise YamlFault(f"more than {MAX_LOCK_BYTES:,} bytes")
        node = compose(data.decode("utf-8"))
        values: Any = None if node is None else build(node)
    except (YamlFault, UnicodeDecodeError) as fault:
        raise ZooError(f"{path} is refused: {fault}; write it again with `xstilts zoo lock`.") from None
    if not _is_lock(values):
        raise ZooError(
            f"{path} is not a lock of this release (format {FORMAT}); write it again with `xstilts zoo lock EXPR --out {shlex.quote(str(path))}`."
        )
    return Lock(values["composition"], Pinned(**values["backbone"]), values["entries"], str(path))


def _is_lock(values: Any) -> bool:
    if not isinstance(values, dict) or set(values) != {"format", "composition", "backbone", "entries"}:
        return False
    backbone, pinned = values["backbone"], values["entries"]
    return (
        values["format"] == FORMAT
        and isinstance(backbone, dict)
        and set(backbone) - {"revision"} == {"name", "digest"}
        and all(isinstance(item, str) for item in backbone.values())
        and isinstance(pinned, dict)
        and bool(pinned)
        and all(isinstance(item, str) and _SHA.fullmatch(item) for item in pinned.values())
        and all(_is_canonical(name) for name in (*pinned, values["composition"]))
    )


def _is_canonical(name: Any) -> bool:
    try:
        return isinstance(name, str) and str(parse(name)) == name
    except ToolkitError:
        return False
