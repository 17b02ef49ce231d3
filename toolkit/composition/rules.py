"""Rules of what may nest in what: each is one function with its own sentence.

A rule reads plain values and points at the fault by its path: (unit, member, unit of that member, ...), counted from
0; `HEAD` is the head's path. `parse` turns a path into a caret under the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.composition.composition import Composition
from toolkit.composition.nodes import (
    BACKBONE,
    BLOCKS,
    MERGES,
    RESERVED,
    ROWS,
    Average,
    Chain,
    Fuse,
    Merge,
    Mix,
    Name,
    Parallel,
    Seq,
    Unit,
)
from toolkit.composition.star_rules import misplaced
from toolkit.language_tags import named
from toolkit.languages import get_language
from toolkit.registry import did_you_mean

Path = tuple[int, ...]
HEAD: Path = (-1,)
LANGUAGE = -2
"""Last step of a path that points at a name's language code."""
WEIGHT = -3
"""Last step of a path that points at a member's weight."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True)
class Fault:
    """A broken rule: the sentence, and the path of the value that breaks it."""

    sentence: str
    where: Path


def short(value: object, length: int = 40) -> str:
    """Return `value` as text that fits into a sentence."""
    text = str(value)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def faults(composition: Composition) -> Iterator[Fault]:
    """Yield every broken rule of `composition`; a legal one yields nothing.

    Example:
        >>> [fault.sentence for fault in faults(Composition(Chain((Name("seq"),))))]
        ["'seq' is a block, not a name; write seq[...] with its members, or choose another name."]
    """
    yield from _backbone_is_alone(composition)
    if not composition.chain.units:
        yield Fault("The composition is empty; write a name, such as mnli.", ())
    if composition.head is not None:
        yield from _is_a_name(composition.head, HEAD)
    if not composition.is_backbone:
        yield from _chain(composition.chain, ())
        yield from _parallel_is_outermost(composition.chain)
        yield from (Fault(sentence, path) for sentence, path in misplaced(composition.chain))


def _chain(chain: Chain, path: Path) -> Iterator[Fault]:
    below: Unit | None = None
    for i, unit in enumerate(chain.units):
        here = (*path, i)
        yield from _unit(unit, here)
        if isinstance(below, Fuse):
            yield from _may_follow_a_fusion(unit, here)
        below = unit


def _unit(unit: Unit, path: Path) -> Iterator[Fault]:
    if isinstance(unit, Name):
        yield from _is_a_name(unit, path)
        return
    members: tuple[Chain | Name, ...]
    if isinstance(unit, (Fuse, Average, Parallel)):
        members = unit.members
        for j, chain in enumerate(unit.members):
            yield from _chain(chain, (*path, j))
            if not isinstance(unit, Parallel):
                yield from _members_are_chains_of_leaves(unit, chain, (*path, j))
    else:
        members = unit.leaves()
        for j, name in enumerate(members):
            yield from _is_a_name(name, (*path, j))
    yield from _has_several_members(unit, members, path)
    yield from _members_differ(unit, members, path)
    yield from _weights_are_sound(unit, path)


def _backbone_is_alone(composition: Composition) -> Iterator[Fault]:
    if composition.is_backbone:
        return
    for path, name in _names(composition.chain, ()):
        if name.name == BACKBONE:
            yield Fault(
                f"'{BACKBONE}' is written alone, or with a head as in {BACKBONE}@mnli; every chain already sits on it, "
                "so leave it out.",
                path,
            )


def _names(chain: Chain, path: Path) -> Iterator[tuple[Path, Name]]:
    for i, unit in enumerate(chain.units):
        here = (*path, i)
        if isinstance(unit, Name):
            yield here, unit
        elif isinstance(unit, (Seq, Mix, Merge)):
            yield from (((*here, j), name) for j, name in enumerate(unit.leaves()))
        else:
            for j, member in enumerate(unit.members):
                yield from _names(member, (*here, j))


def _is_a_name(name: Name, path: Path) -> Iterator[Fault]:
    if name.name in BLOCKS:
        yield Fault(
            f"'{name.name}' is a block, not a name; write {name.name}[...] with its members, or choose another name.",
            path,
        )
    elif name.name == BACKBONE:
        if path == HEAD:  # inside a chain `_backbone_is_alone` has said it
            yield Fault(f"'{BACKBONE}' is reserved and cannot be a head; name a task after '@', as in @mnli.", path)
    elif ROWS in name.name:
        yield Fault(
            f"'{short(name.name)}' is not a name; '{ROWS}' stands for the language of the rows and comes after a name and '.', as in "
            f"text.{ROWS}/mnli.{_starred(name)}",
            path,
        )
    elif not _NAME.fullmatch(name.name):
        yield Fault(
            f"'{short(name.name)}' is not a name; names begin with a lower-case letter and hold lower-case letters, "
            f"digits, '_' and '-'.{_spelling(name)}",
            path,
        )
    if name.language == ROWS and path == HEAD:
        yield Fault(
            f"A head answers rows of every language; leave '.{ROWS}' out: @{name.name}.",
            (*path, LANGUAGE),
        )
    elif name.language is not None and name.language != ROWS and not _LANGUAGE.fullmatch(name.language):
        found = (
            f"'{short(name.language)}' does not look like a language code" if name.language else "No language after '.'"
        )
        star = f", or '{ROWS}' alone for the language of the rows" if ROWS in name.language else ""
        yield Fault(
            f"{found}; expected a code of ISO 639 or BCP 47, as in tydiqa.sw{star}."
            f"{_spelling(name) if _NAME.fullmatch(name.name) else ''}",
            (*path, LANGUAGE),
        )


def _starred(name: Name) -> str:
    """Return ` Did you mean 'text.*'?` for `text*`, or nothing."""
    stem = name.name.removesuffix(ROWS)
    return f" Did you mean '{Name(stem, ROWS)}'?" if name.language is None and _NAME.fullmatch(stem) else ""


def _spelling(name: Name) -> str:
    """Return ` Did you mean 'mnli'?` with the nearest legal spelling of `name`, or nothing where there is none."""
    stem = re.sub(r"[^a-z0-9_]+", "-", name.name.lower(), flags=re.ASCII).strip("-").lstrip("0123456789_-")
    code = None if name.language is None else _nearest_code(name.language)
    if not _NAME.fullmatch(stem) or stem in RESERVED or (code is not None and not _LANGUAGE.fullmatch(code)):
        return ""
    return f" Did you mean '{short(Name(stem, code))}'?"


def _nearest_code(language: str) -> str:
    """Return the code of the language with an English name, else the word in the form of a code."""
    meant = named(language) if len(language) > 3 else None
    return get_language(meant).code.lower() if meant else language.lower().replace("_", "-").replace(".", "-")


def _has_several_members(unit: Unit, members: tuple[Chain | Name, ...], path: Path) -> Iterator[Fault]:
    if len(members) == 1:
        yield Fault(
            f"Block '{unit.keyword}' has one member and needs at least two; write {short(members[0])} alone, or add "
            "another.",
            path,
        )
    elif not members:
        yield Fault(f"Block '{unit.keyword}' has no members and needs at least two.", path)


def _members_differ(unit: Unit, members: tuple[Chain | Name, ...], path: Path) -> Iterator[Fault]:
    seen: set[Chain | Name] = set()
    for j, member in enumerate(members):
        if member in seen:
            yield Fault(f"'{short(member)}' is listed twice in '{unit.keyword}'; take one of them out.", (*path, j))
        seen.add(member)


def _members_are_chains_of_leaves(unit: Unit, chain: Chain, path: Path) -> Iterator[Fault]:
    for i, inner in enumerate(chain.units):
        if not inner.is_leaf and not isinstance(inner, Parallel):  # `par` has a rule of its own
            yield Fault(
                f"'{inner.keyword}' is not allowed inside '{unit.keyword}', whose members are chains of leaves (names, "
                "seq, mix, merge, ties, dare); take it out.",
                (*path, i),
            )


def _parallel_is_outermost(chain: Chain) -> Iterator[Fault]:
    for path, _ in _parallels(chain, ()):
        if path != (0,) or len(chain.units) > 1:
            yield Fault(
                "'par' is outermost only; nothing may be around, below or above it: write par[a/b,a/c] instead of "
                "a/par[b,c].",
                path,
            )


def _parallels(chain: Chain, path: Path) -> Iterator[tuple[Path, Parallel]]:
    for i, unit in enumerate(chain.units):
        if isinstance(unit, Parallel):
            yield (*path, i), unit
        if isinstance(unit, (Fuse, Average, Parallel)):
            for j, member in enumerate(unit.members):
                yield from _parallels(member, (*path, i, j))


def _may_follow_a_fusion(unit: Unit, path: Path) -> Iterator[Fault]:
    if isinstance(unit, Merge):
        yield Fault(
            f"'{unit.method}' cannot directly follow a fusion: it is made from trained weights, and a fusion learns "
            "together with the leaf above it; put a name, seq or mix between.",
            path,
        )
    elif not unit.is_leaf and not isinstance(unit, Parallel):
        yield Fault(
            f"'{unit.keyword}' cannot directly follow a fusion, which learns together with a leaf above it or ends "
            "the chain; put a name, seq or mix between.",
            path,
        )


def _weights_are_sound(unit: Unit, path: Path) -> Iterator[Fault]:
    if isinstance(unit, Merge):
        if unit.method not in MERGES:
            yield Fault(
                f"Unknown way to merge '{short(unit.method)}'. {did_you_mean(unit.method, MERGES)}".rstrip(), path
            )
        weights = [weight for _, weight in unit.parts]
    elif isinstance(unit, Average):
        weights = [weight for _, weight in unit.shares]
    else:
        return
    if isinstance(unit, Merge) and weights and all(weight == 0 for weight in weights):
        yield Fault("All weights are 0, so nothing is left; write a number such as 0.5.", path)
    for j, weight in enumerate(weights):
        if weight is None:
            continue
        if not math.isfinite(weight):
            yield Fault(f"The weight {weight!r} is not finite; write a number such as 0.5.", (*path, j, WEIGHT))
        elif weight <= 0 and isinstance(unit, Average):
            yield Fault(
                f"The weight {weight!r} is not above 0, which 'avg' needs; write a number such as 0.5.",
                (*path, j, WEIGHT),
            )
