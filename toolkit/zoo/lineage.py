"""Lineage of an entry: the entries it was trained on, and theirs, in the order in which they are sent."""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.composition import parse
from toolkit.errors import ZooError
from toolkit.zoo.card import AdapterCard


def lineage(
    card: AdapterCard,
    known: Mapping[str, AdapterCard],
    *,
    fallback: Mapping[str, AdapterCard] | None = None,
    where: str = "The zoo",
) -> list[AdapterCard]:
    """Return the entries that an entry was trained on, parents first, the entry itself last.

    Args:
        card: the entry.
        known: the cards at hand, by `<backbone>/<composition>`.
        fallback: cards that are taken if `known` has another digest than a child names.
        where: name of the place in an error.

    Raises:
        ZooError: a parent is missing, or is not the one that the entry was trained on.
    """
    found: dict[str, AdapterCard] = {}
    waiting: list[tuple[AdapterCard, bool]] = [(card, False)]
    while waiting:
        one, is_ready = waiting.pop()
        if is_ready:
            found[one.path] = one
            continue
        if one.path in found:
            continue
        waiting.append((one, True))
        for parent in reversed(one.parents):
            path = f"{card.shelf}/{parse(parent.name).slug}"
            options = [held[path] for held in (known, fallback or {}) if path in held]
            fitting = [held for held in options if held.digest == parent.digest]
            if not options:
                raise ZooError(
                    f"'{one.name}' was trained on '{parent.name}' {parent.digest[:12]}, which neither {where} nor "
                    "this zoo holds; pull that one first, from where it is."
                )
            if not fitting:
                raise ZooError(
                    f"'{one.name}' was trained on '{parent.name}' {parent.digest[:12]}, but {where} holds "
                    f"{options[0].digest[:12]}; pull the parent it was made from, or train '{one.name}' again."
                )
            # Two entries that name each other cannot exist: a digest would have to contain itself.
            if any(fitting[0] is earlier for earlier, ready in waiting if ready):
                raise ZooError(f"'{one.name}' and '{parent.name}' name each other as parents; nothing was taken.")
            waiting.append((fitting[0], False))
    return list(found.values())
