"""Draws: the rows that a limit or a share takes, by seed and in proportion to their labels.

A draw is an order of all rows, and a limit takes its first rows, so that a smaller limit is part of a larger one. A row's
place in it depends on its id, not on its place in the file (docs/decisions/0027-what-a-limit-draws.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from toolkit.tasks.kinds import STRATIFIED, Kind
from toolkit.tasks.rows import Opened, SentenceRow

if TYPE_CHECKING:
    import numpy as np


_AT_A_TIME = 1 << 15  # ids that are in memory


@dataclass(frozen=True)
class Marks:
    """What a draw looks at.

    Attributes:
        ids: of every row.
        strata: the label of every row, in whatever form its file has it; None: all rows are one stratum.
    """

    ids: Sequence[str]
    strata: Sequence[Hashable] | None = None


@runtime_checkable
class Marked(Protocol):
    """An opened split that knows ids and labels without making the rows, so that a draw is cheap and meets no faulty row."""

    def marks(self) -> Marks: ...


@dataclass(frozen=True)
class Drawn:
    """A draw that rows come from: at most `limit` of them, by `seed`."""

    limit: int
    seed: int

    @property
    def words(self) -> str:
        """The words of a protocol.

        Example:
            >>> Drawn(500, 0).words
            'limit=500 limit_seed=0'
        """
        return f"limit={self.limit} limit_seed={self.seed}"


def limit_words(limit: int | None, seed: int) -> str:
    """Return the words of a protocol for a limit, or an empty text where there is none."""
    return "" if limit is None else Drawn(limit, seed).words


def draw_order(marks: Marks, *, seed: int) -> list[int]:
    """Return the places of all rows in the order in which a draw takes them.

    Each stratum is shuffled by the hash of its rows' ids. Row r of a stratum of n rows comes at (r + 1/2) / n of the whole, so
    that every beginning of the order has the strata in their proportion, up to one row each.

    Args:
        marks: ids and strata.
        seed: any integer; equal ids, strata and seed lead to the same order.

    Example:
        >>> marks = Marks([str(i) for i in range(8)], ["no"] * 4 + ["yes"] * 4)
        >>> [sum(place < 4 for place in draw_order(marks, seed=0)[:n]) for n in (2, 4, 6)]
        [1, 2, 3]
    """
    return list(map(int, _order(marks, seed)))


def places_first(ids: Iterable[str], n: int, *, seed: int) -> np.ndarray:
    """Return the places of the n rows that `draw_order` takes first, rising, int64 [n], where all rows are one stratum.

    Memory holds a number for each row that is taken, and none for the others.

    Args:
        ids: of all rows, each another one.
        n: how many.
        seed: as of `draw_order`.

    Example:
        >>> ids = [str(i) for i in range(9)]
        >>> places_first(ids, 3, seed=0).tolist() == sorted(draw_order(Marks(ids), seed=0)[:3])
        True
    """
    import numpy as np

    hashes, places, start = np.zeros(0, np.uint64), np.zeros(0, np.int64), 0
    every = iter(ids)
    while some := list(islice(every, _AT_A_TIME)):
        hashes = np.concatenate([hashes, _hashes(some, seed)])
        places = np.concatenate([places, np.arange(start, start + len(some))])
        start += len(some)
        if len(hashes) > 2 * n:
            taken = np.sort(np.lexsort((places, hashes))[:n])
            hashes, places = hashes[taken], places[taken]
    return np.sort(places[np.lexsort((places, hashes))[:n]])


def _order(marks: Marks, seed: int) -> np.ndarray:
    """Return `draw_order` as int64 [N]."""
    import numpy as np

    hashes = _hashes(marks.ids, seed)
    keys = np.zeros(len(hashes))
    numbers: dict[Hashable, int] = {}
    strata = np.fromiter(
        (numbers.setdefault(stratum, len(numbers)) for stratum in marks.strata or ()), np.int64, len(marks.strata or ())
    )
    for number in range(max(len(numbers), 1)):
        places = np.flatnonzero(strata == number) if numbers else np.arange(len(hashes))
        places = places[np.argsort(hashes[places], kind="stable")]
        keys[places] = (2 * np.arange(len(places)) + 1) / (2 * len(places))
    return np.lexsort((hashes, keys))


def _hashes(ids: Sequence[str], seed: int) -> np.ndarray:
    """Return a hash for each id, uint64 [N]; where an id repeats, the second row that has it gets another one."""
    import numpy as np

    # A hash and no generator: whoever draws years later, or in another language's file, gets the same rows.
    begun = hashlib.blake2b(f"{seed} ".encode(), digest_size=8)

    def digest(text: str) -> bytes:
        own = begun.copy()
        own.update(text.encode("utf-8", "surrogatepass"))
        return own.digest()

    found = np.frombuffer(b"".join(map(digest, ids)), ">u8").astype(np.uint64)
    # Only ids with one hash may be equal: no table of all ids is needed.
    _, inverse, counts = np.unique(found, return_inverse=True, return_counts=True)
    seen: dict[str, int] = {}
    for place in np.flatnonzero((counts > 1)[inverse.reshape(-1)]).tolist():
        id = ids[place]
        number = seen.get(id, 0)
        seen[id] = number + 1
        if number:
            found[place] = int.from_bytes(digest(f"{id} {number}"), "big")
    return found


def _rows_taken(opened: Opened, kind: Kind, indices: Sequence[int], limit: int, seed: int) -> list[int]:
    if limit >= len(indices):
        return list(range(len(indices)))
    found = marks_of(opened, kind)
    if indices != range(len(found.ids)):
        strata = found.strata and [found.strata[i] for i in indices]
        found = Marks([found.ids[i] for i in indices], strata)
    return list(map(int, _order(found, seed)[:limit]))


def _lines_taken(opened: Opened, kind: Kind, indices: Sequence[int], limit: int, seed: int) -> list[int]:
    """Return at most `limit` lines of either side, so that the source side keeps its share of lines with a translation.

    The target side begins with the translations of the source lines taken, and a line by chance for each one without any.
    """
    order, targets = _sides(opened, indices, seed)
    others = list(targets)
    fillers = iter([others[i] for i in draw_order(Marks(others), seed=seed)])
    taken: dict[str, None] = {}
    for _, row in order:
        if row.translations:
            taken |= dict.fromkeys(id for id in row.translations if id in targets)
        else:
            taken |= dict.fromkeys(islice((id for id in fillers if id not in taken), 1))
    taken |= dict.fromkeys(fillers)
    return [place for place, _ in order[:limit]] + [targets[id] for id in list(taken)[:limit]]


def _sides(opened: Opened, indices: Sequence[int], seed: int) -> tuple[list[tuple[int, SentenceRow]], dict[str, int]]:
    """Return the lines of the source side with their places, in the order of a draw, and the places of the target side by id."""
    sources: dict[int, SentenceRow] = {}
    targets: dict[str, int] = {}
    for place, index in enumerate(indices):
        row = opened.row(index)
        assert isinstance(row, SentenceRow)
        if row.side == "source":
            sources[place] = row
        else:
            targets[row.id] = place
    marks = Marks([row.id for row in sources.values()], [bool(row.translations) for row in sources.values()])
    every = list(sources.items())
    return [every[i] for i in draw_order(marks, seed=seed)], targets


def first_pair(opened: Opened, *, seed: int) -> int:
    """Return the smallest limit that draws a line together with its translation; more than there are lines if none has one."""
    order, targets = _sides(opened, range(len(opened)), seed)
    found = (at for at, (_, row) in enumerate(order, 1) if any(id in targets for id in row.translations))
    return next(found, len(order) + 1)


# How a limit is drawn from the rows of a kind, as places among `indices`: rows, or lines of either side of two corpora.
_TAKEN: Mapping[Kind, Callable[[Opened, Kind, Sequence[int], int, int], list[int]]] = {
    "pair": _rows_taken,
    "choice": _rows_taken,
    "span": _rows_taken,
    "tags": _rows_taken,
    "bitext": _rows_taken,
    "mining": _lines_taken,
    "retrieval": _rows_taken,
    "text": _rows_taken,
}


def places_within(opened: Opened, kind: Kind, indices: Sequence[int], *, limit: int, seed: int) -> list[int]:
    """Return which of `indices` of an opened split a limit takes, in ascending order."""
    return sorted(_TAKEN[kind](opened, kind, indices, limit, seed))


def marks_of(opened: Opened, kind: Kind) -> Marks:
    """Return what a draw looks at in an opened split; where the split does not know it, its rows are made."""
    if isinstance(opened, Marked):
        found = opened.marks()
        return found if kind in STRATIFIED else Marks(found.ids)
    rows = [opened.row(index) for index in range(len(opened))]
    strata = [getattr(row, "label", None) for row in rows] if kind in STRATIFIED else None
    return Marks([row.id for row in rows], strata)


def places_drawn(size: int, n: int, *, seed: int) -> list[int]:
    """Return `n` of `size` places in ascending order, drawn without replacement; which, depends on size and seed alone."""
    # Cards name such draws (`Seen.drawn_from`), so that this order never changes.
    order = sorted(range(size), key=lambda place: hashlib.sha256(f"{seed} {place}".encode()).digest())
    return sorted(order[:n])
