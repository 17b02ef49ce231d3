"""Many texts in little memory: sorted and counted once each, kept in a file without a name beyond some MiB."""

from __future__ import annotations

import heapq
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path
from typing import BinaryIO, overload

from toolkit.cache import cache_root
from toolkit.errors import ToolkitError

IN_MEMORY = 1 << 24  # characters that are sorted at a time
_WRITTEN = 1 << 20  # bytes that are written at a time


class Texts(Sequence[str]):
    """Texts in a file without a name, of which memory holds where each begins.

    Example:
        >>> texts = Texts(["b", "", "é"])
        >>> len(texts), texts[2], texts[:2], list(texts)
        (3, 'é', ['b', ''], ['b', '', 'é'])
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._file = nameless("texts")
        self._begins = array("q", [0])
        self._held = bytearray()
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Add a text at the end."""
        data = text.encode("utf-8", "surrogatepass")
        self._held += data
        self._begins.append(self._begins[-1] + len(data))
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
        for first in range(0, len(self), 1024):
            yield from self._between(first, min(first + 1024, len(self)))

    def _between(self, first: int, last: int) -> list[str]:
        if last <= first:
            return []
        data, begin = self._read(first, last), self._begins[first]
        ends = self._begins[first : last + 1]
        return [data[a - begin : b - begin].decode("utf-8", "surrogatepass") for a, b in pairwise(ends)]

    def _read(self, first: int, last: int) -> bytes:
        self._flush()
        begin, end = self._begins[first], self._begins[last]
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
    places: array[int]


def arranged(texts: Iterable[str], *, in_memory: int = IN_MEMORY) -> Arranged:
    """Sort texts, each once, holding no more than `in_memory` characters at a time.

    Example:
        >>> found = arranged(["b", "a", "b"])
        >>> list(found.distinct), found.places.tolist()
        (['a', 'b'], [1, 0, 1])
    """
    runs: list[tuple[Texts, array[int]]] = []
    held: dict[str, int] = {}  # by text its number in this run
    numbers = array("q")  # of each text in its run
    starts = array("q", [0])  # the first text of each run
    size = 0
    for text in texts:
        number = held.get(text)
        if number is None:
            number = held[text] = len(held)
            size += len(text) + 100
        numbers.append(number)
        if size > in_memory:
            runs.append(_run(held))
            starts.append(len(numbers))
            held, size = {}, 0
    if not runs:
        every = sorted(held)
        place_of = array("q", bytes(8 * len(held)))
        for place, text in enumerate(every):
            place_of[held[text]] = place
        return Arranged(every, array("q", (place_of[number] for number in numbers)))
    runs.append(_run(held))
    starts.append(len(numbers))
    distinct = Texts()
    placed = [array("q", bytes(8 * len(order))) for _, order in runs]
    last: str | None = None
    merged = heapq.merge(
        *(zip(run, order, repeat(number), strict=False) for number, (run, order) in enumerate(runs)),
        key=lambda each: each[0],
    )
    for text, own, run_number in merged:
        if text != last:
            distinct.append(text)
            last = text
        placed[run_number][own] = len(distinct) - 1
    for run_number, (first, end) in enumerate(pairwise(starts)):
        for at in range(first, end):
            numbers[at] = placed[run_number][numbers[at]]
    return Arranged(distinct, numbers)


def _run(held: dict[str, int]) -> tuple[Texts, array[int]]:
    """Write a run's texts in order; with each its number in the run."""
    every = sorted(held)
    return Texts(every), array("q", (held[text] for text in every))


def nameless(what: str) -> BinaryIO:
    """Open a file without a name in a folder of the cache, or of the system where that cannot be; it goes with the process."""
    folder: Path = cache_root() / what
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError:
        return tempfile.TemporaryFile()


def write(file: BinaryIO, data: bytes, what: str) -> int:
    """Append to a file without a name and return where the data begins.

    Raises:
        ToolkitError: the disk is full.
    """
    try:
        begin = file.seek(0, os.SEEK_END)
        file.write(data)
        file.flush()
    except OSError as fault:
        raise ToolkitError(
            f"The {what} read cannot be kept in {cache_root() / what} ({fault.strerror}); free space, or set XSTILTS_CACHE to "
            "another folder."
        ) from None
    return begin
