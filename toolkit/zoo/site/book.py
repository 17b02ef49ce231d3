"""Pages of a gallery: which page shows an adapter, and what it says of its parents and children on other pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from toolkit.zoo.card import AdapterCard
from toolkit.zoo.site.article import key_of, note_of
from toolkit.zoo.site.graph import MOST_PARENTS, Node

PAGE, NAMES = "index.html", "names.html"
PER_PAGE = 200  # adapters; a page of so many is drawn at once


@dataclass(frozen=True)
class Book:
    """The pages of one gallery; what is made for them grows with adapters and parents, not with their product.

    Attributes:
        pages: the cards of each page, at least one page.
        nodes: every adapter, and every parent that the zoo lacks or holds with other weights, by key.
        children: keys of what was made from an adapter, by its key.
    """

    pages: tuple[tuple[AdapterCard, ...], ...]
    nodes: Mapping[str, Node] = field(default_factory=dict)
    children: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, cards: Sequence[AdapterCard], per_page: int = PER_PAGE) -> Book:
        """Return the gallery of some cards; each page shows so many of them, in their order."""
        pages = [tuple(cards[first : first + per_page]) for first in range(0, len(cards), per_page)] or [()]
        nodes: dict[str, Node] = {}
        children: dict[str, list[str]] = {}
        for number, held in enumerate(pages):
            for card in held:
                key, parents = key_of(card.digest), tuple(key_of(parent.digest) for parent in card.parents)
                nodes[key] = Node(key, card.name, note_of(card), parents, page=file_of(number))
                for parent in parents:
                    children.setdefault(parent, []).append(key)
        for card in cards:
            for named in card.parents:
                key = key_of(named.digest)
                if key not in nodes:
                    nodes[key] = Node(key, named.name, "not in this zoo", (), is_held=False)
        return cls(tuple(pages), nodes, children)

    def near(self, number: int) -> dict[str, Node]:
        """Return the nodes that a page needs: its adapters, what they were made from and what was made from them."""
        found: dict[str, Node] = {}
        for card in self.pages[number]:
            key = key_of(card.digest)
            found |= self._seen_from(number, (key, *self.nodes[key].parents, *self.children.get(key, ())))
        return found

    def drawn(self, number: int, cards: Iterable[AdapterCard]) -> list[Node]:
        """Return the nodes of a page's drawing of some of its adapters, with the nearest parents on other pages."""
        own = [key_of(card.digest) for card in cards]
        above = [parent for key in own for parent in self.nodes[key].parents[-MOST_PARENTS:]]
        found = self._seen_from(number, (*own, *above))
        inside = set(own)
        # What is on another page is drawn without what is further up.
        return [node if key in inside else replace(node, parents=()) for key, node in found.items()]

    def _seen_from(self, number: int, keys: Iterable[str]) -> dict[str, Node]:
        here = file_of(number)
        named = ((key, self.nodes[key]) for key in keys)
        return {key: replace(node, page="") if node.page == here else node for key, node in named}


def file_of(number: int) -> str:
    """Return the name of a page's file, counted from 0.

    Example:
        >>> file_of(0), file_of(1)
        ('index.html', 'page-2.html')
    """
    return PAGE if number == 0 else f"page-{number + 1}.html"
