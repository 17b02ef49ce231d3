"""Variants: entries under a name of their own, in the place of the leaf or head that they were trained as.

Another seed of `mnli/squad` that is called `calm` is the entry `mnli/calm`: what flows is in the name as before, and only the last
NAME is another one.
"""

from __future__ import annotations

from toolkit.composition.composition import Composition
from toolkit.composition.nodes import Average, Chain, Fuse, Name, Parallel
from toolkit.errors import ToolkitError


def closed(composition: Composition) -> Composition:
    """Return the composition with the head that a fusion at its end is trained for.

    Example:
        >>> from toolkit.composition.parse import parse
        >>> str(closed(parse("fuse[mnli,squad]")))
        'fuse[mnli,squad]@squad'
    """
    if composition.head is None and composition.chain.units and isinstance(composition.chain.units[-1], Fuse):
        return Composition(composition.chain, composition.head_name)
    return composition


def own_entry(composition: Composition) -> str | None:
    """Return the entry that the last stage of a composition makes; None where it has none, as in `avg[a,b]`.

    Example:
        >>> from toolkit.composition.parse import parse
        >>> own_entry(parse("fuse[mnli,squad]")), own_entry(parse("par[mnli,squad]")), own_entry(parse("mix[a,b]@a"))
        ('fuse[mnli,squad]@squad', None, 'mix[a,b]')
    """
    if composition.is_backbone and composition.head is None:
        return None
    whole = closed(composition)
    if str(whole) in whole.entries:
        return str(whole)
    last = whole.chain.units[-1]
    # A head that the leaf below it holds, as in `mix[a,b]@a`.
    return str(whole.chain) if not isinstance(last, (Average, Parallel)) else None


def named(composition: Composition, name: str) -> Composition:
    """Return the composition of a variant: `name` takes the place of the last leaf, or of the head that is trained alone.

    Args:
        composition: what is trained.
        name: of the variant, a NAME.

    Raises:
        ToolkitError: the composition makes no entry of its own.

    Example:
        >>> from toolkit.composition.parse import parse
        >>> [str(named(parse(text), "calm")) for text in ("mnli", "mnli/squad", "fuse[a,b]/t", "fuse[a,b]@t", "seq[a,b]")]
        ['calm', 'mnli/calm', 'fuse[a,b]/calm', 'fuse[a,b]@calm', 'calm']
    """
    entry = own_entry(composition)
    whole = closed(composition)
    if entry is None or entry != str(whole):
        inside = f"'{entry}'" if entry is not None else "one of its members"
        raise ToolkitError(f"'{composition}' makes no entry of its own that could be named; name {inside} instead.")
    if whole.head is not None:
        return Composition(whole.chain, Name(name))
    return Composition(Chain(whole.chain.units[:-1]) / Name(name))
