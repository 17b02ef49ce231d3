"""The values a composition is made of: immutable, comparable, printed in their canonical form.

`str()` of every value here is text that `parse` reads back into an equal value. Nothing is checked when a value is
built by hand: what may nest in what is said in `rules`, and `parse` applies it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from toolkit.errors import ToolkitError

BACKBONE = "backbone"
"""The reserved name of the backbone alone."""

MERGES = ("merge", "ties", "dare")
"""The ways to merge the weights of several adapters into one."""

BLOCKS = ("fuse", "avg", "par", "seq", "mix", *MERGES)
"""Every word that may stand before `[`."""

RESERVED = frozenset((*BLOCKS, BACKBONE))
"""Words that can never be a NAME."""

_SLUG_LENGTH = 100  # longer texts, and texts with weights, carry a hash
_SLUG_HEAD = 90
_SLUG_MAP = str.maketrans({"/": "+", "[": "=", "]": "=", ".": "~", ":": "_"})


@dataclass(frozen=True)
class Name:
    """An adapter in the zoo, or else a task to train one on; `tydiqa.sw` is the task's Swahili rows.

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

    method: str
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


@dataclass(frozen=True)
class Composition:
    """A chain and the head on top of it: a circuit, a plan and a name in one.

    A head that is the default anyway is dropped, so that one circuit has one text. It is kept after a `fuse`, where
    it says what the fusion is trained for, and after a `par`, where it replaces the heads of all members.

    Args:
        chain: what activations flow through, from the backbone up.
        head: the head on top, where it is not the last leaf's own.

    Example:
        >>> str(Composition(Chain((Name("mnli"), Name("squad"))), head=Name("squad")))
        'mnli/squad'
    """

    chain: Chain
    head: Name | None = None

    def __post_init__(self) -> None:
        if self.head is None or self.is_backbone or not self.chain.units:
            return
        if not isinstance(self.chain.units[-1], (Fuse, Parallel)) and self.head == self._default_head:
            object.__setattr__(self, "head", None)

    def __str__(self) -> str:
        return str(self.chain) if self.head is None else f"{self.chain}@{self.head}"

    @property
    def is_backbone(self) -> bool:
        """Whether nothing sits on the backbone, except perhaps a head."""
        return self.chain.units == (Name(BACKBONE),)

    @property
    def is_parallel(self) -> bool:
        """Whether several members answer side by side (`par`)."""
        return any(isinstance(unit, Parallel) for unit in self.chain.units)

    @property
    def head_name(self) -> Name:
        """The head on top: the explicit one, else the last leaf's.

        Raises:
            ToolkitError: for `backbone` without a head.
        """
        if self.head is not None:
            return self.head
        if self.is_backbone:
            raise ToolkitError(f"'{BACKBONE}' has no head; name one, as in '{BACKBONE}@mnli'.")
        return self._default_head

    @property
    def _default_head(self) -> Name:
        return self.chain.units[-1].leaves()[-1]

    @property
    def slug(self) -> str:
        """A name that files, shells and torch modules take as it is; different texts have different slugs.

        A plain name is its own slug. At most 120 characters; a text with weights, or one longer than 100 characters,
        ends in 12 hexadecimal digits of its SHA-256.

        Example:
            >>> Composition(Chain((Fuse((Chain((Name("mnli"),)), Chain((Name("squad"),)))), Name("xquad")))).slug
            'fuse=mnli,squad=+xquad'
        """
        text = str(self)
        # `[` and `]` may share a sign: what opens is followed by a letter, what closes never is.
        slug = text.translate(_SLUG_MAP)
        if ":" not in text and len(text) <= _SLUG_LENGTH:
            return slug
        # No language code is twelve hexadecimal digits, so no plain slug ends like this one.
        return f"{slug[:_SLUG_HEAD]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def leaves(self) -> tuple[Name, ...]:
        """Return every name of the chain, without the head, in order of appearance and each once.

        Example:
            >>> [str(name) for name in Composition(Chain((Name("mnli"), Seq((Name("squad"), Name("mnli")))))).leaves()]
            ['mnli', 'squad']
        """
        return () if self.is_backbone else tuple(dict.fromkeys(self.chain.leaves()))

    def tags(self) -> dict[str, str]:
        """Return the blocks and names in use as flat text, by which a tracker filters and compares runs.

        Example:
            >>> Composition(Chain((Mix((Name("mnli"), Name("squad"))), Name("xquad")))).tags()
            ... # doctest: +NORMALIZE_WHITESPACE
            {'composition': 'mix[mnli,squad]/xquad', 'head': 'xquad', 'blocks': 'mix', 'names': 'mnli,squad,xquad',
             'block.mix': 'yes', 'name.mnli': 'yes', 'name.squad': 'yes', 'name.xquad': 'yes'}
        """
        blocks = _keywords(self.chain)
        names = [str(name) for name in self.leaves()]
        return {
            "composition": str(self),
            "head": "" if self.is_backbone and self.head is None else str(self.head_name),
            "blocks": ",".join(blocks),
            "names": ",".join(names),
            **{f"block.{keyword}": "yes" for keyword in blocks},
            **{f"name.{name}": "yes" for name in names},
        }

    def axes(self) -> dict[str, str]:
        """Return how the composition is put together, as the axes on which a tracker sets runs side by side.

        `intermediates` are the names below the target, in their order; `method` is how they come in: `stack`, the blocks'
        keywords, or `none`.

        Example:
            >>> Composition(Chain((Name("mnli"), Name("xquad")))).axes()
            {'composition': 'mnli/xquad', 'intermediates': 'mnli', 'method': 'stack', 'target': 'xquad'}
        """
        leaves = self.leaves()
        target = "" if self.is_backbone and self.head is None else str(self.head_name)
        below = leaves[:-1] if leaves and leaves[-1].name == self.head_name.name else leaves
        method = ",".join(_keywords(self.chain)) or ("stack" if below else "none")
        return {
            "composition": str(self),
            "intermediates": ",".join(map(str, below)) or "none",
            "method": method,
            "target": target,
        }


def _keywords(chain: Chain) -> tuple[str, ...]:
    """Return the keywords of all blocks in `chain`, outer before inner, each once."""
    found: dict[str, None] = {}
    for unit in chain.units:
        if unit.keyword:
            found[unit.keyword] = None
        if isinstance(unit, (Fuse, Average, Parallel)):
            for member in unit.members:
                found.update(dict.fromkeys(_keywords(member)))
    return tuple(found)


def _block(keyword: str, members: Iterable[object]) -> str:
    return f"{keyword}[{','.join(map(str, members))}]"


def _weighted(member: object, weight: float | None) -> str:
    return str(member) if weight is None else f"{member}:{weight!r}"


def _with_weights(pairs: Iterable[tuple[Any, float | None]]) -> tuple[tuple[Any, float | None], ...]:
    """Return `pairs` with weights as floats and -0.0 as 0.0: equal values must print alike."""
    return tuple((member, None if weight is None else float(weight) + 0.0) for member, weight in pairs)
