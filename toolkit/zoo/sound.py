"""Soundness of a zoo: every entry read, what is wrong with any of them named, the others used."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.composition import parse
from toolkit.errors import ToolkitError, ZooError
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.folders import Folders, refuse_links
from toolkit.zoo.index import card_of, identity, is_kept, keep, known, status_of
from toolkit.zoo.lineage import Find, circles, fitting, lineages
from toolkit.zoo.values import Parent
from toolkit.zoo.verify import entry_faults

MOST_FAULTS = 20  # of one entry that are listed; a card of a stranger may name thousands of parents


@dataclass(frozen=True)
class Reading:
    """What was read of a zoo.

    Attributes:
        cards: of the sound entries, by `<backbone>/<composition>`, sorted.
        faults: why the others cannot be used, by the same path, or by the folder of a backbone.
    """

    cards: Mapping[str, AdapterCard] = field(default_factory=dict)
    faults: Mapping[str, ZooError] = field(default_factory=dict)


def read_all(folders: Folders, backbone: str | None = None) -> Reading:
    """Read the cards of one backbone, or of all; entries that are each other's parents are faults as well."""
    with without_collector():
        return _read_all(folders, backbone)


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the collector of circular garbage: it would look through all cards again and again while they are made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_all(folders: Folders, backbone: str | None) -> Reading:
    cards: dict[str, AdapterCard] = {}
    faults: dict[str, ZooError] = {}
    for shelf in folders.shelves(backbone):
        try:
            found = folders.entries(shelf)
        except ZooError as error:
            faults[shelf.name] = error
            continue
        indexed = _Indexed(folders, shelf, len(found))
        for folder in found:
            path = f"{shelf.name}/{folder.name}"
            try:
                card = indexed.read(folder)
            except ZooError as error:
                faults[path] = error
                continue
            if card is not None:  # else it was removed meanwhile
                cards[path] = card
        indexed.keep()
    bad = circles(list(cards.values()))
    return Reading({path: card for path, card in cards.items() if path not in bad}, {**faults, **bad})


class _Indexed:
    """Cards of one backbone's folder, of which a large one has an index."""

    def __init__(self, folders: Folders, shelf: Path, number: int) -> None:
        self.folders, self.shelf = folders, shelf
        self.is_kept = is_kept(number)
        self.known = known(folders.root, shelf.name) if self.is_kept else {}
        self.new: list[tuple[str, os.stat_result, AdapterCard]] = []

    def read(self, folder: Path) -> AdapterCard | None:
        """Return the card in a folder, as `Folders.read_in_place` does."""
        if not self.is_kept:
            return self.folders.read_in_place(folder)
        before = status_of(folder)
        file, text = self.known.pop(folder.name, ("", ""))
        if before is not None and file == identity(before):
            card = card_of(text, self.shelf.name, folder.name)
            if card is not None:
                return card
        card = self.folders.read_in_place(folder)
        after = status_of(folder)
        is_same = before is not None and after is not None and identity(before) == identity(after)
        if card is not None and after is not None and is_same:
            self.new.append((folder.name, after, card))
        return card

    def keep(self) -> None:
        """Keep what was read and was not known; what is left of what was known has no folder any more."""
        if self.new or self.known:
            keep(self.folders.root, self.shelf.name, self.new, self.known)


def every_fault(folders: Folders, backbone: str | None = None) -> Iterator[tuple[AdapterCard | None, list[str]]]:
    """Check every file and every parent in a zoo; yield each entry with its faults, none for a sound one.

    What cannot be read has no card.
    """
    held = read_all(folders, backbone)
    for error in held.faults.values():
        yield None, [str(error)]
    for card in held.cards.values():
        yield card, faults_of(folders, card, held)


def faults_of(folders: Folders, card: AdapterCard, held: Reading | None = None) -> list[str]:
    """Return everything that is wrong with an entry: its files, and what it was trained on.

    Args:
        folders: of the zoo.
        card: of the entry.
        held: what was read of the zoo; None: parents are read one by one, and theirs, too.
    """
    folder = folders.home(card)
    try:
        refuse_links(folder)
    except ZooError as error:
        return [str(error)]
    faults = entry_faults(folder, card)
    for parent in card.parents:
        try:
            _parent(folders, card, parent, held)
        except ZooError as error:
            faults.append(str(error))
    if held is None and not faults:
        faults += [str(error) for error in ancestor_faults(folders, card)[:1]]
    return faults if len(faults) <= MOST_FAULTS else [*faults[:MOST_FAULTS], f"And {len(faults) - MOST_FAULTS} more."]


def ancestor_faults(folders: Folders, card: AdapterCard) -> list[ZooError]:
    """Return what is wrong with an entry's parents, theirs, and so on: missing, other weights, another backbone, a circle."""
    return list(lineages([card], lambda child, parent: _parent(folders, child, parent, None))[1].values())


def parents_in(folders: Folders, held: Reading) -> Find:
    """Return how parents are found in what was read of a zoo: one that cannot be used says why."""
    return lambda card, parent: _parent(folders, card, parent, held)


def _parent(folders: Folders, card: AdapterCard, parent: Parent, held: Reading | None) -> AdapterCard:
    """Return the card of a parent.

    Raises:
        ZooError: the zoo does not hold it, it cannot be read, or is another one.
    """
    cannot = f"The parent '{parent.name}' of '{card.name}' cannot be used"
    path = f"{card.shelf}/{parse(parent.name).slug}"
    if held is not None:
        if path in held.cards:
            return fitting(card, parent, held.cards[path])
        if path in held.faults:
            raise ZooError(f"{cannot}: {held.faults[path]}")
    folder: Path = folders.root / path
    try:
        found = folders.read_in_place(folder) if os.path.lexists(folder) else None
    except ToolkitError as error:
        raise ZooError(f"{cannot}: {error}") from None
    if found is None:
        raise ZooError(f"{cannot}: the zoo {folders.root} does not hold it; pull or train it.")
    return fitting(card, parent, found)
