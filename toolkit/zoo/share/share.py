"""Transfer of adapters: parents first, each entry whole or not at all, nothing overwritten silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_in
from functools import partial

from toolkit.composition import parse
from toolkit.errors import ZooError
from toolkit.progress import Progress, Report, silent
from toolkit.registry import unknown
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.lineage import lineage
from toolkit.zoo.record import add_scores, scores_of, with_scores
from toolkit.zoo.scored import text_of
from toolkit.zoo.share.address import open_place
from toolkit.zoo.share.arrival import arrive
from toolkit.zoo.share.place import Parcel, Place
from toolkit.zoo.store import Zoo
from toolkit.zoo.verify import taken

Readme = Callable[[AdapterCard, str], str]
Page = tuple[AdapterCard, str]


@dataclass(frozen=True)
class Moved:
    """What a transfer did.

    Attributes:
        sent: names that the destination did not hold, in the order they went.
        held: names whose very same weights were there already.
        by_digest: parents that were not sent and are named by digest.
        faults: what was left out, a sentence each (`sync` only).
    """

    sent: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    by_digest: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def push(
    zoo: Zoo,
    card: AdapterCard,
    destination: str,
    *,
    parents: bool = True,
    replace: bool = False,
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
        replace: put it in place of an entry of the same name with other weights.
        readme: writes the page for people from a card and the destination.
        report: progress callback.

    Raises:
        ZooError: an entry is damaged, a parent is missing or another than the card names, the name is taken, or the
            destination cannot be reached.
    """
    wanted = lineage(card, {one.path: one for one in zoo.list(damaged=[])}) if parents else [card]
    for one in wanted:
        if parents:
            zoo.verify(one)
        else:
            zoo.verify_files(one)
    left = () if parents else tuple(parent.name for parent in card.parents)
    place = open_place(destination)
    if place.local is not None:
        return _into_folder(zoo, wanted, place, replace, left, readme, report)
    parcels, sent, held = [], [], []
    pages: list[tuple[str, str]] = []
    for one in wanted:
        page = readme(with_scores(zoo, one), destination) if readme else ""
        parcel = Parcel(one, zoo.text(one), zoo.folder(one), page, text_of(scores_of(zoo, one)))
        if place.holds(one.path):
            there, _ = place.card(one.path)
            if there.digest == one.digest:
                held.append(one.name)
                pages += _more_scores(zoo, one, place, parcel)
                continue
            if not replace:
                raise taken(one, there, destination)
        parcels.append(parcel)
        sent.append(one.name)
    if pages:
        place.write_pages(pages)
    if parcels:
        report(Progress(f"push to {destination}", 0, len(parcels)))
        place.publish(parcels)
        report(Progress(f"push to {destination}", len(parcels), len(parcels)))
        for parcel in parcels:
            # Somebody may have pushed the same name at the same moment: the last one is kept, and the other gets an error.
            there, _ = place.card(parcel.path)
            if there.digest != parcel.card.digest:
                raise taken(parcel.card, there, destination)
    return Moved(tuple(sent), tuple(held), left)


def pull(
    zoo: Zoo,
    source: str,
    name: str | None = None,
    *,
    backbone: str | None = None,
    pins: Mapping[str, str] | None = None,
    replace: bool = False,
    report: Report = silent,
) -> Moved:
    """Fetch an adapter and what it was trained on, or everything that a place holds.

    Args:
        zoo: the zoo that takes it.
        source: a folder, an fsspec URL, `hf://org/repo`.
        name: composition; None takes all.
        backbone: only this backbone's.
        pins: digest by name, as a lock has them: these are fetched, and no others.
        replace: put it in place of entries of the same names with other weights.

    Raises:
        ZooError: no such adapter there, a card or a file is damaged, a parent is nowhere, or a name is taken.
    """
    place = open_place(source)
    if place.local is not None and not place.local.is_dir():
        raise ZooError(f"There is no folder {source}; check the path.")
    damaged: list[str] = []
    pages = {card.path: (card, text) for card, text in place.cards(damaged=damaged if name or pins else None)}
    held_here = {card.path: card for card in zoo.list(damaged=[])}
    if pins is not None:
        chosen = _pinned(pins, [card for card, _ in pages.values()], list(held_here.values()), source)
        pages = {path: page for path, page in pages.items() if page[0].digest in pins.values()}
    else:
        chosen = _choose(pages, name, backbone, source, damaged)
    known = {**held_here, **{path: card for path, (card, _) in pages.items()}}
    wanted: dict[str, AdapterCard] = {}
    for card in chosen:
        for one in lineage(card, known, fallback=held_here, where=source):
            wanted[one.path] = one
    # Everything that can be refused is refused before the first byte is fetched.
    for path, card in wanted.items():
        if path in pages:
            zoo.same(card, replace=replace)
    sent: list[str] = []
    held: list[str] = []
    for number, (path, card) in enumerate(wanted.items()):
        report(Progress(f"pull from {source}", number, len(wanted)))
        is_there = path in pages and card is pages[path][0]
        is_new = is_there and arrive(zoo, place, *pages[path], replace=replace)
        if is_there:
            add_scores(zoo, card, place.scores(card))
        (sent if is_new else held).append(card.name)
    report(Progress(f"pull from {source}", len(wanted), len(wanted)))
    return Moved(tuple(sent), tuple(held))


