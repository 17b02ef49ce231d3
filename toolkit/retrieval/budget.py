"""Memory that a block takes while it is searched, and the largest block that a budget holds."""

from __future__ import annotations

from toolkit.errors import ToolkitError
from toolkit.retrieval.knn import DOUBLE, most_lines, products_at_once
from toolkit.retrieval.operands import EXTRA, TILE_Y, rounding_of, tile_sizes
from toolkit.retrieval.screen import room_of
from toolkit.retrieval.settings import SearchSettings

LEAST = 1024  # lines of a block
LINE = 40  # bytes of a line for each product that is kept of it, with what it is sorted in
PIECES = 5  # copies of the vectors that are read at a time


def block_bytes(size: int, width: int, k: int, settings: SearchSettings) -> int:
    """Return how many bytes a block of `size` lines of either side takes at most, beyond the program itself.

    Args:
        size: lines of either side.
        width: D.
        k: neighbours.
        settings: the memory, which bounds tiles and what is held of a side; arithmetic and device.
    """
    how = rounding_of(settings, width)
    item, row = how.dtype.itemsize, (width + EXTRA) * how.dtype.itemsize
    tile_x, tile_y = (min(each, size) for each in settings.tile or tile_sizes(settings.memory, how))
    held = max(tile_x * row, min(size * row, int(settings.memory * 2**30 / 2)))
    product = tile_x * tile_y * item * 3 // 2
    read = PIECES * 4 * min(size, TILE_Y) * width
    double = 8 * DOUBLE * min(size, products_at_once(settings.memory)) ** 2
    kept = 2 * size * LINE * room_of(k)  # also while products that are all but equal are computed once more
    return max(read + held + tile_y * row + product, double) + kept


def block_lines(n: int, m: int, width: int, k: int, settings: SearchSettings, *, workers: int = 1) -> int:
    """Return how many lines of either side a block has: as many as the memory holds, and so few that each worker has some.

    Args:
        n: lines of the first side.
        m: lines of the second.
        width: D.
        k: neighbours.
        settings: the memory is that of one worker.
        workers: that search at the same time.

    Raises:
        ToolkitError: the memory does not hold the smallest block.
    """
    budget = settings.memory * 2**30
    if (least := block_bytes(LEAST, width, k, settings)) > budget:
        raise ToolkitError(
            f"retrieve.memory={settings.memory:g} (GiB) does not hold a block of {LEAST:,} x {LEAST:,} vectors of {width:,} "
            f"numbers; the least that works is {least_memory(least):g}."
        )
    size = most_lines(settings, width)
    while size > LEAST and (block_bytes(size, width, k, settings) > budget or _are_few(n, m, size, workers)):
        size //= 2
    return size


def least_memory(n_bytes: int) -> float:
    """Return GiB, rounded up to hundredths.

    Example:
        >>> least_memory(26_000_000)
        0.03
    """
    return -(-n_bytes * 100 // 2**30) / 100


def _are_few(n: int, m: int, size: int, workers: int) -> bool:
    """Whether blocks are so few that a worker would wait for the last one of another."""
    return workers > 1 and -(-n // size) * -(-m // size) < 4 * workers and size > 4 * LEAST


def part_lines(n: int, m: int, width: int, settings: SearchSettings, *, workers: int = 1) -> tuple[int, int]:
    """Return how many lines are sought at a time in an index, and of how many vectors an index is made.

    An index holds at most its vectors and as much again of links or lists; while it is made, they are there twice more.
    """
    part = max(LEAST, int(settings.memory * 2**30 / (16 * width)))
    part = -(-m // -(-m // part))
    lines = max(LEAST, min(most_lines(settings, width), -(-n // (4 * workers))))
    return lines, part
