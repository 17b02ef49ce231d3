"""Card of an adapter: its backbone, heads, recipe, parents, data, scores and files, as one sealed page of YAML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache
from importlib.metadata import version
from typing import Any, get_args, get_type_hints

from toolkit.composition import parse
from toolkit.config import AdapterConfig
from toolkit.config.words import AdapterKind, Pooling
from toolkit.errors import ZooError
from toolkit.results.score import Score
from toolkit.tasks.kinds import POOLED
from toolkit.version import __version__
from toolkit.zoo.fields import CHECKS, check_fields, check_names, is_canonical, noun, refuse_control
from toolkit.zoo.names import backbone_slug
from toolkit.zoo.sealed import plain, sealed, unsealed
from toolkit.zoo.values import POOLINGS, Backbone, CardFile, CardScore, Head, Parent, Seen, read_parts

FORMAT = 1
CARD_FILE = "card.yaml"
README_FILE = "README.md"
MAX_CARD_BYTES = 4_000_000
ACTIVATIONS = get_args(get_type_hints(AdapterConfig)["non_linearity"])
LIBRARIES = ("torch", "transformers", "adapters", "numpy")  # compute or convert weights
_AND = " AND "  # between licences
_version = cache(version)  # read from files: those of a process never change
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
    kind: AdapterKind
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

    @cached_property
    def shelf(self) -> str:
        """Folder of its backbone in a zoo."""
        return backbone_slug(self.backbone.name, self.backbone.digest)

    @cached_property
    def path(self) -> str:
        """`<backbone>/<composition>`: its folder below the root of a zoo or a place."""
        return f"{self.shelf}/{parse(self.name).slug}"

    @property
    def seed(self) -> int | None:
        """Seed of its training; None for an adapter that was made elsewhere."""
        return seed if isinstance(seed := self.section("train").get("seed"), int) else None

    @property
    def trained_as(self) -> str:
        """The composition that it was trained as: of a variant (`--as NAME`) what it varies, else its own name."""
        return found if isinstance(found := self.recipe.get("trained_as"), str) else self.name

    @property
    def task(self) -> str:
        """Name of the task that its default head answers; empty where the card states none that is a name."""
        found = self.tasks[-1].partition(".")[0] if self.tasks else ""
        return found if is_canonical(found) else ""

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
        found = {"leave_out_lower": 0.0, "leave_out_upper": 0.0, **self.section("adapter")}
        if missing := [key for key in ("kind", "reduction_factor", "non_linearity") if key not in found]:
            raise ZooError(f"The card of '{self.name}' lacks the setting 'adapter.{missing[0]}' in its recipe.")
        if (name := found["non_linearity"]) not in ACTIVATIONS:
            raise ZooError(f"'{self.name}' uses the activation '{name}'; this release knows {', '.join(ACTIVATIONS)}.")
        return found

    def setting(self, name: str) -> str | float | bool | None:
        """Return one setting of its training, `lr`; None where the recipe does not have it."""
        return found if isinstance(found := self.section("train").get(name), (str, int, float, bool)) else None

    def pooling(self, head: str) -> Pooling | None:
        """Return how a retrieval head makes a vector of a text; None for other heads.

        Raises:
            ZooError: it names no pooling of this release.
        """
        held = self.heads[head]
        if held.kind not in POOLED:
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

    def section(self, name: str) -> Mapping[str, Any]:
        """Return one section of its recipe, `train`; empty where the recipe has none."""
        return found if isinstance(found := self.recipe.get(name), Mapping) else {}

    @classmethod
    def made_by(
        cls,
        name: str,
        origin: Origin,
        recipe: Mapping[str, Any],
        *,
        tasks: Sequence[str],
        heads: Mapping[str, Head],
        scores: Sequence[Score] = (),
        seconds: float = 0.0,
    ) -> AdapterCard:
        """Return the card of weights that were just made; the only maker of cards.

        The licence joins the licences of the rows seen and those of all parents, each once: an adapter that was trained
        on a frozen parent was shaped by the parent's data as much as one that continues or merges it. `versions` names
        this release and the libraries that compute weights. `created` is now.

        Args:
            name: canonical composition.
            origin: what the weights were made from.
            recipe: settings by section; `adapter` has at least `kind`.
            tasks: the tasks it learnt.
            heads: what each of its heads answers.
            scores: what it scored.
            seconds: how long it took.
        """
        return cls(
            name=name,
            backbone=origin.backbone,
            kind=recipe["adapter"]["kind"],
            tasks=tuple(tasks),
            heads=dict(heads),
            recipe=recipe,
            parents=tuple(Parent(parent.name, parent.digest) for parent in origin.parents),
            data_seen=tuple(origin.seen),
            scores=tuple(map(CardScore.of, scores)),
            versions={name: _version(name) for name in LIBRARIES} | {"xstilts": __version__},
            licence=_AND.join(origin.all_licences()),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds, 1),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values (dict, list, text, numbers), the digest last."""
        values = {item.name: plain(getattr(self, item.name)) for item in fields(self)}
        digest = values.pop("digest")
        return {"format": values.pop("format"), **values, "digest": digest}

    def to_text(self) -> str:
        """Return the YAML page with its seal; equal cards give equal text."""
        return sealed(self.to_dict(), _HEAD_LINE)

    @classmethod
    def from_dict(cls, values: Any, *, is_plain: bool = False) -> AdapterCard:
        """Build a card from what `to_dict` returned, every field checked; `is_plain`: but for control characters.

        Raises:
            ZooError: a field is missing, unknown or not what it should be.
        """
        if not is_plain:
            refuse_control(values)
        if not isinstance(values, dict):
            raise ZooError(f"The card is {noun(values)}, expected fields such as `name:`.")
        if values.get("format", FORMAT) != FORMAT:
            raise ZooError(
                f"The card has format {str(values['format'])[:20]!r}, this release reads {FORMAT}; update xstilts."
            )
        check_fields(values, _FIELDS)
        for name, (is_right, expected) in CHECKS.items():
            if not is_right(values[name]):
                raise ZooError(f"The card's field '{name}' holds {noun(values[name])}, expected {expected}.")
        card = cls.of_checked(values)
        check_names(card.name, heads=card.heads, files=card.files, parents=[parent.name for parent in card.parents])
        if card.digest != digest_of(card):
            raise ZooError(f"The card of '{card.name}' does not agree with its own digest {card.digest[:12]}.")
        return card

    @classmethod
    def of_checked(cls, values: Mapping[str, Any], **known: str) -> AdapterCard:
        """Build a card from values that were checked; `known` are its `shelf` and `slug`, where these were, too."""
        card = cls(**read_parts(values))
        if known:
            vars(card).update(shelf=known["shelf"], path=f"{known['shelf']}/{known['slug']}")
        return card

    @classmethod
    def from_text(cls, text: str) -> AdapterCard:
        """Read a card's page.

        Raises:
            ZooError: it was cut short or changed, is not plain YAML within limits, or is not a card.
        """
        return _card(text) if len(text) < 100_000 else cls.from_dict(unsealed(text, _HEAD_LINE), is_plain=True)


