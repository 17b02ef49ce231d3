"""Variants: entries under a name of their own, in the place of the leaf or head that they were trained as.

Another seed of `mnli/squad` that is called `calm` is the entry `mnli/calm`: what flows is in the name as before, and only the last
NAME is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from toolkit.composition.composition import Composition
from toolkit.composition.nodes import Average, Chain, Fuse, Name, Parallel, Unit
from toolkit.composition.parse import parse
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
    if not composition.parts:
        raise ToolkitError(f"'{composition}' is the encoder alone: nothing is trained that could be named.")
    if entry is None or entry != str(whole):
        inside = f"'{entry}'" if entry is not None else "one of its members"
        raise ToolkitError(f"'{composition}' makes no entry of its own that could be named; name {inside} instead.")
    if whole.head is not None:
        return Composition(whole.chain, Name(name))
    return Composition(Chain(whole.chain.units[:-1]) / Name(name))


def spelled(composition: Composition, *, is_known: Callable[[str], bool], entries: Callable[[], Iterable[str]]) -> str:
    """Return a composition with every short name of a variant spelt out: `calm` for `mnli/calm`.

    A name is short where it is the first of a chain, is neither an entry nor a task, and one entry alone ends in it.

    Args:
        composition: as it was typed.
        is_known: whether a name is an entry or a task.
        entries: gives the names of all entries; asked where a name is not known.

    Raises:
        ToolkitError: several entries end in the name.

    Example:
        >>> from toolkit.composition.parse import parse
        >>> spelled(parse("fuse[calm,csqa]/t"), is_known={"csqa", "t"}.__contains__, entries=lambda: ["mnli/calm"])
        'fuse[mnli/calm,csqa]/t'
    """

    def found(name: Name) -> Composition | None:
        if name.language is not None or is_known(name.name):
            return None
        texts = [text for text in entries() if text != name.name and _ends_in(parse(text), name)]
        if len(texts) > 1:
            listed = " and ".join(f"'{text}'" for text in texts[:3])
            raise ToolkitError(f"'{name}' is short for several entries, {listed}; write out the one that is meant.")
        return parse(texts[0]) if texts else None

    def chain_of(chain: Chain) -> Chain:
        first, *others = chain.units
        if isinstance(first, Name):
            whole = found(first)
            return chain if whole is None or whole.head is not None else Chain((*whole.chain.units, *others))
        opened: Unit = first
        if isinstance(first, (Fuse, Parallel)):
            opened = type(first)(tuple(map(chain_of, first.members)))
        elif isinstance(first, Average):
            opened = Average(tuple((chain_of(member), weight) for member, weight in first.shares))
        return Chain((opened, *others))

    if composition.is_backbone:
        return str(composition)
    if composition.head is None and composition.chain.units == composition.chain.leaves():
        (first, *others) = composition.chain.leaves()
        whole = None if others else found(first)
        if whole is not None:
            return str(whole)
    return str(parse(str(Composition(chain_of(composition.chain), composition.head))))


def _ends_in(composition: Composition, name: Name) -> bool:
    return name == (composition.head or composition.chain.units[-1])
