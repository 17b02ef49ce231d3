"""A whole composition: a chain, its head, and what both are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from toolkit.composition.nodes import BACKBONE, ROWS, Chain, Fuse, Name, Parallel, keywords
from toolkit.composition.parts import Part, PartKind, is_bare, slug, walk
from toolkit.errors import ToolkitError


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
        return is_bare(self.chain)

    @property
    def is_parallel(self) -> bool:
        """Whether several members answer in one pass (`par`)."""
        return any(isinstance(unit, Parallel) for unit in self.chain.units)

    @property
    def follows_rows(self) -> bool:
        """Whether a name in it takes the language of the rows, as in `text.*/mnli`."""
        return any(name.language == ROWS for name in self.chain.leaves())

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
        """A name that files, shells and torch modules accept; different texts have different slugs.

        A plain name is its own slug. At most 120 characters; a text with weights, or one longer than 100 characters,
        ends in 12 hexadecimal digits of its SHA-256.

        Example:
            >>> Composition(Chain((Fuse((Chain((Name("mnli"),)), Chain((Name("squad"),)))), Name("xquad")))).slug
            'fuse=mnli,squad=+xquad'
        """
        return slug(str(self))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Everything the circuit needs, each part once, from the backbone up, the head last.

        `par` without a head of its own has one head for each member.

        Example:
            >>> from toolkit.composition.parse import parse
            >>> for part in parse("fuse[mnli,squad]/xquad").parts:
            ...     print(part.kind, part.entry, part.name)
            adapter mnli mnli
            adapter squad squad
            fusion fuse[mnli,squad]/xquad fuse=mnli,squad=
            adapter fuse[mnli,squad]/xquad fuse=mnli,squad=+xquad
            head fuse[mnli,squad]/xquad xquad
        """
        found: dict[Part, None] = {}
        names: dict[str, str] = {}
        for kind, name, entry in self._held:
            # Two members of a `par` may hold the same fusion trained under different leaves: the second takes the name
            # of its entry, so that both fit into one circuit.
            if kind == "fusion" and names.setdefault(name, str(entry)) != str(entry):
                name = entry.slug
            found[Part(kind, str(entry), name)] = None
        return tuple(found)

    @property
    def own_parts(self) -> tuple[Part, ...]:
        """The parts that the zoo entry of this composition holds itself.

        Example:
            >>> from toolkit.composition.parse import parse
            >>> [f"{part.kind} {part.name}" for part in parse("mnli/squad").own_parts]
            ['adapter mnli+squad', 'head squad']
        """
        name = str(self)
        return tuple(part for part in self.parts if part.entry == name)

    @cached_property
    def entries(self) -> Mapping[str, Composition]:
        """The zoo entries that the circuit takes parts from, each text with its composition, from the backbone up.

        Example:
            >>> from toolkit.composition.parse import parse
            >>> list(parse("a/fuse[b,c]/d").entries)
            ['a', 'a/b', 'a/c', 'a/fuse[b,c]/d']
        """
        return MappingProxyType({str(entry): entry for _, _, entry in self._held})

    @cached_property
    def _held(self) -> tuple[tuple[PartKind, str, Composition], ...]:
        return tuple((one.kind, one.name, Composition(one.chain, one.head)) for one in walk(self.chain, self.head))

    def __reduce__(self) -> tuple[type[Composition], tuple[Chain, Name | None]]:
        return Composition, (self.chain, self.head)  # what is cached stays behind

    def leaves(self) -> tuple[Name, ...]:
        """Return every name of the chain, without the head, in order of appearance and each once.

        Example:
            >>> from toolkit.composition.parse import parse
            >>> [str(name) for name in parse("mnli/seq[squad,mnli]").leaves()]
            ['mnli', 'squad']
        """
        return () if self.is_backbone else tuple(dict.fromkeys(self.chain.leaves()))

    def tags(self) -> dict[str, str]:
        """Return the blocks and names in use as flat text, by which a tracker filters and compares runs.

        Example:
            >>> from toolkit.composition.parse import parse
            >>> parse("mix[mnli,squad]/xquad").tags()
            ... # doctest: +NORMALIZE_WHITESPACE
            {'composition': 'mix[mnli,squad]/xquad', 'head': 'xquad', 'blocks': 'mix', 'names': 'mnli,squad,xquad',
             'block.mix': 'yes', 'name.mnli': 'yes', 'name.squad': 'yes', 'name.xquad': 'yes'}
        """
        blocks = keywords(self.chain)
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
        """Return how the composition is put together, as the axes by which a tracker compares runs.

        `intermediates` are the names below the target, in their order; `method` is how they come in: `stack`, the blocks'
        keywords, or `none`.

        Example:
            >>> Composition(Chain((Name("mnli"), Name("xquad")))).axes()
            {'composition': 'mnli/xquad', 'intermediates': 'mnli', 'method': 'stack', 'target': 'xquad'}
        """
        leaves = self.leaves()
        target = "" if self.is_backbone and self.head is None else str(self.head_name)
        below = leaves[:-1] if leaves and leaves[-1].name == self.head_name.name else leaves
        method = ",".join(keywords(self.chain)) or ("stack" if below else "none")
        return {
            "composition": str(self),
            "intermediates": ",".join(map(str, below)) or "none",
            "method": method,
            "target": target,
        }
