"""Frozen values of a card: backbone, heads, parents, the rows it saw, scores and files, each as a mapping in `card.yaml`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Literal, Protocol, Self, get_args

from toolkit.config.words import Pooling
from toolkit.results.score import Score, to_dict
from toolkit.tasks.kinds import MASKED, POOLED, Kind

POOLINGS: dict[str, Pooling] = {name: name for name in get_args(Pooling)}


@cache
def _names(cls: Hashable) -> tuple[str, ...]:
    return tuple(item.name for item in fields(cls) if item.name != "more")  # type: ignore[arg-type]


@cache
def _known(cls: Hashable) -> frozenset[str]:
    return frozenset(_names(cls))


@cache
def _defaults(cls: Hashable) -> dict[str, Any]:
    return {item.name: item.default for item in fields(cls) if item.default is not MISSING}  # type: ignore[arg-type]


@dataclass(frozen=True)
class Value:
    """One mapping of a card.

    A field that is None is not written. Keys of a later release are kept in `more`, so that a card that is read and
    written again loses nothing.

    Example:
        >>> Parent.read({"name": "mnli", "digest": "ab", "since": 3}).to_dict()
        {'name': 'mnli', 'digest': 'ab', 'since': 3}
    """

    more: Mapping[str, Any] = field(default_factory=dict, kw_only=True, hash=False)

    @classmethod
    def read(cls, held: Mapping[str, Any]) -> Self:
        """Build the value from a mapping whose fields were checked (`fields.CHECKS`)."""
        known = _known(cls)  # type: ignore[arg-type]
        if held.keys() <= known and list not in map(type, held.values()):
            made = cls.__new__(cls)  # without the calls that freeze field after field: a zoo has thousands of cards
            vars(made).update(_defaults(cls), more={}, **held)  # type: ignore[arg-type]
            return made
        found = {key: tuple(item) if isinstance(item, list) else item for key, item in held.items() if key in known}
        return cls(**found, more={key: item for key, item in held.items() if key not in known})

    def to_dict(self) -> dict[str, Any]:
        """Return the mapping as the card holds it."""
        named = ((name, getattr(self, name)) for name in _names(type(self)))  # type: ignore[arg-type]
        plain = {key: list(item) if isinstance(item, tuple) else item for key, item in named if item is not None}
        return {**plain, **self.more}


class Encoder(Protocol):
    """A loaded backbone, as far as a card describes it (`toolkit.modeling.backbone.Backbone`)."""

    @property
    def digest(self) -> str: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def n_layers(self) -> int: ...
    @property
    def revision(self) -> str: ...


class Answers(Protocol):
    """The description of a head that is trained (`toolkit.modeling.heads.HeadSpec`)."""

    @property
    def kind(self) -> Kind: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def pooling(self) -> str: ...
    @property
    def temperature(self) -> float: ...
    @property
    def pieces(self) -> int: ...


@dataclass(frozen=True)
class Backbone(Value):
    """The encoder that an entry was trained on.

    Attributes:
        name: its name in the zoo (`shelf_name`).
        digest: SHA-256 over its weights.
        hidden_size: width H.
        layers: number of layers L.
        revision: `org/name@commit` of a model of the hub; None for others, and on older cards.
    """

    name: str
    digest: str
    hidden_size: int
    layers: int
    revision: str | None = None

    @classmethod
    def of(cls, encoder: Encoder, name: str) -> Backbone:
        """Return the value of a loaded encoder, under its name in the zoo."""
        return cls(name, encoder.digest, encoder.hidden_size, encoder.n_layers, encoder.revision or None)


@dataclass(frozen=True)
class Head(Value):
    """A head of an entry.

    Attributes:
        kind: kind of task that it answers.
        labels: names of its classes, in order; empty for a head without classes.
        pooling: how a retrieval head makes a vector of a text; None for other heads, and on cards of 0.1.0.
        temperature: divisor of a retrieval head's cosines when its training began; None like `pooling`.
        pieces: size of the vocabulary of a masked language head; None for other heads.
    """

    kind: Kind
    labels: tuple[str, ...] = ()
    pooling: str | None = None
    temperature: float | None = None
    pieces: int | None = None

    @classmethod
    def of(cls, spec: Answers) -> Head:
        """Return the value of a head that was trained; only a retrieval head has a pooling and a temperature."""
        if spec.kind in MASKED:
            return cls(spec.kind, pieces=spec.pieces)
        if spec.kind not in POOLED:
            return cls(spec.kind, spec.labels)
        return cls(spec.kind, spec.labels, spec.pooling, spec.temperature)


@dataclass(frozen=True)
class Parent(Value):
    """An entry whose weights another one was trained on, or was computed from."""

    name: str
    digest: str


@dataclass(frozen=True)
class Seen(Value):
    """Rows that shaped an entry's weights.

    Attributes:
        task: the task's name.
        split: the split as it was asked for.
        language: code of the rows' language.
        rows: how many they are.
        fingerprint: of the rows.
        origin: where they were read from; `external` for an adapter that was made elsewhere.
        is_generated: whether they come from the built-in generator.
        revision: `org/name@commit` of the dataset, where it is known.
        drawn_from: number of rows from which `rows` were drawn; None where all were used.
        seed: seed of the draws.
        limit: the limit by which they were drawn from the split, before `drawn_from`; None where there was none, and on
            cards of 0.1.0, whose rows are the first ones of their split.
        is_translated: whether a machine translated them; None: no.
    """

    task: str
    split: str | None = None
    language: str | None = None
    rows: int | Literal["unknown"] | None = None
    fingerprint: str | None = None
    origin: str | None = None
    is_generated: bool | None = None
    revision: str | None = None
    drawn_from: int | None = None
    seed: int | None = None
    limit: int | None = None
    is_translated: bool | None = None

    @property
    def is_external(self) -> bool:
        """Whether the rows are not known, because the adapter was made elsewhere."""
        return self.origin == "external"


# Rows of an adapter that came from elsewhere without saying which rows it saw.
UNKNOWN_DATA = Seen("unknown", "unknown", "unknown", "unknown", "unknown", "external", is_generated=False)


@dataclass(frozen=True)
class CardScore(Value):
    """A score as a card records it: the fields of `toolkit.results.score.Score`, of which four are always there."""

    task: str
    language: str
    metric: str
    value: float
    n: int | None = None
    composition: str | None = None
    seed: int | None = None
    protocol: str | None = None
    split: str | None = None
    backbone: str | None = None
    is_generated: bool | None = None
    fingerprint: str | None = None
    revision: str | None = None
    language_adapter: str | None = None

    @classmethod
    def of(cls, score: Score) -> CardScore:
        """Return the record of a score that was just computed."""
        return cls.read(to_dict(score))


@dataclass(frozen=True)
class CardFile(Value):
    """A weight file: SHA-256, size in bytes, number of tensors."""

    sha256: str
    bytes: int
    tensors: int


def read_parts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a card with their values built, from a mapping whose fields were checked (`fields.CHECKS`)."""
    return {
        **values,
        "backbone": Backbone.read(values["backbone"]),
        "tasks": tuple(values["tasks"]),
        "heads": {name: Head.read(held) for name, held in values["heads"].items()},
        "parents": tuple(map(Parent.read, values["parents"])),
        "data_seen": tuple(map(Seen.read, values["data_seen"])),
        "scores": tuple(map(CardScore.read, values["scores"])),
        "files": {name: CardFile.read(held) for name, held in values["files"].items()},
    }
