"""Transfer of adapters: parents first, each entry whole or not at all, nothing overwritten silently."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.composition import parse
from toolkit.errors import ZooError
from toolkit.modeling.hub_ids import is_folder
from toolkit.progress import Report, silent
from toolkit.registry import unknown
from toolkit.zoo.card import README_FILE, AdapterCard
from toolkit.zoo.clear import clear_old
from toolkit.zoo.lineage import Find, among, lineages
from toolkit.zoo.lock import Lock
from toolkit.zoo.names import backbone_slug, is_local, spellings
from toolkit.zoo.record import add_scores, scores_of
from toolkit.zoo.share.address import open_place
from toolkit.zoo.share.moving import Moving, Pages, Readme, Replace, send, take_in
from toolkit.zoo.share.place import Place
from toolkit.zoo.shelf import Shelf, find_shelf
from toolkit.zoo.sound import Reading
from toolkit.zoo.store import Zoo
from toolkit.zoo.values import Parent
from toolkit.zoo.verify import taken


@dataclass(frozen=True)
class Moved:
    """What a transfer did.

    Attributes:
        sent: names that the destination did not hold, in the order they went.
        held: names whose very same weights were there already.
        by_digest: parents that were not sent and are named by digest.
        faults: what was left out, a sentence each.
    """

    sent: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    by_digest: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @classmethod
    def by(cls, moving: Moving, *, by_digest: tuple[str, ...] = ()) -> Moved:
        """Return what a transfer did in the end; an entry that came twice, for two backbones, is named once."""
        sent, held = dict.fromkeys(moving.sent), dict.fromkeys(moving.held)
        faults = dict.fromkeys(map(str, moving.faults.values()))
        return cls(tuple(sent), tuple(held), by_digest, tuple(faults))


def push(
    zoo: Zoo,
    card: AdapterCard,
    destination: str,
    *,
    parents: bool = True,
    replace: Replace = False,
    readme: Readme | None = None,
    report: Report = silent,
) -> Moved:
    """Send an adapter, and what it was trained on, to a folder or URL.

    Args:
        zoo: where it is.
        card: which one.
        destination: a folder (which becomes a zoo), an fsspec URL, `hf://org/repo`.
        parents: send the entries it was trained on too; without, the destination must not need them to be useful:
            they are named by digest, and a pull asks for them.
        replace: put it in place of an entry of the same name with other weights; `any`: also where others there were
            trained on those.
        readme: writes the page for people from a card and the destination.
        report: progress callback.

    Raises:
        ZooError: an entry is damaged, a parent is missing or another than the card names, the name is taken, or the
            destination cannot be reached.
    """
    moving = Moving(f"push to {destination}", report, is_whole=True)
    if parents:
        held = zoo.read_all()
        order, faults = lineages([card], zoo.parents_in(held))
        for error in faults.values():
            raise error
        for one in order:
            zoo.check(one, held)
    else:
        order = [card]
        zoo.verify_files(card)
    place = open_place(destination)
    send(zoo, order, place, replace=replace, readme=readme, moving=moving)
    place.clear([one.path for one in order])
    left = () if parents else tuple(parent.name for parent in card.parents)
    return Moved.by(moving, by_digest=left)


def pull(
    zoo: Zoo,
    source: str,
    name: str | None = None,
    *,
    backbone: str | None = None,
    lock: Lock | None = None,
    replace: Replace = False,
    report: Report = silent,
) -> Moved:
    """Fetch an adapter and what it was trained on, or everything that a place holds.

    Args:
        zoo: the zoo that takes it.
        source: a folder, an fsspec URL, `hf://org/repo`.
        name: composition; None takes all: what is sound arrives, and what is not is in `Moved.faults`.
        backbone: only this backbone's.
        lock: exactly what it pins is fetched, and nothing else.
        replace: put it in place of entries of the same names with other weights; `any`: also where others here were
            trained on those.
        report: progress callback.

    Raises:
        ZooError: no such adapter there, a card or a file that was asked for is damaged, its parent is nowhere, or its name is
            taken; the place cannot be reached, or the disk is full.
    """
    shelf = None if backbone is None else find_shelf(zoo.root, backbone, is_computed=True)
    place = open_place(source)
    if place.local is not None and not place.local.is_dir():
        raise ZooError(f"There is no folder {source}; check the path.")
    pages = Pages(*place.read_all())
    here = zoo.read_all()
    if lock is not None:
        chosen = _pinned(lock, list(pages.cards.values()), list(here.cards.values()), source)
        pinned = set(lock.entries.values())
        pages = Pages({path: page for path, page in pages.found.items() if page[0].digest in pinned}, pages.faults)
    else:
        chosen = _choose(pages, name, shelf, source)
    is_whole = name is not None or lock is not None
    moving = Moving(f"pull from {source}", report, is_whole=is_whole)
    if not is_whole:
        moving.faults |= _of_backbone(pages.faults, shelf)
    order, faults = lineages(chosen, _find_there(pages, here, source))
    for path, error in faults.items():
        moving.leave_out(path, error)
    take_in(zoo, place, order, pages, replace, moving)
    place.clear([one.path for one in order] if is_whole else None)
    clear_old(zoo)
    zoo.written.keep()
    return Moved.by(moving)


def sync(zoo: Zoo, url: str, *, readme: Readme | None = None, report: Report = silent) -> tuple[Moved, Moved]:
    """Bring a zoo and a place to hold the same adapters: fetch what is missing here, send what is missing there.

    A name that stands for other weights on the other side is left as it is on both, and said.

    Returns:
        What was fetched, and what was sent; faults are listed, the rest is done.

    Raises:
        ZooError: the place cannot be reached, or the disk is full.
    """
    place = open_place(url)
    pages = Pages(*place.read_all()) if place.local is None or place.local.is_dir() else Pages()
    here = zoo.read_all()
    fetching, sending = Moving(f"pull from {url}", report), Moving(f"push to {url}", report)
    fetching.faults |= pages.faults
    sending.faults |= here.faults
    both = [path for path in pages.found if path in here.cards]
    for path in both:
        card = pages.found[path][0]
        if here.cards[path].digest != card.digest:
            fetching.faults[path] = taken(card, here.cards[path], zoo.root)
        else:
            add_scores(zoo, card, place.scores(card))
    missing = [card for path, card in pages.cards.items() if path not in here.cards and path not in here.faults]
    order, faults = lineages(missing, _find_there(pages, here, url), bad=fetching.faults)
    fetching.faults |= faults
    take_in(zoo, place, order, pages, False, fetching)
    _send_missing(zoo, here, place, pages, readme, sending)
    place.clear()
    clear_old(zoo)
    zoo.written.keep()
    return Moved.by(fetching), Moved.by(sending)


def _send_missing(zoo: Zoo, here: Reading, place: Place, pages: Pages, readme: Readme | None, sending: Moving) -> None:
    """Send what a place lacks, and the scores that it lacks of what it holds."""
    known = {path: {one.key for one in place.scores(card)} for path, card in pages.cards.items() if path in here.cards}
    lacks = [
        card
        for path, card in here.cards.items()
        if path not in pages.found
        or (
            pages.found[path][0].digest == card.digest
            and ({one.key for one in scores_of(zoo, card)} - known[path] or (readme and _has_no_page(place, path)))
        )
    ]
    order, faults = lineages(lacks, zoo.parents_in(here), bad=sending.faults)
    sending.faults |= faults
    for card in order:
        try:
            zoo.check(card, here)
        except ZooError as error:
            sending.faults[card.path] = error
    send(zoo, order, place, replace=False, readme=readme, moving=sending)


def _has_no_page(place: Place, path: str) -> bool:
    """Whether a folder of this machine holds an entry whose push was killed before its page was written."""
    return place.local is not None and not os.path.lexists(place.local / path / README_FILE)


def _find_there(pages: Pages, here: Reading, source: str) -> Find:
    """Return how parents are found at a place, and of those that it lacks or holds with other weights, in the zoo."""
    known = among(pages.cards, here.cards, source)
    held = {(card.shelf, card.name, card.digest) for card in here.cards.values()}

    def find(card: AdapterCard, parent: Parent) -> AdapterCard:
        fault = _fault(pages.faults, card, parent)
        is_here = (card.shelf, parent.name, parent.digest) in held
        return known(card, parent) if fault is None or is_here else _raise(fault)

    return find


def _fault(faults: Mapping[str, ZooError], card: AdapterCard, parent: Parent) -> ZooError | None:
    found = faults.get(f"{card.shelf}/{parse(parent.name).slug}")
    cannot = f"The parent '{parent.name}' of '{card.name}' cannot be used"
    return None if found is None else ZooError(f"{cannot}: {found}")


def _raise(error: ZooError) -> AdapterCard:
    raise error


def _of_backbone(faults: Mapping[str, ZooError], shelf: Shelf | None) -> dict[str, ZooError]:
    """Return the faults of one backbone's entries: what cannot be read is known by the folder of its backbone alone."""
    if shelf is None or is_local(shelf) or is_folder(shelf.asked):
        return dict(faults)
    folders = [backbone_slug(each) for each in spellings(shelf)]
    return {path: error for path, error in faults.items() if path.partition("/")[0] in folders}


