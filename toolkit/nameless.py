"""Files without a name: what would grow with the rows is kept there, appended to and mapped, and goes with the process."""

from __future__ import annotations

import mmap
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, overload

from toolkit.cache import cache_root
from toolkit.errors import ToolkitError

IN_MEMORY = 1 << 20  # bytes of numbers that stay in memory
_READ = 4096  # numbers that are read at a time


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
        raise _full(what, fault) from None
    return begin


def _full(what: str, fault: OSError) -> ToolkitError:
    return ToolkitError(
        f"The {what} read cannot be kept in {cache_root() / what} ({fault.strerror}); free space, or set XSTILTS_CACHE to "
        "another folder."
    )


def room(size: int) -> memoryview:
    """Return so many bytes, all zero, that can be written: of a mapped file where they are many.

    Raises:
        ToolkitError: the disk is full.
    """
    if size <= IN_MEMORY:
        return memoryview(bytearray(size))
    with nameless("numbers") as file:
        try:
            # A hole that a full disk cannot fill would end the process by a signal when it is written.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return memoryview(mmap.mmap(file.fileno(), size))
        except OSError as fault:
            raise _full("numbers", fault) from None


def let_go(*held: Any) -> None:
    """Give the pages of arrays that are mapped from a file back to the system, which reads them again when they are used.

    Args:
        held: memory views, or NumPy arrays over them; what is in memory is left as it is.
    """
    for each in held:
        while not isinstance(each, memoryview) and getattr(each, "base", None) is not None:
            each = each.base
        mapped = each.obj if isinstance(each, memoryview) else None
        if isinstance(mapped, mmap.mmap) and hasattr(mapped, "madvise"):
            mapped.madvise(mmap.MADV_DONTNEED)


class Numbers:
    """Whole numbers that are appended and then read, of which memory holds some MiB at most.

    Example:
        >>> numbers = Numbers([3, 1])
        >>> numbers.append(2)
        >>> len(numbers), numbers[1], numbers[1:], list(numbers), numbers.whole().tolist()
        (3, 1, [1, 2], [3, 1, 2], [3, 1, 2])
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._file: BinaryIO | None = None
        self._n_written = 0
        self._held = array("q")
        self._mapped: memoryview | None = None
        for number in numbers:
            self.append(number)

    def append(self, number: int) -> None:
        """Add a number at the end."""
        self._held.append(number)
        if 8 * len(self._held) >= IN_MEMORY:
            self._flush()

    def __len__(self) -> int:
        return self._n_written + len(self._held)

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        if self._file is None:
            found = self._held[index]
            return found if isinstance(found, int) else found.tolist()
        if isinstance(index, slice):
            first, last, step = index.indices(len(self))
            read = self._between(first, max(first, last)) if step > 0 else self._between(0, len(self))
            return read[::step] if step > 0 else read[index]
        place = range(len(self))[index]
        return self._between(place, place + 1)[0]

    def __iter__(self) -> Iterator[int]:
        return self.between(0, len(self))

    def between(self, first: int, last: int) -> Iterator[int]:
        """Yield the numbers of a range, of which few are in memory at a time."""
        for start in range(first, last, _READ):
            yield from self[start : min(start + _READ, last)]

    def _between(self, first: int, last: int) -> list[int]:
        """Read numbers of the file; a read leaves nothing in memory, unlike a map."""
        assert self._file is not None
        self._flush()
        return array("q", os.pread(self._file.fileno(), 8 * (last - first), 8 * first)).tolist()

    def whole(self) -> memoryview:
        """Return all numbers, int64, mapped from the file if they are many; `let_go` gives back what was read of it."""
        if self._file is None:
            return memoryview(array("q", self._held))
        if self._mapped is None or len(self._mapped) < len(self):
            self._flush()
            self._mapped = memoryview(mmap.mmap(self._file.fileno(), 8 * len(self))).cast("q")
        return self._mapped

    def _flush(self) -> None:
        if self._file is None:
            self._file = nameless("numbers")
        if self._held:
            write(self._file, self._held.tobytes(), "numbers")
            self._n_written += len(self._held)
            self._held = array("q")
