"""Operands of the tiled products: arithmetic, sizes of tiles, and rounded vectors with their errors.

With m the mean of all vectors, x . y = (x - m) . (y - m) + m . x + m . y - m . m. The first product is of small numbers, so
that bf16 loses little. The next two are appended to the vectors as columns, three bf16 numbers each. The last is one number
for all pairs. By Cauchy and Schwarz the error of a product is at most |dx| |y| + |x| |dy|, d being what rounding took away.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from toolkit.retrieval.settings import SearchSettings
from toolkit.retrieval.side import Side

if TYPE_CHECKING:
    import torch
    from torch import Tensor

TILE_X, TILE_Y = 4_096, 8_192
# Numbers are compared in groups of this many before any is looked at alone. Divides both sides of a tile.
GROUP = 16
NO_ROW = -1e30  # what a line of padding scores with anything
EXTRA = 6  # columns that are appended to the vectors


class Errors(NamedTuple):
    """Bounds of n rounded vectors, each float [n]: `norm` of the vector, `error` of what rounding took away, `slack` of
    the columns that are appended."""

    norm: Tensor
    error: Tensor
    slack: Tensor


@dataclass(frozen=True)
class Rounding:
    """Number format of the first products, and the bounds of its errors."""

    dtype: torch.dtype
    relative: float  # error of a product's own rounding
    summed: float  # error of a sum of D products, per |x| |y|
    device: torch.device


@contextmanager
def on_threads(threads: int | None) -> Iterator[None]:
    """Let torch and FAISS use that many threads inside this block."""
    import faiss
    import torch

    before = torch.get_num_threads(), faiss.omp_get_max_threads()
    n = threads or before[0]
    torch.set_num_threads(n)
    faiss.omp_set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        faiss.omp_set_num_threads(before[1])


def rounding_of(settings: SearchSettings, width: int) -> Rounding:
    """Return the arithmetic of a search for vectors of some width."""
    import torch

    asked, device = str(settings.arithmetic), settings.device

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if asked == "auto":
        if place.type == "cuda":
            is_native = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            is_native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        asked = "bf16" if is_native else "fp32"
    dtype, relative = {"bf16": (torch.bfloat16, 1.02 * 2.0**-9), "fp32": (torch.float32, 2.0**-24)}[asked]
    return Rounding(dtype, relative, 2 * (width + EXTRA) * 2.0**-24, place)


def tile_sizes(memory: float, how: Rounding) -> tuple[int, int]:
    """Return the rows of a tile: all but square on a GPU, and within an eighth of the memory, its maxima included."""
    tile_x, tile_y = (32_768, 32_768) if how.device.type == "cuda" else (TILE_X, TILE_Y)
    while tile_x * tile_y * how.dtype.itemsize > memory * 2**30 / 8 and tile_x > GROUP:
        tile_x, tile_y = tile_x // 2, tile_y // 2
    return tile_x, tile_y


@contextmanager
def plain_products() -> Iterator[None]:
    """Multiply as the bound supposes: fp32 in full, sums of bf16 products in fp32."""
    import torch

    cuda = torch.backends.cuda.matmul
    before = torch.get_float32_matmul_precision(), cuda.allow_bf16_reduced_precision_reduction
    torch.set_float32_matmul_precision("highest")
    cuda.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cuda.allow_bf16_reduced_precision_reduction = before[1]


def mean_vector(x: Side, y: Side) -> np.ndarray:
    """Return the mean vector of both sides, float32 [D]."""
    total = np.zeros(x.width)
    for side in (x, y):
        size = 8192
        for start in range(0, len(side), size):
            total += side.part(start, start + size).sum(axis=0, dtype=np.float64)
    return (total / (len(x) + len(y))).astype(np.float32)


def operand(
    side: Side, lines: slice, mean: np.ndarray, offset: float, how: Rounding, *, is_first: bool
) -> tuple[Tensor, Errors]:
    """Return [n, D + 6] for products, filled up to a multiple of 16 rows, and of the n real rows |x|, |dx| and slack."""
    import torch

    start, stop = lines.start, lines.stop
    n, width = stop - start, side.width
    own = range(width, width + 3) if is_first else range(width + 3, width + 6)
    ones = slice(width + 3, width + 6) if is_first else slice(width, width + 3)
    middle, middle_norm = torch.from_numpy(mean).to(how.device), float(np.linalg.norm(mean))
    found = torch.zeros((rounded_up(n), width + EXTRA), dtype=how.dtype, device=how.device)
    norms, errors, slack = (torch.empty(n, device=how.device) for _ in range(3))
    # In pieces, so that the fp32 numbers behind a whole side are never held at once.
    for first in range(0, n, TILE_Y):
        here = slice(first, min(first + TILE_Y, n))
        values = torch.from_numpy(side.part(start + here.start, start + here.stop)).to(how.device)
        centred = values - middle
        found[here, :width] = centred
        rounded = found[here, :width].float()
        norms[here] = torch.linalg.vector_norm(rounded, dim=1)
        lengths = torch.linalg.vector_norm(values, dim=1)
        # What is lost when the mean is taken off in fp32 counts as well.
        errors[here] = torch.linalg.vector_norm(rounded - centred, dim=1) + 2.0**-23 * (lengths + middle_norm)
        rest = (values @ middle).double() - offset
        slack[here] = how.summed * (lengths * middle_norm + rest.abs().float())
        for column in own:
            found[here, column] = rest
            rest = rest - found[here, column].double()
    found[n:, own[0]] = NO_ROW
    found[:, ones] = 1
    return found, Errors(norms, errors, slack)


def rounded_up(n: int) -> int:
    return -(-n // GROUP) * GROUP
