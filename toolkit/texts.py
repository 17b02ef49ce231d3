"""Many texts in little memory: sorted and counted once each, kept in a file without a name beyond some MiB."""

from __future__ import annotations

import heapq
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import overload

from toolkit.nameless import Numbers, let_go, nameless, room, write

IN_MEMORY = 1 << 22  # characters that are sorted at a time
_WRITTEN = 1 << 20  # bytes that are written at a time
_MERGED = 1 << 16  # texts that are merged until their places are given back


class Texts(Sequence[str]):
    """Texts in a file without a name; where each begins is in another one.

    Example:
        >>> texts = Texts(["b", "", "é"])
        >>> len(texts), texts[2], texts[:2], list(texts)
        (3, 'é', ['b', ''], ['b', '', 'é'])
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._file = nameless("texts")
        self._begins = Numbers([0])
        self._n_bytes = 0
        self._held = bytearray()
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Add a text at the end."""
        data = text.encode("utf-8", "surrogatepass")
        self._held += data
        self._n_bytes += len(data)
        self._begins.append(self._n_bytes)
        if len(self._held) >= _WRITTEN:
            self._flush()

    def __len__(self) -> int:
        return len(self._begins) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            first, last, step = index.indices(len(self))
            return self._between(first, last) if step == 1 else [self[place] for place in range(first, last, step)]
        place = range(len(self))[index]  # negative ones, and an IndexError beyond
        return self._read(place, place + 1).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return self.between(0, len(self))

    def between(self, first: int, last: int) -> Iterator[str]:
        """Yield the texts of a range, of which few are in memory at a time."""
        for start in range(first, last, 1024):
            yield from self._between(start, min(start + 1024, last))

    def _between(self, first: int, last: int) -> list[str]:
        if last <= first:
            return []
        data, ends = self._read(first, last), self._begins[first : last + 1]
        begin = ends[0]
        return [data[a - begin : b - begin].decode("utf-8", "surrogatepass") for a, b in pairwise(ends)]

    def _read(self, first: int, last: int) -> bytes:
        self._flush()
        begin, end = self._begins[first : last + 1 : last - first]
        # `pread` moves no position, so that threads and forked processes may read one file.
        return os.pread(self._file.fileno(), end - begin, begin)

    def _flush(self) -> None:
        if self._held:
            write(self._file, bytes(self._held), "texts")
            self._held.clear()


@dataclass(frozen=True)
class Arranged:
    """Texts, each once.

    Attributes:
        distinct: in the order of their characters.
        places: int64, for each text that was given its place in `distinct`.
    """

    distinct: Sequence[str]
    places: memoryview


def arranged(texts: Iterable[str], *, in_memory: int = IN_MEMORY) -> Arranged:
    """Sort texts, each once, holding no more than `in_memory` characters at a time.

    Example:
        >>> found = arranged(["b", "a", "b"])
        >>> list(found.distinct), found.places.tolist()
        (['a', 'b'], [1, 0, 1])
    """
    runs, orders, starts = Texts(), Numbers(), [(0, 0)]  # of each run its first distinct text and its first text
    held: dict[str, int] = {}  # by text its number in this run
    numbers = Numbers()  # of each text in its run
    size = 0
    for text in texts:
        number = held.get(text)
        if number is None:
            number = held[text] = len(held)
            size += len(text) + 100
        numbers.append(number)
        if size > in_memory:
            _end_run(held, runs, orders)
            starts.append((len(runs), len(numbers)))
            held, size = {}, 0
    if not len(runs):
        every = sorted(held)
        place_of = array("q", bytes(8 * len(held)))
        for place, text in enumerate(every):
            place_of[held[text]] = place
        return Arranged(every, Numbers(place_of[number] for number in numbers).whole())
    _end_run(held, runs, orders)
    starts.append((len(runs), len(numbers)))
    return _merged(runs, orders, numbers, starts)


def found_in(known: Iterable[str], sought: Iterable[str]) -> Iterator[int]:
    """Yield the place of each sought text among known ones, -1 where it is not there; both are sorted, each text once.

    Example:
        >>> list(found_in(["a", "c", "d"], ["b", "c", "e"]))
        [-1, 1, -1]
    """
    every = enumerate(known)
    place, text = next(every, (-1, None))
    for wanted in sought:
        while text is not None and text < wanted:
            place, text = next(every, (-1, None))
        yield place if text == wanted else -1


def _end_run(held: dict[str, int], runs: Texts, orders: Numbers) -> None:
    """Append a run's texts in order; with each its number in the run."""
    for text in sorted(held):
        runs.append(text)
        orders.append(held[text])


def _merged(runs: Texts, orders: Numbers, numbers: Numbers, starts: list[tuple[int, int]]) -> Arranged:
    """Merge the runs of `arranged` into one order."""
    distinct = Texts()
    placed = room(8 * len(runs)).cast("q")
    last: str | None = None
    bounds = [(a, b) for (a, _), (b, _) in pairwise(starts)]
    merged = heapq.merge(
        *(zip(runs.between(a, b), orders.between(a, b), repeat(a), strict=False) for a, b in bounds),
        key=lambda each: each[0],
    )
    for count, (text, own, start) in enumerate(merged, 1):
        if text != last:
            distinct.append(text)
            last = text
        placed[start + own] = len(distinct) - 1
        if count % _MERGED == 0:
            let_go(placed)
    places = Numbers()
    for (start, first), (_, end) in pairwise(starts):
        for number in numbers.between(first, end):
            places.append(placed[start + number])
        let_go(placed)
    return Arranged(distinct, places.whole())
