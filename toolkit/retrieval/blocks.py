"""Blocks of two sides, what is found in them, and the tree in which it is merged: what to do next, and what is over.

A block is some lines of either side. What is found in it for the lines of one side is a leaf: their neighbours within the
lines of the other. The leaves of the same lines are merged, some at a time, then the results of that, until one is left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

Way = Literal["ahead", "back"]
"""Neighbours of the first side's lines among the second's, or of the second's among the first's."""
WAYS: tuple[Way, ...] = get_args(Way)
FAN = 8  # results that are merged into one


@dataclass(frozen=True)
class Grid:
    """Two sides, cut into blocks of lines.

    Attributes:
        n: lines of the first side.
        m: lines of the second.
        size: lines of a block, at most.
        fan: results that are merged into one.
        ways: whose neighbours are found.
        other: lines of a block on the second side; 0: as many as on the first.

    Example:
        >>> grid = Grid(10, 5, 4)
        >>> grid.lines("ahead", 2), grid.count("ahead"), grid.count("back")
        (slice(8, 10, None), 3, 2)
    """

    n: int
    m: int
    size: int
    fan: int = FAN
    ways: tuple[Way, ...] = WAYS
    other: int = 0

    def count(self, way: Way) -> int:
        """Return how many blocks of lines the side has whose neighbours are found."""
        return -(-self._total(way) // self._step(way))

    def lines(self, way: Way, number: int) -> slice:
        """Return the lines of a block of that side."""
        step = self._step(way)
        return slice(number * step, min((number + 1) * step, self._total(way)))

    def level_count(self, way: Way, level: int) -> int:
        """Return how many results of a level there are of the same lines; level 0 are the leaves."""
        counts = _level_counts(self.count("back" if way == "ahead" else "ahead"), self.fan)
        return counts[min(level, len(counts) - 1)]

    def top(self, way: Way) -> int:
        """Return the level at which one result is left."""
        return len(_level_counts(self.count("back" if way == "ahead" else "ahead"), self.fan)) - 1

    def cells(self) -> Iterator[tuple[int, int]]:
        """Yield the blocks, square by square of `fan` blocks a side, so that little waits to be merged."""
        rows, columns = self.count("ahead"), self.count("back")
        for row in range(0, rows, self.fan):
            for column in range(0, columns, self.fan):
                for i in range(row, min(row + self.fan, rows)):
                    for j in range(column, min(column + self.fan, columns)):
                        yield i, j

    def _total(self, way: Way) -> int:
        return self.n if way == "ahead" else self.m

    def _step(self, way: Way) -> int:
        return self.other if way == "back" and self.other else self.size


@lru_cache(maxsize=64)
def _level_counts(n: int, fan: int) -> tuple[int, ...]:
    """Return how many results there are at each level of the merging of n leaves.

    Example:
        >>> _level_counts(20, 8)
        (20, 3, 1)
    """
    counts = [n]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // fan))
    return tuple(counts)


@dataclass(frozen=True)
class Part:
    """Neighbours of a block of lines among a part of the other side.

    Attributes:
        way: whose neighbours.
        block: number of the block of lines.
        level: 0 for a leaf, found in a block of the other side; else merged from the level below.
        place: among those of its level: the number of the other side's block at level 0.
    """

    way: Way
    block: int
    level: int
    place: int

    @property
    def name(self) -> str:
        """A name, `ahead-3-0-7`."""
        return f"{self.way}-{self.block}-{self.level}-{self.place}"

    @classmethod
    def of(cls, name: str) -> Part | None:
        """Return the part of a name; None: it is not one.

        Example:
            >>> Part.of("back-3-1-0"), Part.of("ahead-x")
            (Part(way='back', block=3, level=1, place=0), None)
        """
        words = name.split("-")
        if len(words) != 4 or not all(word.isascii() and word.isdigit() for word in words[1:]):
            return None
        way: Way | None = "ahead" if words[0] == "ahead" else "back" if words[0] == "back" else None
        return None if way is None else cls(way, *map(int, words[1:]))

    def above(self, grid: Grid) -> Part:
        """Return the part that it is merged into."""
        return Part(self.way, self.block, self.level + 1, self.place // grid.fan)

    def below(self, grid: Grid) -> tuple[Part, ...]:
        """Return the parts that it is merged from; none for a leaf."""
        if self.level == 0:
            return ()
        first, count = self.place * grid.fan, grid.level_count(self.way, self.level - 1)
        places = range(first, min(first + grid.fan, count))
        return tuple(Part(self.way, self.block, self.level - 1, place) for place in places)


@dataclass(frozen=True)
class Piece:
    """A piece of work.

    Attributes:
        makes: what it leaves: both leaves of a block, or one merged part.
        reads: the parts that are merged; none for a block.
    """

    makes: tuple[Part, ...]
    reads: tuple[Part, ...] = ()

    @property
    def name(self) -> str:
        """A name that says what is done: `block-3-7`, `merge-ahead-3-1-0`."""
        first = self.makes[0]
        return f"merge-{first.name}" if self.reads else f"block-{first.block}-{first.place}"


class Schedule:
    """What is to be done, in an order in which little waits on the disk: what can be merged first, then the next block.

    Args:
        grid: the blocks.
        present: parts that an earlier run left.

    Example:
        >>> schedule = Schedule(Grid(2, 1, 1))
        >>> while (piece := schedule.next()) is not None:
        ...     print(piece.name, [part.name for part in schedule.finish(piece)])
        block-0-0 []
        block-1-0 []
        merge-back-0-1-0 ['back-0-0-0', 'back-0-0-1']
    """

    def __init__(self, grid: Grid, present: Collection[Part] = ()) -> None:
        self.grid, self._is_fresh = grid, False
        self._tops = {way: grid.top(way) for way in grid.ways}
        self._have = {part for part in present if self._is_of_grid(part)}
        self.over = [part for part in self._have if self._is_covered(part.above(grid))]  # merged before
        self._have.difference_update(self.over)
        self._is_fresh = not self._have
        self._merges: deque[Piece] = deque()
        self._counts: dict[Part, int] = {}  # how much is there of what a part is merged from
        for part in sorted(self._have, key=lambda one: one.name):
            self._look(part)
        self._cells = grid.cells()
        self.total = grid.count("ahead") * grid.count("back")
        self.done = 0  # blocks

    def next(self) -> Piece | None:
        """Return what can be done now; None: nothing before something else is finished, or nothing at all."""
        if self._merges:
            return self._merges.popleft()
        for i, j in self._cells:
            both = Part("ahead", i, 0, j), Part("back", j, 0, i)
            leaves = tuple(leaf for leaf in both if leaf.way in self.grid.ways)
            if not all(self._is_covered(leaf) for leaf in leaves):
                return Piece(leaves)
            self.done += 1
        return None

    def finish(self, piece: Piece) -> list[Part]:
        """Note that a piece is done and return the parts that nobody needs any more."""
        if not piece.reads:
            self.done += 1
        over = list(piece.reads)
        self._have.difference_update(over)
        for part in piece.makes:
            if part in self._have:
                continue  # an earlier run left it
            if self._is_covered(part):
                over.append(part)  # merged by an earlier run
                continue
            self._have.add(part)
            self._look(part)
        return over

    def results(self, way: Way) -> list[Part]:
        """Return the parts that are left in the end, one for each block of lines."""
        return [Part(way, block, self._tops[way], 0) for block in range(self.grid.count(way))]

    def _look(self, part: Part) -> None:
        """Ask for the merging of a part's group, if all of it is there."""
        if part.level >= self._tops[part.way]:
            return
        above, fan = part.above(self.grid), self.grid.fan
        wanted = min(fan, self.grid.level_count(part.way, part.level) - above.place * fan)
        count = self._counts.pop(above, 0) + 1
        if count == wanted:
            self._merges.append(Piece((above,), above.below(self.grid)))
        else:
            self._counts[above] = count

    def _is_covered(self, part: Part) -> bool:
        """Whether a part is there, or something that it was merged into."""
        if self._is_fresh:  # each block is asked for once
            return False
        while part.level <= self._tops[part.way]:
            if part in self._have:
                return True
            part = part.above(self.grid)
        return False

    def _is_of_grid(self, part: Part) -> bool:
        return (
            part.way in self.grid.ways
            and part.block < self.grid.count(part.way)
            and part.level <= self._tops[part.way]
            and part.place < self.grid.level_count(part.way, part.level)
        )
