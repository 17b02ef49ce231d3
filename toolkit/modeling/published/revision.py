"""Revision of a checkpoint of the hub: which commit is meant where none is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from toolkit.config.ready import shipped
from toolkit.modeling.published.digests import known_digest
from toolkit.modeling.published.kept import COMMIT, whole_snapshot
from toolkit.tasks.mirror.pins import PINS, pinned, pins_file, read_pins

Why = Literal["asked", "card", "pin", "here", "shipped", "newest"]
PREFIX = "models/"  # of a model's key among the pins, whose other keys are ids of datasets


@dataclass(frozen=True)
class Made:
    """What a card says of the encoder that its entry was trained on.

    Attributes:
        entry: name of the entry.
        digest: of the encoder's weights.
        revision: `org/name@commit`; empty where it is not known.
    """

    entry: str
    digest: str
    revision: str = ""


@dataclass(frozen=True)
class Choice:
    """Revision that is used.

    Attributes:
        revision: branch, tag or commit; None: the newest of the main branch.
        why: asked for in a setting; of a card; of the pins; of what is on this machine; of the pins that are shipped.
        entry: whose card it is.
    """

    revision: str | None
    why: Why
    entry: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether it is one commit, which cannot move."""
        return self.revision is not None and COMMIT.fullmatch(self.revision) is not None

    @property
    def in_words(self) -> str:
        """Where the revision comes from, to follow it in a sentence; empty for what needs no word."""
        if self.why == "card":
            return f" (on which '{self.entry}' was trained)"
        return f" (pinned in {pins_file()})" if self.why == "pin" else ""


def choose(repo: str, asked: str | None, made: Iterable[Made] = ()) -> Choice:
    """Return the revision of a model that is used.

    What was asked for; else that on which entries were trained, and if the same weights are here, these; else the pin of the
    working folder; else what is here, so that a hub that moves changes nothing; else the commit that is shipped with this
    release, or the newest.

    Args:
        repo: id on the hub.
        asked: setting `backbone.revision`.
        made: of the entries that will be used.

    Raises:
        ConfigError: the pins cannot be read.
    """
    if asked is not None:
        return Choice(asked, "asked")
    here = whole_snapshot(repo)
    known = None if here is None else known_digest(here)
    for one in made:
        if here is not None and known == one.digest:
            return Choice(here.name, "card", one.entry)
        where, _, commit = one.revision.rpartition("@")
        if where == repo and COMMIT.fullmatch(commit):
            return Choice(commit, "card", one.entry)
    pin = pinned(PREFIX + repo)
    usual = _shipped().get(PREFIX + repo)
    if pin is not None and pin.commit != usual:
        return Choice(pin.commit, "pin")
    if here is not None:
        return Choice(here.name, "here")
    return Choice(usual, "shipped") if usual else Choice(None, "newest")


@cache
def _shipped() -> dict[str, str]:
    file: Path = shipped() / PINS.name
    return dict(read_pins(file)) if file.is_file() else {}
