"""Compositions in the language of their rows: `text.*/mnli` in one language, and what is exchanged for another.

A zoo has no entry with `*`. Such a composition is trained as one in the language of the training rows (`text.en/mnli`), and scored
as that one with the adapters of other languages in the place of `text.en` (docs/decisions/0069-language-of-the-rows.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from toolkit.composition.composition import Composition
from toolkit.composition.nodes import ROWS, Average, Chain, Fuse, Merge, Mix, Name, Parallel, Seq, Unit
from toolkit.composition.parse import parse
from toolkit.composition.parts import Part
from toolkit.composition.stages import plan


@dataclass(frozen=True)
class Exchanged:
    """A part of a composition whose weights are others in each language.

    Attributes:
        part: of the composition as it is trained.
        source: the same part of the composition in another language.
        leaf: the leaf that it belongs to, `text.*`.
        is_optional: whether the circuit also answers without it: a name within a chain, which is an adapter and nothing else.
    """

    part: Part
    source: Part
    leaf: str
    is_optional: bool


def in_language(composition: Composition, language: str) -> Composition:
    """Return a composition with a language in the place of `*`.

    Example:
        >>> str(in_language(parse("fuse[text.*,mnli]/xnli"), "sw"))
        'fuse[text.sw,mnli]/xnli'
    """
    if not composition.follows_rows:
        return composition
    return Composition(_chain(composition.chain, language), composition.head)


def exchanged(composition: Composition, home: str, language: str) -> tuple[Exchanged, ...]:
    """Return what is exchanged in a composition that was trained in one language, so that it answers rows in another.

    These are the adapters of the leaves with `*`, and the head, where such a leaf holds it. All else stays as it was trained.

    Args:
        composition: with `*`.
        home: code of the language that it was trained in.
        language: code of the language of the rows.

    Example:
        >>> [(one.part.entry, one.source.entry) for one in exchanged(parse("text.*/mnli"), "en", "sw")]
        [('text.en', 'text.sw')]
        >>> [one.source.kind for one in exchanged(parse("text.*"), "en", "sw")]
        ['adapter', 'head']
    """
    whole = zip(
        composition.parts, in_language(composition, home).parts, in_language(composition, language).parts, strict=True
    )
    optional = dict(_leaves(composition.chain, Chain(())))
    found = []
    for starred, part, source in whole:
        is_leaf = starred.kind != "fusion" and starred.entry in optional
        if is_leaf:
            leaf = starred.entry.rpartition("/")[2]
            found.append(Exchanged(part, source, leaf, starred.kind == "adapter" and optional[starred.entry]))
    return tuple(found)


def rows_trained_on(composition: Composition) -> tuple[Name, ...]:
    """Return the names whose rows train a composition on top of `*`: their language is the one that it is trained in.

    Empty where nothing is trained on it, as in `text.*` alone.

    Example:
        >>> [str(name) for name in rows_trained_on(parse("text.*/seq[mnli,squad]/tydiqa.sw"))]
        ['mnli', 'squad', 'tydiqa.sw']
    """
    found: dict[Name, None] = {}
    for stage in plan(composition, holds=lambda entry: False):
        if stage.circuit.follows_rows:
            names = stage.tasks if stage.merge is None else stage.merge.leaves()
            found |= dict.fromkeys(name for name in names if name.language != ROWS)
    return tuple(found)


def languages_in(composition: Composition, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the languages for which there is all that a composition exchanges, each with the entries that are put in.

    Args:
        composition: with `*`.
        names: of the entries of a zoo.

    Example:
        >>> languages_in(parse("text.*/mnli"), ["text.en", "text.en/mnli", "text.sw", "mnli"])
        {'en': ('text.en',), 'sw': ('text.sw',)}
    """
    held = set(names)
    spoken = {leaf.language for name in held for leaf in parse(name).leaves() if leaf.language is not None}
    found = {}
    for language in sorted(spoken):
        entries = dict.fromkeys(one.source.entry for one in exchanged(composition, language, language))
        if held.issuperset(entries):
            found[language] = tuple(entries)
    return found


def _leaves(chain: Chain, below: Chain) -> Iterator[tuple[str, bool]]:
    """Yield the entries of the leaves with `*`, and whether a circuit can do without each."""
    for i, unit in enumerate(chain.units):
        here = below / unit
        if isinstance(unit, Fuse | Average | Parallel):
            for member in unit.members:
                yield from _leaves(member, below)
        elif any(name.language == ROWS for name in unit.leaves()):
            yield str(Composition(here)), isinstance(unit, Name) and i + 1 < len(chain.units)
        below = here


def _chain(chain: Chain, language: str) -> Chain:
    return Chain(tuple(_unit(unit, language) for unit in chain.units))


def _unit(unit: Unit, language: str) -> Unit:
    def named(name: Name) -> Name:
        return replace(name, language=language) if name.language == ROWS else name

    if isinstance(unit, Name):
        return named(unit)
    if isinstance(unit, Seq | Mix):
        return replace(unit, names=tuple(map(named, unit.names)))
    if isinstance(unit, Merge):
        return replace(unit, parts=tuple((named(name), weight) for name, weight in unit.parts))
    if isinstance(unit, Average):
        return replace(unit, shares=tuple((_chain(member, language), weight) for member, weight in unit.shares))
    return replace(unit, members=tuple(_chain(member, language) for member in unit.members))
