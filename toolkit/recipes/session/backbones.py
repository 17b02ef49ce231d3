"""Backbone of a session: loaded once for all journeys of a process where it is frozen, and anew where it learns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from threading import Lock

from toolkit.config import Config
from toolkit.config.words import AskedPrecision
from toolkit.modeling.backbone import Backbone, load_backbone
from toolkit.modeling.embedded import embedded_folder
from toolkit.modeling.hub_ids import HUB_IDS, is_folder
from toolkit.modeling.identity import here
from toolkit.modeling.published.download import download_checkpoint
from toolkit.modeling.published.revision import Made
from toolkit.progress import under_way
from toolkit.recipes.session.session import Session
from toolkit.zoo import AdapterCard

Key = tuple[str, str, str | None]


class FrozenBackbone:
    """Holds the frozen backbone that was used last, and lends it to one circuit at a time.

    Circuits are wired into the model itself, so a backbone that one was left in would answer for the next.

    Args:
        load: loads a backbone by name, precision and revision.
    """

    def __init__(self, load: Callable[[str, AskedPrecision, str | None], Backbone]) -> None:
        self._load = load
        self._lock = Lock()
        self._held: tuple[Key, Backbone] | None = None

    def lend(self, name: str, precision: AskedPrecision, revision: str | None) -> Backbone:
        """Return the backbone, loaded where another one is held.

        Raises:
            RuntimeError: the circuit that it was lent to last is still wired into it.
        """
        key = (name, precision, revision)
        with self._lock:
            if self._held is None or self._held[0] != key:
                self._held = None  # the old one's memory is free before the new one is loaded
                self._held = (key, self._load(*key))
            backbone = self._held[1]
            if left := backbone.wired():
                raise RuntimeError(
                    f"The backbone {name} still holds {', '.join(left)} of a circuit that was not closed; close it (`with "
                    "circuit:`) before the backbone is used again."
                )
            return backbone

    def take(self, name: str, precision: AskedPrecision, revision: str | None) -> Backbone:
        """Return a backbone that nobody else has: the one that is held, if it is free, else one that is loaded."""
        key = (name, precision, revision)
        with self._lock:
            if self._held is not None and self._held[0] == key and not self._held[1].wired():
                backbone, self._held = self._held[1], None
                return backbone
        return self._load(*key)

    def give_back(self, name: str, precision: AskedPrecision, revision: str | None, backbone: Backbone) -> None:
        """Hold a backbone that was taken and is free again, unless another one is held meanwhile."""
        with self._lock:
            if self._held is None and not backbone.wired():
                self._held = ((name, precision, revision), backbone)


def take_backbone(session: Session, cards: Iterable[AdapterCard] = ()) -> Backbone:
    """Load a backbone for a circuit that stays wired while others come and go; `give_back` it when the circuit is closed."""
    settings = session.config.backbone
    if session.config.adapter.kind == "full":
        return open_backbone(session, cards)
    revision = _revision(session, cards)
    with under_way(session.report, f"load {settings.name}"):
        backbone = _FROZEN.take(settings.name, settings.precision, revision)
        backbone.use_kernel(settings.kernels)
    _say_half(backbone, session)
    return backbone


def give_back(backbone: Backbone, session: Session) -> None:
    """Give back a backbone that was taken: the next circuit of this process finds it loaded."""
    settings = session.config.backbone
    if not backbone.is_trainable:
        commit = backbone.revision.rpartition("@")[2] or None
        _FROZEN.give_back(settings.name, settings.precision, commit, backbone)


def open_backbone(session: Session, cards: Iterable[AdapterCard] = ()) -> Backbone:
    """Load the backbone of a session; a frozen one is kept for the next call in this process.

    Args:
        session: names the backbone.
        cards: of the entries that will be wired into it: where no revision is asked for, theirs is loaded.
    """
    settings = session.config.backbone
    settings = replace(settings, revision=_revision(session, cards))
    with under_way(session.report, f"load {settings.name}"):
        if session.config.adapter.kind == "full":
            # Trained in place, so never shared. Full training needs fp32 weights; bf16 then means autocast.
            backbone = load_backbone(
                settings.name, precision=settings.precision, revision=settings.revision, is_trainable=True
            )
            _say_half(backbone, session)
            return backbone
        backbone = _FROZEN.lend(settings.name, settings.precision, settings.revision)
        backbone.use_kernel(settings.kernels)
    _say_half(backbone, session)
    return backbone


def _say_half(backbone: Backbone, session: Session) -> None:
    """Say where `auto` came to fp16."""
    if backbone.precision == "fp16" and session.config.backbone.precision == "auto":
        session.say(
            "This GPU has no bf16, so products are computed in fp16 and losses are scaled; --precision fp32 is exact and slower."
        )


def fetched(session: Session, cards: Iterable[AdapterCard] = ()) -> Config:
    """Return a session's configuration for other processes, which load the backbone at once: its files are here then.

    Args:
        session, cards: as for `open_backbone`; the commit that it loads is in the configuration.
    """
    config = session.config
    if config.backbone.name == "embedded":
        embedded_folder()
    return replace(config, backbone=replace(config.backbone, revision=_revision(session, cards)))


def is_here(session: Session) -> bool:
    """Return whether the backbone of a session can be loaded without a download; a journey looks for its rows before one."""
    settings = session.config.backbone
    return settings.name in ("embedded", "tiny") or here(settings.name, settings.revision) is not None


def _revision(session: Session, cards: Iterable[AdapterCard]) -> str | None:
    """Return the commit of a model of the hub, which is downloaded here if need be; None for other backbones."""
    settings = session.config.backbone
    if settings.name in ("embedded", "tiny") or is_folder(settings.name):
        return None
    made = [Made(card.name, card.backbone.digest, card.backbone.revision or "") for card in cards]
    repo = HUB_IDS.get(settings.name, settings.name)
    return download_checkpoint(settings.name, repo, settings.revision, made=made, say=session.say).name


def _load(name: str, precision: AskedPrecision, revision: str | None) -> Backbone:
    return load_backbone(name, precision=precision, revision=revision, kernels="plain")  # until it is lent


_FROZEN = FrozenBackbone(_load)
