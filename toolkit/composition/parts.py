"""The parts of a circuit, and the zoo entry that holds each.

The circuit in which an adapter was trained, that is its prefix, identifies it: in `mnli/squad` the leaf squad is the entry
`mnli/squad`, not the entry `squad`. Members of a block are read on top of what is below the block. A fusion is trained
together with the leaf right above it, or at the end of the chain alone with a head.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from toolkit.composition.nodes import BACKBONE, Average, Chain, Fuse, Merge, Mix, Name, Parallel

PartKind = Literal["adapter", "fusion", "head"]

_SLUG_LENGTH = 100  # longer texts, and texts with weights, carry a hash
_SLUG_HEAD = 90
# No language code has four letters, so that `text.*` has a slug of its own.
_SLUG_MAP = str.maketrans({"/": "+", "[": "=", "]": "=", ".": "~", ":": "_", "*": "rows"})


@dataclass(frozen=True)
class Part:
    """One trained piece of a circuit.

    Args:
        kind: `adapter`, `fusion` or `head`.
        entry: canonical text of the zoo entry that holds it.
        name: a head's task; for an adapter or a fusion the name of its module, unique in a circuit.
    """

    kind: PartKind
    entry: str
    name: str


class Held(NamedTuple):
    """A part, by the chain and the head of the entry that holds it."""

    kind: PartKind
    name: str
    chain: Chain
    head: Name | None = None


def slug(text: str) -> str:
    """Return a composition's text as a name for files, shells and torch modules; see `Composition.slug`."""
    # `[` and `]` may share a sign: what opens is followed by a letter, what closes never is.
    found = text.translate(_SLUG_MAP)
    if ":" not in text and len(text) <= _SLUG_LENGTH:
        return found
    # A language code never has twelve hexadecimal digits, so no plain slug ends like this one.
    return f"{found[:_SLUG_HEAD]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def is_bare(chain: Chain) -> bool:
    """Whether `chain` is the word `backbone` alone."""
    return chain.units == (Name(BACKBONE),)


def walk(chain: Chain, head: Name | None) -> Iterator[Held]:
    """Yield the parts of `chain` with `head` on top, from the backbone up, the heads last; a shared part several times."""
    if not is_bare(chain):
        yield from _modules(Chain(()), chain, head)
    yield from _heads(Chain(()), chain, head)


def _modules(below: Chain, chain: Chain, head: Name | None = None) -> Iterator[Held]:
    """Yield the adapters and fusions of `chain` on top of `below`; `head` is what ends the chain."""
    for i, unit in enumerate(chain.units):
        here = below / unit
        if isinstance(unit, (Fuse, Average, Parallel)):
            for member in unit.members:
                yield from _modules(below, member)
            if isinstance(unit, Fuse):
                above = chain.units[i + 1 : i + 2]
                # At the end of a chain a fusion was trained for a head.
                entry = (here / Chain(above), None) if above else (here, head or here.leaves()[-1])
                yield Held("fusion", slug(str(here)), *entry)
        else:
            yield Held("adapter", slug(str(here)), here)
        below = here


def _heads(below: Chain, chain: Chain, head: Name | None) -> Iterator[Held]:
    """Yield the head on `chain`, or the heads of all members where `par` ends it."""
    whole = below / chain
    last = chain.units[-1]
    if head is not None:
        is_held = isinstance(last, (Mix, Merge)) and _holds_head(last, head)
        yield Held("head", head.name, whole, None if is_held else head)
    elif isinstance(last, Fuse):
        yield Held("head", last.leaves()[-1].name, whole, whole.leaves()[-1])
    elif isinstance(last, Parallel):
        for member in last.members:
            yield from _heads(Chain(whole.units[:-1]), member, None)
    elif isinstance(last, Average):
        yield from _heads(Chain(whole.units[:-1]), last.members[-1], None)
    elif not is_bare(whole):
        yield Held("head", last.leaves()[-1].name, whole)


def _holds_head(unit: Mix | Merge, head: Name) -> bool:
    """Whether making `unit` has made `head`: languages of one task share its head."""
    return head in unit.leaves() or (head.language is None and any(name.name == head.name for name in unit.leaves()))
