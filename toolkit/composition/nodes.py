"""The values inside a composition: immutable, comparable, printed in their canonical form.

`parse` reads `str()` of every value back into an equal value. A value built by hand is not checked: `rules` says what may nest
in what, and `parse` applies it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar, get_args

BACKBONE = "backbone"
"""The reserved name of the backbone alone."""

MergeMethod = Literal["merge", "ties", "dare"]
"""The ways to merge the weights of several adapters into one."""

MERGES: tuple[MergeMethod, ...] = get_args(MergeMethod)

BLOCKS = ("fuse", "avg", "par", "seq", "mix", *MERGES)
"""Every word that may come before `[`."""

ROWS = "*"
"""In the place of a language: that of whatever rows flow through."""

RESERVED = frozenset((*BLOCKS, BACKBONE))
"""Words that can never be a NAME."""


@dataclass(frozen=True)
class Name:
    """An adapter in the zoo, or else a task to train one on; `tydiqa.sw` is the task's Swahili rows.

    `text.*` is the adapter of the language that the rows are in.

    Example:
        >>> str(Name("tydiqa", "sw"))
        'tydiqa.sw'
    """

    name: str
    language: str | None = None
    keyword: ClassVar[str] = ""
    is_leaf: ClassVar[bool] = True

    def __str__(self) -> str:
        return self.name if self.language is None else f"{self.name}.{self.language}"

    def leaves(self) -> tuple[Name, ...]:
        """Return the names inside, in order of appearance."""
        return (self,)


@dataclass(frozen=True)
class Seq:
    """One adapter, trained on one task after another; order matters."""

    names: tuple[Name, ...]
    keyword: ClassVar[str] = "seq"
    is_leaf: ClassVar[bool] = True

    def __str__(self) -> str:
        return _block(self.keyword, self.names)

    def leaves(self) -> tuple[Name, ...]:
        """Return the names inside, in order of appearance."""
        return self.names


@dataclass(frozen=True)
class Mix:
    """One adapter, trained on several tasks at once."""

    names: tuple[Name, ...]
    keyword: ClassVar[str] = "mix"
    is_leaf: ClassVar[bool] = True

    def __str__(self) -> str:
        return _block(self.keyword, self.names)

    def leaves(self) -> tuple[Name, ...]:
        """Return the names inside, in order of appearance."""
        return self.names


@dataclass(frozen=True)
class Merge:
    """One adapter, made from the weights of several: plain weighting, TIES or DARE."""

    method: MergeMethod
    parts: tuple[tuple[Name, float | None], ...]
    is_leaf: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _with_weights(self.parts))

    def __str__(self) -> str:
        return _block(self.keyword, (_weighted(name, weight) for name, weight in self.parts))

    @property
    def keyword(self) -> str:
        """The word before `[`."""
        return self.method

    def leaves(self) -> tuple[Name, ...]:
        """Return the names inside, in order of appearance."""
        return tuple(name for name, _ in self.parts)


@dataclass(frozen=True)
class Fuse:
    """AdapterFusion: attention over the outputs of its members."""

    members: tuple[Chain, ...]
    keyword: ClassVar[str] = "fuse"
    is_leaf: ClassVar[bool] = False

    def __str__(self) -> str:
        return _block(self.keyword, self.members)

    def leaves(self) -> tuple[Name, ...]:
        """Return the names inside, in order of appearance."""
        return tuple(name for member in self.members for name in member.leaves())


@dataclass(frozen=True)
class Average:
    """The weighted average of its members' outputs, live; a share without a number counts as one."""

    shares: tuple[tuple[Chain, float | None], ...]
    keyword: ClassVar[str] = "avg"
    is_leaf: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", _with_weights(self.shares))

    def __str__(self) -> str:
        return _block(self.keyword, (_weighted(chain, weight) for chain, weight in self.shares))

    @property
    def members(self) -> tuple[Chain, ...]:
        """The members without their weights."""
        return tuple(chain for chain, _ in self.shares)

    def leaves(self) -> tuple[Name, ...]:
        """Return the names inside, in order of appearance."""
        return tuple(name for member in self.members for name in member.leaves())


@dataclass(frozen=True)
class Parallel:
    """Several chains evaluated in one pass, each with its own head."""

    members: tuple[Chain, ...]
    keyword: ClassVar[str] = "par"
    is_leaf: ClassVar[bool] = False

    def __str__(self) -> str:
        return _block(self.keyword, self.members)

    def leaves(self) -> tuple[Name, ...]:
        """Return the names inside, in order of appearance."""
        return tuple(name for member in self.members for name in member.leaves())


Leaf = Name | Seq | Mix | Merge
Unit = Name | Seq | Mix | Merge | Fuse | Average | Parallel


@dataclass(frozen=True)
class Chain:
    """Units stacked on each other: left is nearest the backbone. The empty chain is the bare backbone below a stack."""

    units: tuple[Unit, ...]

    def __post_init__(self) -> None:
        if any(isinstance(unit, Chain) for unit in self.units):  # built by hand: chains flatten
            flat = (unit.units if isinstance(unit, Chain) else (unit,) for unit in self.units)
            object.__setattr__(self, "units", tuple(unit for units in flat for unit in units))

    def __str__(self) -> str:
        return "/".join(map(str, self.units))

    def __truediv__(self, upper: Unit | Chain) -> Chain:
        """Return this chain with `upper` stacked on top."""
        return Chain((*self.units, *(upper.units if isinstance(upper, Chain) else (upper,))))

    def leaves(self) -> tuple[Name, ...]:
        """Return the names inside, in order of appearance."""
        return tuple(name for unit in self.units for name in unit.leaves())


def keywords(chain: Chain) -> tuple[str, ...]:
    """Return the keywords of all blocks in `chain`, outer before inner, each once."""
    found: dict[str, None] = {}
    for unit in chain.units:
        if unit.keyword:
            found[unit.keyword] = None
        if isinstance(unit, (Fuse, Average, Parallel)):
            for member in unit.members:
                found.update(dict.fromkeys(keywords(member)))
    return tuple(found)


_Member = TypeVar("_Member")


def _block(keyword: str, members: Iterable[object]) -> str:
    return f"{keyword}[{','.join(map(str, members))}]"


def _weighted(member: object, weight: float | None) -> str:
    return str(member) if weight is None else f"{member}:{weight!r}"


def _with_weights(pairs: Iterable[tuple[_Member, float | None]]) -> tuple[tuple[_Member, float | None], ...]:
    """Return `pairs` with weights as floats and -0.0 as 0.0: equal values must print the same text."""
    return tuple((member, None if weight is None else float(weight) + 0.0) for member, weight in pairs)
