"""Clearing of a zoo: entries that nothing needs, and what killed writers and transfers have left.

What a process that runs is using is left alone: it holds the lock of the folder that it works in.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from toolkit.composition import parse
from toolkit.errors import ZooError
from toolkit.zoo.card import CARD_FILE, MAX_CARD_BYTES, AdapterCard
from toolkit.zoo.entry import delete, is_temporary, is_unfinished, repair, take_out
from toolkit.zoo.files import locked, names, open_regular, subfolders
from toolkit.zoo.lease import LEASES, clear_ended, ended
from toolkit.zoo.lock import Lock
from toolkit.zoo.store import Zoo

INCOMING = ".incoming"  # of a zoo: what transfers have fetched of an entry, by its digest
KEPT_S = 86_400.0  # for so long an interrupted transfer can be continued before another one clears what it left
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_IS_CUT = re.compile(r"[-=+~,@.\w]*[0-9a-f]{12}")  # a folder's name that is not the whole composition


def unneeded(zoo: Zoo, locks: Sequence[Lock]) -> tuple[list[AdapterCard], list[str]]:
    """Return the entries that no lock, no other card and no fusion names, and why other entries cannot be read.

    Removing them may leave others unneeded; those are found the next time, so that each removal is looked at. What an
    entry that cannot be read may have been trained on is kept: what its page or its name mentions.
    """
    held = zoo.read_all()
    named: set[tuple[str, str]] = set()
    for card in held.cards.values():
        made_from = {parent.name for parent in card.parents} | set(parse(card.name).entries)
        named |= {(card.shelf, name) for name in made_from - {card.name}}
    mentioned = {path: _mentions(zoo.root / path) for path in held.faults if "/" in path}
    pinned = {(lock.backbone.digest, name) for lock in locks for name in lock.entries}
    cards = [
        card
        for card in held.cards.values()
        if (card.shelf, card.name) not in named
        and (card.backbone.digest, card.name) not in pinned
        and not any(_may_need(path, digests, card) for path, digests in mentioned.items())
    ]
    return cards, [str(error) for error in held.faults.values()]


def leftovers(zoo: Zoo) -> list[Path]:
    """Return what killed processes have left, and what those that run are using; `clear` leaves the latter alone."""
    found = _incoming(zoo) + ended(zoo.root)
    for shelf in subfolders(zoo.root):
        if shelf.is_symlink():
            continue
        with suppress(ZooError):
            found += [shelf / name for name in names(shelf) if is_unfinished(name)]
            for home in subfolders(shelf):
                if not home.is_symlink():
                    found += [home / name for name in names(home) if is_temporary(name)]
    return found


def clear(zoo: Zoo, cards: Iterable[AdapterCard], left: Iterable[Path]) -> int:
    """Remove entries and leftovers; an entry that has become a parent, or other weights, meanwhile stays.

    Returns:
        How many of both were removed.
    """
    by_shelf: dict[str, list[AdapterCard]] = {}
    for card in cards:
        by_shelf.setdefault(card.shelf, []).append(card)
    removed = 0
    for shelf, going in by_shelf.items():
        with zoo.writing(zoo.root / shelf):
            now = zoo.read_all(shelf).cards
            parents = {parent.name for card in now.values() for parent in card.parents}
            for card in going:
                found = now.get(card.path)
                if found is not None and found.digest == card.digest and card.name not in parents:
                    take_out(zoo.root / card.path)
                    removed += 1
    return removed + sum(_clear(zoo, path) for path in left if os.path.lexists(path))


def clear_old(zoo: Zoo, digests: Collection[str] = ()) -> None:
    """Clear what interrupted transfers into a zoo left a day ago or earlier, and of some entries whatever they left."""
    for path in _incoming(zoo):
        with suppress(OSError):
            if path.name in digests or time.time() - _newest(path) > KEPT_S:
                _clear(zoo, path)


def _incoming(zoo: Zoo) -> list[Path]:
    folder = zoo.root / INCOMING
    return [folder / name for name in names(folder)] if folder.is_dir() and not folder.is_symlink() else []


def _clear(zoo: Zoo, path: Path) -> bool:
    """Clear one leftover; return False where a process that runs holds it."""
    if path.parent.name == LEASES:
        return clear_ended(path)
    is_fetched = path.parent.name == INCOMING
    if is_fetched and not path.is_dir():
        delete(path)
        return True
    shelf = path if is_fetched else path.parent if path.parent.parent == zoo.root else path.parent.parent
    with suppress(ZooError), locked(shelf, timeout_s=0.0):
        if is_fetched or is_temporary(path.name):
            delete(path)
        else:
            repair(shelf)  # puts back what was being replaced
        return True
    return False


def _newest(folder: Path) -> float:
    """Return when something was last written into a folder: the fetched files, not the lock."""
    times = [os.lstat(folder / name).st_mtime for name in names(folder) if name != ".lock"] if folder.is_dir() else []
    return max(times or [os.lstat(folder).st_mtime])


def _mentions(folder: Path) -> frozenset[str] | None:
    """Return the digests in the page of an entry that cannot be used; None where there is no page to read."""
    with suppress(ZooError), open_regular(folder / CARD_FILE, "The card") as stream:
        data = stream.read(MAX_CARD_BYTES)
        return frozenset(found.decode() for found in _DIGEST.findall(data)) if data.strip() else None
    return None


def _may_need(path: str, digests: frozenset[str] | None, card: AdapterCard) -> bool:
    """Return whether a damaged entry may have been trained on an entry of its backbone, or be a composition of it."""
    shelf, _, slug = path.partition("/")
    if shelf != card.shelf:
        return False
    own = card.path.partition("/")[2]
    if digests is not None and card.digest in digests:
        return True
    return own in slug or (digests is None and _IS_CUT.fullmatch(slug) is not None)