_FIELDS = tuple(item.name for item in fields(AdapterCard))


@lru_cache(maxsize=256)
def _card(text: str) -> AdapterCard:
    return AdapterCard.from_dict(unsealed(text, _HEAD_LINE), is_plain=True)  # one page is read many times


@dataclass(frozen=True)
class Origin:
    """What weights were made from.

    Attributes:
        backbone: the encoder.
        parents: cards of the entries that they were trained on, frozen or warm-starting, or computed from.
        seen: the rows that shaped them, `rows_of` where they are the parents' own.
        licences: of those rows.
    """

    backbone: Backbone
    parents: Sequence[AdapterCard] = ()
    seen: Sequence[Seen] = ()
    licences: Sequence[str] = ()

    def all_licences(self) -> list[str]:
        """Return each licence of the rows and of the parents once, in that order."""
        inherited = (one for parent in self.parents for one in parent.licence.split(_AND))
        return [one for one in dict.fromkeys((*self.licences, *inherited)) if one]


def rows_of(cards: Iterable[AdapterCard]) -> tuple[Seen, ...]:
    """Return the rows that any of some entries saw, each source once."""
    return tuple(dict.fromkeys(seen for card in cards for seen in card.data_seen))


def digest_of(card: AdapterCard) -> str:
    """Return what identifies an adapter: a SHA-256 over its composition, its backbone's digest and its files.

    Training time, scores and licence do not enter: two machines that learn the same weights get the same digest.
    """
    files = sorted((name, held.sha256) for name, held in card.files.items())
    return hashlib.sha256(json.dumps([card.name, card.backbone.digest, files]).encode()).hexdigest()
