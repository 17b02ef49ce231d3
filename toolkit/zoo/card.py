"""Card of an adapter: its backbone, heads, recipe, parents, data, scores and files, as one sealed page of YAML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePath
from typing import Any

import yaml

from toolkit.config.safe_yaml import YamlFault, build, compose
from toolkit.errors import ZooError
from toolkit.registry import did_you_mean
from toolkit.zoo.fields import CHECKS, check_file_name, is_canonical, noun, refuse_control
from toolkit.zoo.files import MEND
from toolkit.zoo.values import OF_VECTORS, POOLINGS, Backbone, CardFile, CardScore, Head, Parent, Pooling, Seen, Value

FORMAT = 1
CARD_FILE = "card.yaml"
README_FILE = "README.md"
MAX_CARD_BYTES = 4_000_000
_HEAD_LINE = (
    "# An adapter's card. The last line seals the text: `xstilts zoo verify` tells whether it was changed by hand."
)


@dataclass(frozen=True)
class AdapterCard:
    """What an adapter is and where it comes from.

    Args:
        name: canonical composition, also the entry's name.
        backbone: the encoder it was trained on.
        kind: `seq_bn`, or `full` for a whole checkpoint.
        tasks: the tasks it learnt, `("mnli",)`.
        heads: what each of its heads answers.
        recipe: the settings it was made with, by section; read by the properties below.
        parents: every entry that its weights were trained on, frozen or warm-starting, or computed from.
        data_seen: the rows that shaped its weights, per source.
        scores: what it scored.
        versions: library versions.
        licence: of the weights.
        created: ISO time.
        seconds: training time.
        files: its weight files; filled in by `Zoo.put`.
        digest: identity of the weights, see `digest_of`; filled in by `Zoo.put`.
        format: version of this layout.
    """

    name: str
    backbone: Backbone
    kind: str
    tasks: tuple[str, ...] = ()
    heads: Mapping[str, Head] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[Parent, ...] = ()
    data_seen: tuple[Seen, ...] = ()
    scores: tuple[CardScore, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    created: str = ""
    seconds: float = 0.0
    files: Mapping[str, CardFile] = field(default_factory=dict)
    digest: str = ""
    format: int = FORMAT

    @property
    def seed(self) -> int | None:
        """Seed of its training; None for an adapter that was made elsewhere."""
        seed = self._section("train").get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def is_imported(self) -> bool:
        """Whether it was made elsewhere and imported."""
        return "imported" in self.recipe

    @property
    def is_merged(self) -> bool:
        """Whether its weights were computed from those of other entries, without training."""
        return "merge" in self.recipe

    @property
    def shape(self) -> Mapping[str, Any]:
        """Settings of its bottleneck, as `AdapterConfig` names them; cards of 0.1.0 have no `leave_out_*`.

        Raises:
            ZooError: the recipe does not have them.
        """
        found = {"leave_out_lower": 0.0, "leave_out_upper": 0.0, **self._section("adapter")}
        if missing := [key for key in ("kind", "reduction_factor", "non_linearity") if key not in found]:
            raise ZooError(f"The card of '{self.name}' lacks the setting 'adapter.{missing[0]}' in its recipe.")
        return found

    def setting(self, name: str) -> str | float | bool | None:
        """Return one setting of its training, `lr`; None where the recipe does not have it."""
        found = self._section("train").get(name)
        return found if isinstance(found, (str, int, float, bool)) else None

    def pooling(self, head: str) -> Pooling | None:
        """Return how a retrieval head makes a vector of a text; None for other heads.

        A card of 0.1.0 says it in the settings of the training alone.

        Raises:
            ZooError: it names no pooling of this release.
        """
        held = self.heads[head]
        if held.kind not in OF_VECTORS:
            return None
        found = held.pooling or self.setting("pooling") or "mean"
        if found not in POOLINGS:
            raise ZooError(
                f"The head '{head}' of '{self.name}' pools by {str(found)[:20]!r}; this release knows {', '.join(POOLINGS)}."
            )
        return POOLINGS[str(found)]

    @property
    def languages(self) -> frozenset[str]:
        """Codes of the languages that it was trained on or scored in."""
        found = (*(seen.language for seen in self.data_seen), *(score.language for score in self.scores))
        return frozenset(language for language in found if language)

    def _section(self, name: str) -> Mapping[str, Any]:
        found = self.recipe.get(name, {})
        return found if isinstance(found, Mapping) else {}

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
            raise ZooError(f"The card is {noun(values)}, expected fields such as `name:`.")
        refuse_control(values)
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
        for name, (is_right, expected) in CHECKS.items():
            if not is_right(values[name]):
                raise ZooError(f"The card's field '{name}' holds {noun(values[name])}, expected {expected}.")
        read: dict[str, Any] = {
            **values,
            "backbone": Backbone.read(values["backbone"]),
            "tasks": tuple(values["tasks"]),
            "heads": {name: Head.read(held) for name, held in values["heads"].items()},
            "parents": tuple(map(Parent.read, values["parents"])),
            "data_seen": tuple(map(Seen.read, values["data_seen"])),
            "scores": tuple(map(CardScore.read, values["scores"])),
            "files": {name: CardFile.read(held) for name, held in values["files"].items()},
        }
        card = cls(**read)
        if not is_canonical(card.name):
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


def digest_of(card: AdapterCard) -> str:
    """Return what identifies an adapter: a SHA-256 over its composition, its backbone's digest and its files.

    Training time, scores and licence do not enter: two machines that learn the same weights get the same digest.
    """
    files = sorted((name, held.sha256) for name, held in card.files.items())
    return hashlib.sha256(json.dumps([card.name, card.backbone.digest, files]).encode()).hexdigest()


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
    if isinstance(value, Value):
        value = value.to_dict()
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