def _choose(pages: Pages, name: str | None, shelf: Shelf | None, source: str) -> list[AdapterCard]:
    backbone = "" if shelf is None else shelf.asked
    every = list(pages.cards.values())
    cards = every if shelf is None else [card for card in every if shelf.holds(card)]
    if name is None:
        if not cards:
            for error in _of_backbone(pages.faults, shelf).values():
                raise error
            raise ZooError(f"{source} holds no adapters{f' for {backbone}' if backbone else ''}.")
        return cards
    text = str(parse(name))
    found = [card for card in cards if card.name == text]
    if not found:
        # The entry that was asked for may be the one that cannot be read.
        slug = parse(text).slug
        faults = _of_backbone(pages.faults, shelf)
        if broken := [error for path, error in faults.items() if path.endswith(f"/{slug}")] or list(faults.values()):
            raise broken[0]
        elsewhere = sorted({card.backbone.name for card in every if card.name == text})
        if elsewhere:
            raise ZooError(
                f"{source} holds '{text}' for {', '.join(elsewhere)}, not for {backbone}; choose that backbone."
            )
        raise unknown(f"adapter in {source}", text, sorted({card.name for card in cards}), error=ZooError)
    if len(found) > 1:
        shelves = ", ".join(card.backbone.name for card in found)
        raise ZooError(f"{source} holds '{text}' for {shelves}; choose one with --backbone.")
    return found


def _pinned(lock: Lock, there: Sequence[AdapterCard], here: Sequence[AdapterCard], source: str) -> list[AdapterCard]:
    """Return the cards that a lock pins, each checked against the lock as `eval --lock` does."""
    found = []
    for name, digest in lock.entries.items():
        fitting = [card for card in (*there, *here) if card.name == name and card.digest == digest]
        if not fitting:
            other = [card.digest[:12] for card in there if card.name == name]
            what = f"holds {', '.join(other)}" if other else "has no such entry"
            raise ZooError(f"The lock pins '{name}' to {digest[:12]}, but {source} {what}; nothing was taken.")
        found.append(fitting[0])
    lock.check(found)
    return found
