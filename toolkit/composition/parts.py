"""What a circuit is made of, and which zoo entry holds each part.

An adapter is identified by the circuit it was trained in, that is by its prefix: in `mnli/squad` the leaf squad is
the entry `mnli/squad`, not the stand-alone `squad`. Members of a block are read on top of what lies below the block.
A fusion is trained together with the leaf right above it, or at the end of the chain alone with a head.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.composition.nodes import Average, Chain, Composition, Fuse, Merge, Mix, Name, Parallel


@dataclass(frozen=True)
class Part:
    """One trained piece of a circuit.

    Args:
        kind: `adapter`, `fusion` or `head`.
        entry: canonical text of the zoo entry that holds it.
        name: a head's task; for an adapter or a fusion the name of its module, unique in a circuit.
    """

    kind: str
    entry: str
    name: str


def parts(c: Composition) -> tuple[Part, ...]:
    """Return everything a circuit needs, from the backbone up, the head last.

    Args:
        c: a legal composition.

    Returns:
        Each part once. `par` without a head of its own has one head for each member.

    Example:
        >>> from toolkit.composition.parse import parse
        >>> for part in parts(parse("fuse[mnli,squad]/xquad")):
        ...     print(part.kind, part.entry, part.name)
        adapter mnli mnli
        adapter squad squad
        fusion fuse[mnli,squad]/xquad fuse=mnli,squad=
        adapter fuse[mnli,squad]/xquad fuse=mnli,squad=+xquad
        head fuse[mnli,squad]/xquad xquad
    """
    found: dict[Part, None] = {}
    names: dict[tuple[str, str], str] = {}
    for kind, entry, name in _walk(c):
        # Two members of a `par` may hold the same fusion trained under different leaves: the second takes the name
        # of its entry, so that both fit into one circuit.
        if kind == "fusion" and names.setdefault((kind, name), str(entry)) != str(entry):
            name = entry.slug
        found[Part(kind, str(entry), name)] = None
    return tuple(found)


def entries(c: Composition) -> dict[str, Composition]:
    """Return the zoo entries a circuit takes parts from, each text with its composition, from the backbone up.

    Example:
        >>> from toolkit.composition.parse import parse
        >>> list(entries(parse("a/fuse[b,c]/d")))
        ['a', 'a/b', 'a/c', 'a/fuse[b,c]/d']
    """
    return {str(entry): entry for _, entry, _ in _walk(c)}


_Found = tuple[str, Composition, str]


def _walk(c: Composition) -> Iterator[_Found]:
    if not c.is_backbone:
        yield from _modules(Chain(()), c.chain, c.head)
    yield from _heads(Chain(()), c.chain, c.head)


def _modules(below: Chain, chain: Chain, head: Name | None = None) -> Iterator[_Found]:
    """Yield the adapters and fusions of `chain` on top of `below`; `head` is what ends the chain."""
    for i, unit in enumerate(chain.units):
        here = below / unit
        if isinstance(unit, (Fuse, Average, Parallel)):
            for member in unit.members:
                yield from _modules(below, member)
            if isinstance(unit, Fuse):
                above = chain.units[i + 1 : i + 2]
                entry = Composition(here / Chain(above)) if above else _closed(here, head)
                yield "fusion", entry, Composition(here).slug
        else:
            yield "adapter", Composition(here), Composition(here).slug
        below = here


def _closed(chain: Chain, head: Name | None) -> Composition:
    """Return the entry that holds a fusion at the end of a chain: it was trained for a head."""
    return Composition(chain, head or Composition(chain).head_name)


def _heads(below: Chain, chain: Chain, head: Name | None) -> Iterator[_Found]:
    """Yield the head on `chain`, or the heads of all members where `par` ends it."""
    whole = below / chain
    last = chain.units[-1]
    if head is not None:
        is_held = isinstance(last, (Mix, Merge)) and _holds_head(last, head)
        yield "head", Composition(whole, None if is_held else head), head.name
    elif isinstance(last, Fuse):
        yield "head", _closed(whole, None), last.leaves()[-1].name
    elif isinstance(last, Parallel):
        for member in last.members:
            yield from _heads(Chain(whole.units[:-1]), member, None)
    elif isinstance(last, Average):
        yield from _heads(Chain(whole.units[:-1]), last.members[-1], None)
    elif Composition(whole).is_backbone:
        return
    else:
        yield "head", Composition(whole), last.leaves()[-1].name


def _holds_head(unit: Mix | Merge, head: Name) -> bool:
    """Whether making `unit` has made `head`: languages of one task share its head."""
    return head in unit.leaves() or (head.language is None and any(name.name == head.name for name in unit.leaves()))
