"""Space of a disk: what work will write is known before it begins, and compared with what is free."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError

_ROUND = 4096  # bytes of a block: what a file of any size takes more than its content


@dataclass(frozen=True)
class Need:
    """Files that will be written.

    Args:
        what: they are, in words.
        folder: they are written to; it need not exist.
        total: bytes of all that exist at the same time, and did not exist before.
        largest: bytes of the largest file; None: as many as all; 0: not known.
        instead: what the user can do but free space.
    """

    what: str
    folder: Path
    total: int
    largest: int | None = None
    instead: str = "name another folder"


def require_space(needs: Iterable[Need]) -> None:
    """Raise where a disk has less space than what will be written to it, or a file would be larger than the system lets it be.

    What several needs write to one disk is added up.

    Raises:
        ToolkitError: names the folder, the bytes that are needed and those that are free.
    """
    by_disk: dict[int, list[Need]] = {}
    for need in needs:
        _require_size(need)
        if (place := _existing(need.folder)) is not None:
            by_disk.setdefault(os.stat(place).st_dev, []).append(need)
    for some in by_disk.values():
        total = sum(need.total + _ROUND for need in some)
        first = some[0]
        free = free_bytes(first.folder)
        if free is not None and free < total:
            what = " and ".join(dict.fromkeys(need.what for need in some))
            raise ToolkitError(
                f"The disk of {first.folder} has {in_words(free)} free, but {in_words(total)} are needed for {what}; free space "
                f"or {first.instead}."
            )


def free_bytes(folder: Path) -> int | None:
    """Return the bytes that this user may still write to the disk of a folder; None where the system does not say."""
    place = _existing(folder)
    if place is None:
        return None
    try:
        disk = os.statvfs(place)
    except OSError:
        return None
    # A file system that does not count its blocks, as some of containers and networks, says 0 of 0.
    return disk.f_bavail * disk.f_frsize if disk.f_blocks else None


def in_words(count: int) -> str:
    """Return a number of bytes for a reader.

    Example:
        >>> in_words(512), in_words(1_500_000), in_words(3 * 2**30)
        ('512 bytes', '1.4 MiB (1,500,000 bytes)', '3.0 GiB (3,221,225,472 bytes)')
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit} ({count:,} bytes)"
    return f"{count} bytes"


def _require_size(need: Need) -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = need.total if need.largest is None else need.largest
    if limit != resource.RLIM_INFINITY and largest > limit:
        raise ToolkitError(
            f"A file of {need.what} in {need.folder} needs {in_words(largest)}, and the system lets none be larger than "
            f"{in_words(limit)}; raise the limit (`ulimit -f`)."
        )


def _existing(folder: Path) -> Path | None:
    """Return the folder, or the nearest one above it that exists."""
    path = Path(folder).absolute()
    return next((each for each in (path, *path.parents) if each.exists()), None)
