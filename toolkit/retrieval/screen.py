"""Products of two sides, tile by tile in fast arithmetic, and which of them could be among a line's largest.

With m the mean of all vectors, x . y = (x - m) . (y - m) + m . x + m . y - m . m. The first product is of small numbers, so
that bf16 loses little; the next two ride along as columns beside the vectors, three bf16 numbers each; the last is one number
for all pairs. By Cauchy and Schwarz the error of a product is at most |dx| |y| + |x| |dy|, d being what rounding took away.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.progress import Progress, Report, silent
from toolkit.retrieval.side import Side

TILE_X, TILE_Y = 4_096, 8_192
# Numbers are compared in groups of this many before any is looked at alone. Divides both sides of a tile.
GROUP = 16
FEW = 4
NO_ROW = -1e30  # what a line of padding scores with anything
_EXTRA = 6


@dataclass(frozen=True)
class Screened:
    """Pairs among which are the k nearest of each line.

    Attributes:
        lines, rows: int64 [M].
        unsure: int64, lines of which more than there was room for lies within the error.
    """

    lines: np.ndarray
    rows: np.ndarray
    unsure: np.ndarray


@dataclass
class _Best:
    """The largest products of each line so far."""

    values: Any  # float [n, room], falling
    rows: Any  # int32 [n, room]
    dropped: Any  # float [n], the largest product that was let go
    norm: Any  # float [n], of the rounded vector; `error`: of what rounding took away
    error: Any
    slack: Any  # float [n], error of what rides along
    other_norm: float = 0.0  # the largest on the other side so far
    other_error: float = 0.0
    other_slack: float = 0.0

    def describe(self, lines: slice, errors: tuple[Any, Any, Any]) -> None:
        """Note norm, error and slack of lines."""
        self.norm[lines], self.error[lines], self.slack[lines] = errors

    def meet(self, errors: tuple[Any, Any, Any]) -> None:
        """Note the largest norm, error and slack on the other side."""
        norm, error, slack = (float(one.max()) for one in errors)
        self.other_norm, self.other_error = max(self.other_norm, norm), max(self.other_error, error)
        self.other_slack = max(self.other_slack, slack)


@dataclass(frozen=True)
class _Arithmetic:
    dtype: Any
    relative: float  # error of a product's own rounding
    summed: float  # error of a sum of D products, per |x| |y|
    device: Any = None


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


def screen(
    x: Side,
    y: Side,
    k: int,
    *,
    both: bool,
    tile: tuple[int, int] | None = None,
    memory: float = 4.0,
    arithmetic: str = "auto",
    device: str | None = None,
    room: int = 1,
    what: str = "search",
    report: Report = silent,
) -> tuple[Screened, Screened | None]:
    """Return what could be the k nearest among `y` of each row of `x`, and the other way round where `both` is.

    Args:
        arithmetic: `auto`, `bf16` or `fp32`.
        room: a line keeps room * max(4 k, k + 28) products at most.
    """
    import torch

    how = _arithmetic(arithmetic, device, x.width)
    tile_x, tile_y = tile or _tiles(memory, how)
    tile_x, tile_y = min(tile_x, _rounded(len(x))), min(tile_y, _rounded(len(y)))
    bytes_per_row = (x.width + _EXTRA) * how.dtype.itemsize
    held_x = max(tile_x, int(memory * 2**30 / 2 / bytes_per_row) // tile_x * tile_x)
    mean = _mean(x, y)
    offset_x, offset_y = (float(np.mean(side.part(0, 4096) @ mean)) for side in (x, y))
    keep = room * max(4 * k, k + 28)
    ahead = _nothing(len(x), min(keep, _rounded(len(y))), how.device)
    back = _nothing(len(y), min(keep, _rounded(len(x))), how.device) if both else None
    n_tiles = -(-len(x) // tile_x) * -(-len(y) // tile_y)
    done = 0
    with torch.inference_mode(), _plain_products():
        for start_x in range(0, len(x), held_x):
            stop_x = min(start_x + held_x, len(x))
            left, errors = _operand(x, start_x, stop_x, mean, offset_x, how, is_first=True)
            ahead.describe(slice(start_x, stop_x), errors)
            if back is not None:
                back.meet(errors)
            for start_y in range(0, len(y), tile_y):
                others = slice(start_y, min(start_y + tile_y, len(y)))
                right, errors = _operand(y, others.start, others.stop, mean, offset_y, how, is_first=False)
                ahead.meet(errors)
                if back is not None:
                    back.describe(others, errors)
                for at in range(0, len(left), tile_x):
                    product = left[at : at + tile_x] @ right.T  # [tile_x, tile_y]
                    first = start_x + at
                    n = min(len(product), len(x) - first)
                    _improve(ahead, slice(first, first + n), product, start_y, k, how, axis=1)
                    if back is not None:
                        _improve(back, others, product, first, k, how, axis=0)
                    done += 1
                    report(Progress(what, done, n_tiles))
    found = _screened(ahead, k, len(y), how)
    return found, None if back is None else _screened(back, k, len(x), how)


def _improve(best: _Best, lines: slice, product: Any, first_row: int, k: int, how: _Arithmetic, *, axis: int) -> None:
    """Merge a tile into the best so far of its rows (axis 1) or of its columns (axis 0).

    Only the groups with the largest maxima are looked into.
    """
    import torch

    n_lines, room = lines.stop - lines.start, best.values.shape[1]
    n, m = product.shape
    if axis == 1:
        maxima = product.view(n, GROUP, m // GROUP).amax(1)[:n_lines]  # [lines, groups]
    else:
        maxima = product.view(GROUP, n // GROUP, m).amax(0)[:, :n_lines].T
    maxima = maxima.float()
    n_groups = maxima.shape[1]
    # Lines with few groups above their floor are most of them after the first tiles, and soon done.
    n_above = (maxima >= _floor(best, lines, min(k, room), how)[:, None]).sum(1)
    most = min(n_groups, max(k + 12, room // 2))
    for low, high, looked in ((1, FEW, min(FEW, most)), (FEW + 1, n_groups, most)):
        some = torch.nonzero((n_above >= low) & (n_above <= high)).squeeze(1)
        if not len(some):
            continue
        tops, groups = maxima[some].topk(min(looked + 1, n_groups), dim=1)
        items = groups[:, None, :looked] + n_groups * torch.arange(GROUP, device=product.device)[:, None]
        items = items.reshape(len(some), -1)  # [some, looked * GROUP]
        values = product[some[:, None], items] if axis == 1 else product[items, some[:, None]]
        at = some + lines.start
        values = torch.cat([best.values[at], values.float()], dim=1)
        values, chosen = values.topk(room + 1, dim=1)
        # What was kept before stands in the first `room` columns.
        new = items.gather(1, (chosen - room).clamp_(min=0)) + first_row
        old = best.rows[at].gather(1, chosen.clamp(max=room - 1))
        best.rows[at] = torch.where(chosen < room, old, new.int())[:, :room]
        best.values[at] = values[:, :room]
        dropped = torch.maximum(best.dropped[at], values[:, room])
        best.dropped[at] = torch.maximum(dropped, tops[:, looked]) if n_groups > looked else dropped


def _floor(best: _Best, lines: slice, k: int, how: _Arithmetic) -> Any:
    """Return what a product must reach to be possibly among the k largest of its line."""
    last = best.values[lines, k - 1]
    error = best.error[lines] * best.other_norm + best.norm[lines] * (best.other_error + how.summed * best.other_norm)
    error = error + best.slack[lines] + best.other_slack
    # Both the k-th product and the one compared with it may be off; 1.05 covers the rounding of this sum itself.
    return last - 1.05 * (2 * error + 2 * how.relative * (last.abs() + 2 * error)) - 1e-30


def _screened(best: _Best, k: int, n_rows: int, how: _Arithmetic) -> Screened:
    import torch

    room = best.values.shape[1]
    floor = _floor(best, slice(0, len(best.values)), min(k, room, n_rows), how)
    is_kept = (best.values >= floor[:, None]) & (best.rows >= 0) & (best.rows < n_rows)
    lines, places = torch.nonzero(is_kept, as_tuple=True)
    rows = best.rows[lines, places]
    unsure = torch.nonzero((best.dropped >= floor) & (best.dropped > NO_ROW / 2)).squeeze(1)
    return Screened(lines.cpu().numpy(), rows.cpu().numpy().astype(np.int64), unsure.cpu().numpy())


def _operand(
    side: Side, start: int, stop: int, mean: np.ndarray, offset: float, how: _Arithmetic, *, is_first: bool
) -> tuple[Any, tuple[Any, Any, Any]]:
    """Return [n, D + 6] for products, filled up to a multiple of 16 rows, and of the n real rows |x|, |dx| and slack."""
    import torch

    n, width = stop - start, side.width
    own = range(width, width + 3) if is_first else range(width + 3, width + 6)
    ones = slice(width + 3, width + 6) if is_first else slice(width, width + 3)
    middle, middle_norm = torch.from_numpy(mean).to(how.device), float(np.linalg.norm(mean))
    operand = torch.zeros((_rounded(n), width + _EXTRA), dtype=how.dtype, device=how.device)
    norms, errors, slack = (torch.empty(n, device=how.device) for _ in range(3))
    # In pieces, so that the fp32 numbers behind a whole side are never held at once.
    for first in range(0, n, TILE_Y):
        here = slice(first, min(first + TILE_Y, n))
        values = torch.from_numpy(side.part(start + here.start, start + here.stop)).to(how.device)
        centred = values - middle
        operand[here, :width] = centred
        rounded = operand[here, :width].float()
        norms[here] = torch.linalg.vector_norm(rounded, dim=1)
        lengths = torch.linalg.vector_norm(values, dim=1)
        # What is lost when the mean is taken off in fp32 counts as well.
        errors[here] = torch.linalg.vector_norm(rounded - centred, dim=1) + 2.0**-23 * (lengths + middle_norm)
        rest = (values @ middle).double() - offset
        slack[here] = how.summed * (lengths * middle_norm + rest.abs().float())
        for column in own:
            operand[here, column] = rest
            rest = rest - operand[here, column].double()
    operand[n:, own[0]] = NO_ROW
    operand[:, ones] = 1
    return operand, (norms, errors, slack)


def _arithmetic(asked: str, device: str | None, width: int) -> _Arithmetic:
    import torch

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if asked == "auto":
        if place.type == "cuda":
            is_native = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            is_native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        asked = "bf16" if is_native else "fp32"
    dtype, relative = {"bf16": (torch.bfloat16, 1.02 * 2.0**-9), "fp32": (torch.float32, 2.0**-24)}[asked]
    return _Arithmetic(dtype, relative, 2 * (width + _EXTRA) * 2.0**-24, place)


def _tiles(memory: float, how: _Arithmetic) -> tuple[int, int]:
    """Return the rows of a tile: all but square on a GPU, and within an eighth of the memory, its maxima included."""
    tile_x, tile_y = (32_768, 32_768) if how.device.type == "cuda" else (TILE_X, TILE_Y)
    while tile_x * tile_y * how.dtype.itemsize > memory * 2**30 / 8 and tile_x > GROUP:
        tile_x, tile_y = tile_x // 2, tile_y // 2
    return tile_x, tile_y


@contextmanager
def _plain_products() -> Iterator[None]:
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


def _mean(x: Side, y: Side) -> np.ndarray:
    """Return the mean vector of both sides, float32 [D]."""
    total = np.zeros(x.width)
    for side in (x, y):
        size = 8192
        for start in range(0, len(side), size):
            total += side.part(start, start + size).sum(axis=0, dtype=np.float64)
    return (total / (len(x) + len(y))).astype(np.float32)


def _nothing(n: int, room: int, device: Any) -> _Best:
    import torch

    values = torch.full((n, room), -torch.inf, device=device)
    return _Best(
        values,
        torch.full((n, room), -1, dtype=torch.int32, device=device),
        torch.full((n,), -torch.inf, device=device),
        torch.zeros(n, device=device),
        torch.zeros(n, device=device),
        torch.zeros(n, device=device),
    )


def _rounded(n: int) -> int:
    return -(-n // GROUP) * GROUP
