"""Orphans: entries whose parent would be replaced by other weights, so that they could not run any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from toolkit.errors import ZooError
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.store import Zoo


def orphans(zoo: Zoo, names: Collection[str], backbone: str) -> dict[str, list[str]]:
    """Return the entries that were trained on some of `names`, and are not among them, by the name that they were trained on."""
    found: dict[str, list[str]] = {}
    for card in zoo.list(backbone, damaged=[]):
        for parent in card.parents:
            if parent.name in names and card.name not in names:
                found.setdefault(parent.name, []).append(card.name)
    return found


def refuse_orphans(zoo: Zoo, names: Collection[str], backbone: str) -> None:
    """Raise ZooError where replacing some entries would orphan others.

    Raises:
        ZooError: an entry that stays was trained on one of `names`.
    """
    for name, children in orphans(zoo, names, backbone).items():
        raise ZooError(
            f"'{name}' is {_parent_of(children)}, which cannot run without it; give what is new a name of its own "
            "(`--as NAME`), or replace it all the same (`--force`)."
        )


def orphaned(
    held: Iterable[AdapterCard], replacing: Sequence[AdapterCard], coming: Iterable[AdapterCard]
) -> Iterator[tuple[AdapterCard, ZooError]]:
    """Yield each new entry whose arrival would orphan others, with the sentence that refuses it.

    Args:
        held: cards of the entries that are there.
        replacing: the new entries that would replace others.
        coming: all new entries: of these none is an orphan.
    """
    by_name = {(card.shelf, card.name): card for card in replacing}
    stay_out = {(card.shelf, card.name) for card in coming}
    found: dict[str, list[str]] = {}
    for card in held:
        for parent in card.parents:
            new = by_name.get((card.shelf, parent.name))
            if new is not None and new.digest != parent.digest and (card.shelf, card.name) not in stay_out:
                found.setdefault(new.path, []).append(card.name)
    for card in replacing:
        if card.path in found:
            yield (
                card,
                ZooError(
                    f"'{card.name}' is {_parent_of(found[card.path])}, which cannot run without the weights that would be replaced; "
                    "keep them, or replace them all the same (`--force`)."
                ),
            )


def _parent_of(children: Sequence[str]) -> str:
    more = f" and {len(children) - 1} more" if len(children) > 1 else ""
    return f"a parent of '{children[0]}'{more}"
