"""Verbs of the zoo that check it and clear it: `zoo_verify`, `zoo_remove`, `zoo_gc`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import PartlyDone
from toolkit.face.shared import Listing, listing
from toolkit.face.zoo import card_of, record_of, shelf_of
from toolkit.results.result import Record

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.zoo import AdapterCard


def zoo_verify(name: str | None, config: Config, *, backbone: str | None = None) -> Listing:
    """Check every file and every parent of one adapter, or of all (None), against the card.

    Raises:
        PartlyDone: some of all are damaged; `done` lists those that are sound.
        ToolkitError: the one adapter is damaged.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.record import scores_of

    held = Zoo(config.zoo)
    lines: list[str] = []
    notes: list[str] = []
    faults: list[str] = []
    cards: list[AdapterCard] = []
    if name is None:
        checked = held.checked(shelf_of(config.zoo, backbone))
    else:
        card = card_of(config.zoo, name, backbone)
        held.verify(card)
        checked = iter([(card, [])])
    for found, own in checked:
        faults += own
        if found is None or own:
            continue
        cards.append(found)
        scores_of(held, found, damaged=notes)
        digest = f"digest {found.digest[:12]}, as its card says"
        lines.append(f"{found.name} on {found.backbone.name}: {len(found.files)} files, {digest}")
    lines = lines or ([] if faults else [f"The zoo {config.zoo} holds no adapters."])
    done = listing([record_of(card) for card in cards], lines=lines, notes=notes, faults=faults)
    if faults:
        raise PartlyDone(faults, done)
    return done


def zoo_remove(name: str, config: Config, *, backbone: str | None = None, force: bool = False) -> Listing:
    """Remove an adapter; refused while another names it as a parent, unless `force`."""
    from toolkit.zoo import Shelf, Zoo

    # With a backbone given no card is read, so that a damaged entry can be removed.
    held = Zoo(config.zoo)
    shelf = shelf_of(config.zoo, backbone)
    if shelf is None or not held.holds(name, shelf):
        card = card_of(config.zoo, name, backbone)
        name, shelf = card.name, Shelf(card.shelf, name=card.backbone.name)
    held.remove(name, shelf, force=force)
    return listing([{"name": name, "backbone": shelf.name}], lines=[f"Removed {name} ({shelf.name})."])


def zoo_gc(config: Config, *, locks: Sequence[Path] = (), remove: bool = False, place: str | None = None) -> Listing:
    """Find what no lock, card or fusion names, and what killed processes left.

    What an entry that cannot be read may have been trained on is kept; why it cannot be read is in `faults`.

    Args:
        config: names the zoo.
        locks: lock files whose entries are kept; *.lock in the working folder and in the zoo's are always read.
        remove: remove what is found.
        place: a folder or URL; what killed pushes left there is found as well.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.clear import clear, leftovers, unneeded
    from toolkit.zoo.find import size
    from toolkit.zoo.lock import read_lock

    held = Zoo(config.zoo)
    named = (*locks, *sorted(Path().glob("*.lock")), *sorted(Path(config.zoo).glob("*.lock")))
    files = [path for path in dict.fromkeys(named) if path.name != ".lock"]
    cards, faults = unneeded(held, [read_lock(path) for path in files])
    left = leftovers(held)
    parts, clear_place = ([], None) if place is None else _left_at(place)
    lines = [f"{card.name}  {card.backbone.name}  {size(card) / 1e6:.1f} MB  {card.digest[:12]}" for card in cards]
    lines += [f"{path}  left by a process that ended, or in use by one that runs" for path in left]
    lines += [f"{path}  left by a push to {place} that ended" for path in parts]
    notes = [f"Kept, as {path} names it: everything it pins" for path in files]
    if not lines:
        notes.append("Nothing to remove.")
    elif remove:
        removed = clear(held, cards, left) + (clear_place() if clear_place is not None else 0)
        kept = len(cards) + len(left) + len(parts) - removed
        notes.append(
            f"Removed {removed} of them."
            if kept
            else f"Removed {len(cards)} adapters and {len(left) + len(parts)} leftovers."
        )
        notes += [f"{kept} stay: a process that runs uses them, or an adapter was made from them."] if kept else []
    else:
        notes.append("Nothing was removed; --yes removes these. Lock what you want to keep (`xstilts zoo lock EXPR`).")
    rows: list[Record] = [{"name": card.name, "backbone": card.backbone.name, "bytes": size(card)} for card in cards]
    rows += [{"name": str(path), "backbone": None, "bytes": None} for path in (*left, *parts)]
    return listing(rows, lines=lines, notes=notes, faults=[f"Damaged: {fault}" for fault in faults])


def _left_at(place: str) -> tuple[list[str], Callable[[], int]]:
    """Return what killed pushes have left at a place, and how it is removed."""
    from toolkit.zoo import Zoo
    from toolkit.zoo.clear import clear, leftovers
    from toolkit.zoo.share.address import open_place

    there = open_place(place)
    if there.local is None:
        return there.left(), there.clear
    held = Zoo(there.local)
    left = leftovers(held)
    return [*map(str, left)], lambda: clear(held, (), left)
