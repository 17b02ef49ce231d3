"""Lineage of entries: what they were trained on, and theirs, in the order in which they are sent; what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from toolkit.composition import parse
from toolkit.errors import ZooError
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.values import Parent

Find = Callable[[AdapterCard, Parent], AdapterCard]  # returns the card of a parent, or raises ZooError


def lineages(
    cards: Iterable[AdapterCard], find: Find, *, bad: Mapping[str, ZooError] | None = None
) -> tuple[list[AdapterCard], dict[str, ZooError]]:
    """Return all entries that some entries were trained on, parents first; each is looked at once.

    Args:
        cards: the entries.
        find: returns the card of a parent.
        bad: entries that cannot be used, by path, for a reason of their own.

    Returns:
        What is sound, and the fault of everything that is not, by path: the first fault of a lineage first.
    """
    found: dict[str, AdapterCard] = {}
    faults: dict[str, ZooError] = dict(bad or {})
    for card in cards:
        waiting: list[tuple[AdapterCard, Sequence[AdapterCard] | None]] = [(card, None)]
        opened: set[str] = set()  # what is being looked at: an entry among its own parents closes a circle
        while waiting:
            one, parents = waiting.pop()
            if parents is not None:
                opened.discard(one.path)
                broken = [parent for parent in parents if parent.path in faults]
                if one.path in faults:
                    continue
                if broken:
                    faults[one.path] = _without(one, broken[0])
                else:
                    found[one.path] = one
                continue
            if one.path in found or one.path in faults or one.path in opened:
                continue
            opened.add(one.path)
            try:
                parents = [find(one, parent) for parent in one.parents]
            except ZooError as error:
                faults[one.path] = error
                parents = ()
            if back := next((parent for parent in parents if parent.path in opened), None):
                faults[one.path] = _circle(one.name, back.name)
            waiting.append((one, parents))
            waiting += [(parent, None) for parent in reversed(parents)]
    return list(found.values()), faults


def circles(cards: Sequence[AdapterCard]) -> dict[str, ZooError]:
    """Return the fault of every entry that was trained on itself by way of others, by path.

    Two entries that name each other cannot both have been there first; the work is linear in entries and parents.
    """
    by_name = {(card.shelf, card.name): card for card in cards}
    parents = {
        key: {(card.shelf, parent.name) for parent in card.parents} & by_name.keys() for key, card in by_name.items()
    }
    children: dict[tuple[str, str], set[tuple[str, str]]] = {key: set() for key in by_name}
    for key, above in parents.items():
        for one in above:
            children[one].add(key)
    left = set(by_name)
    for near, far in ((parents, children), (children, parents)):
        # What has no parent left goes, then its children, and so on; then the same from the other end.
        n_near = {key: len(near[key] & left) for key in left}
        free = [key for key, number in n_near.items() if not number]
        while free:
            key = free.pop()
            left.discard(key)
            for one in far[key]:
                if one in left:
                    n_near[one] -= 1
                    if not n_near[one]:
                        free.append(one)
    return {by_name[key].path: _circle(key[1], min(parents[key] & left)[1]) for key in sorted(left)}


def fitting(card: AdapterCard, parent: Parent, held: AdapterCard, where: str = "the zoo") -> AdapterCard:
    """Return a held entry as the parent of another one.

    Raises:
        ZooError: it has other weights than the entry was trained on, or is of another backbone.
    """
    if held.digest != parent.digest:
        raise ZooError(
            f"'{card.name}' was trained on '{parent.name}' {parent.digest[:12]}, but {where} holds {held.digest[:12]}; "
            f"pull the parent it was made from, or train '{card.name}' again."
        )
    if held.backbone.digest != card.backbone.digest:
        raise ZooError(
            f"'{card.name}' is of {card.backbone.name} {card.backbone.digest[:12]}, but its parent '{parent.name}' is of "
            f"{held.backbone.name} {held.backbone.digest[:12]}; pull both again from one place."
        )
    return held


def _among(
    known: Mapping[str, AdapterCard],
    fallback: Mapping[str, AdapterCard],
    where: str,
    card: AdapterCard,
    parent: Parent,
) -> AdapterCard:
    path = f"{card.shelf}/{parse(parent.name).slug}"
    options = [held[path] for held in (known, fallback) if path in held]
    if not options:
        raise ZooError(
            f"'{card.name}' was trained on '{parent.name}' {parent.digest[:12]}, which neither {where} nor "
            "this zoo holds; pull that one first, from where it is."
        )
    right = [held for held in options if held.digest == parent.digest]
    return fitting(card, parent, (right or options)[0], where)


def among(
    known: Mapping[str, AdapterCard], fallback: Mapping[str, AdapterCard] | None = None, where: str = "the zoo"
) -> Find:
    """Return how parents are found among cards by path; arguments as for `lineage`."""
    return partial(_among, known, fallback or {}, where)


def _circle(name: str, parent: str) -> ZooError:
    if name == parent:
        return ZooError(f"'{name}' names itself as a parent, which no training can make; remove it, or pull it again.")
    return ZooError(
        f"'{name}' and '{parent}' name each other as parents, directly or by others, which no training can make; remove one "
        "(`xstilts zoo remove NAME --force`), and pull or train it again."
    )


def _without(card: AdapterCard, parent: AdapterCard) -> ZooError:
    return ZooError(f"'{card.name}' was left out: its parent '{parent.name}' cannot be used.")