def sync(zoo: Zoo, url: str, *, readme: Readme | None = None, report: Report = silent) -> tuple[Moved, Moved]:
    """Bring a zoo and a place to hold the same adapters: fetch what is missing here, send what is missing there.

    A name that stands for other weights on the other side is left as it is on both, and said.

    Returns:
        What was fetched, and what was sent; faults are listed, the rest is done.
    """
    place = open_place(url)
    faults: list[str] = []
    pages = {}
    if place.local is None or place.local.is_dir():
        pages = {card.path: card for card, _ in place.cards(damaged=faults)}
    here = {card.path: card for card in zoo.list(damaged=faults)}
    got: list[str] = []
    for path, card in pages.items():
        if path in here:
            if here[path].digest != card.digest:
                faults.append(str(taken(card, here[path], zoo.root)))
            elif {one.key for one in place.scores(card)} != {one.key for one in scores_of(zoo, card)}:
                _tried(partial(pull, zoo, url, card.name, backbone=card.shelf), faults)
                _tried(partial(push, zoo, here[path], url, parents=False, readme=readme), faults)
            continue
        got += _tried(partial(pull, zoo, url, card.name, backbone=card.shelf, report=report), faults)
    sent: list[str] = []
    for path, card in here.items():
        if path not in pages:
            sent += _tried(partial(push, zoo, card, url, readme=readme, report=report), faults)
    return Moved(tuple(dict.fromkeys(got))), Moved(tuple(dict.fromkeys(sent)), faults=tuple(faults))


def _more_scores(zoo: Zoo, card: AdapterCard, place: Place, parcel: Parcel) -> list[tuple[str, str]]:
    """Return the pages of an entry that a place holds, with the scores of both sides; none where it lacks no score."""
    there, here = place.scores(card), scores_of(zoo, card)
    known = {(one.key, one.score.value) for one in there}
    new = [one for one in here if (one.key, one.score.value) not in known]
    return replace_in(parcel, scores=text_of([*there, *new])).pages if new else []


def _into_folder(
    zoo: Zoo,
    wanted: list[AdapterCard],
    place: Place,
    replace: bool,
    left: tuple[str, ...],
    readme: Readme | None,
    report: Report,
) -> Moved:
    """Push to a folder: it becomes a zoo, so the entries arrive there as they would by a pull."""
    assert place.local is not None
    source, target = open_place(str(zoo.root)), Zoo(place.local)
    for card in wanted:
        target.same(card, replace=replace)
    sent: list[str] = []
    held: list[str] = []
    for number, card in enumerate(wanted):
        report(Progress(f"push to {place.url}", number, len(wanted)))
        is_new = arrive(target, source, card, zoo.text(card), replace=replace)
        n_scores = add_scores(target, card, scores_of(zoo, card))
        (sent if is_new else held).append(card.name)
        if readme and (is_new or n_scores):
            target.write_readme(card, readme(with_scores(target, card), place.url))
    report(Progress(f"push to {place.url}", len(wanted), len(wanted)))
    return Moved(tuple(sent), tuple(held), left)


def _choose(
    pages: Mapping[str, Page], name: str | None, backbone: str | None, source: str, damaged: Sequence[str]
) -> list[AdapterCard]:
    cards = [card for card, _ in pages.values()]
    if backbone is not None:
        cards = [card for card in cards if backbone in (card.backbone.name, card.shelf)]
    if name is None:
        if not cards:
            raise ZooError(f"{source} holds no adapters{f' for {backbone}' if backbone else ''}.")
        return cards
    text = str(parse(name))
    found = [card for card in cards if card.name == text]
    if not found:
        # The entry that was asked for may be the one that cannot be read; its folder is named in the sentence.
        if broken := [one for one in damaged if parse(text).slug in one] or damaged:
            raise ZooError(broken[0])
        raise unknown(f"adapter in {source}", text, sorted({card.name for card in cards}), error=ZooError)
    if len(found) > 1:
        shelves = ", ".join(card.backbone.name for card in found)
        raise ZooError(f"{source} holds '{text}' for {shelves}; choose one with --backbone.")
    return found


def _pinned(
    pins: Mapping[str, str], there: Sequence[AdapterCard], here: Sequence[AdapterCard], source: str
) -> list[AdapterCard]:
    found = []
    for name, digest in pins.items():
        fitting = [card for card in (*there, *here) if card.name == name and card.digest == digest]
        if not fitting:
            other = [card.digest[:12] for card in there if card.name == name]
            what = f"holds {', '.join(other)}" if other else "has no such entry"
            raise ZooError(f"The lock pins '{name}' to {digest[:12]}, but {source} {what}; nothing was taken.")
        found.append(fitting[0])
    return found


def _tried(move: Callable[[], Moved], faults: list[str]) -> tuple[str, ...]:
    try:
        return move().sent
    except ZooError as error:
        faults.append(str(error))
        return ()
