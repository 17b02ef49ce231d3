"""Products of two sides, tile by tile in fast arithmetic, and the pairs among them that could be a line's largest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.progress import Progress, Report, silent
from toolkit.retrieval.operands import (
    EXTRA,
    GROUP,
    NO_ROW,
    Errors,
    Rounding,
    mean_vector,
    operand,
    plain_products,
    rounded_up,
    rounding_of,
    tile_sizes,
)
from toolkit.retrieval.settings import DEFAULT, SearchSettings
from toolkit.retrieval.side import Side

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FEW = 4


@dataclass(frozen=True)
class Screened:
    """Pairs among which are the k nearest of each line.

    Attributes:
        lines, rows: int32 [M].
        unsure: int64, lines of which more products than there was room for are within the error.
    """

    lines: np.ndarray
    rows: np.ndarray
    unsure: np.ndarray


@dataclass
class _Best:
    """The largest products of each line so far."""

    values: Tensor  # float [n, room], falling
    rows: Tensor  # int32 [n, room]
    dropped: Tensor  # float [n], the largest product that was let go
    norm: Tensor  # float [n], of the rounded vector; `error`: of what rounding took away
    error: Tensor
    slack: Tensor  # float [n], error of the appended columns
    other_norm: float = 0.0  # the largest on the other side so far
    other_error: float = 0.0
    other_slack: float = 0.0

    def describe(self, lines: slice, errors: Errors) -> None:
        """Note norm, error and slack of lines."""
        self.norm[lines], self.error[lines], self.slack[lines] = errors

    def meet(self, errors: Errors) -> None:
        """Note the largest norm, error and slack on the other side."""
        norm, error, slack = (float(one.max()) for one in errors)
        self.other_norm, self.other_error = max(self.other_norm, norm), max(self.other_error, error)
        self.other_slack = max(self.other_slack, slack)


def screen(
    x: Side,
    y: Side,
    k: int,
    *,
    both: bool,
    room: int = 1,
    settings: SearchSettings = DEFAULT,
    report: Report = silent,
) -> tuple[Screened, Screened | None]:
    """Return what could be the k nearest among `y` of each row of `x`, and the other way round if `both` is true.

    Args:
        room: a line keeps room * max(4 k, k + 28) products at most.
    """
    import torch

    how = rounding_of(settings, x.width)
    tile_x, tile_y = settings.tile or tile_sizes(settings.memory, how)
    tile_x, tile_y = min(tile_x, rounded_up(len(x))), min(tile_y, rounded_up(len(y)))
    bytes_per_row = (x.width + EXTRA) * how.dtype.itemsize
    held_x = max(tile_x, int(settings.memory * 2**30 / 2 / bytes_per_row) // tile_x * tile_x)
    mean = mean_vector(x, y)
    offset_x, offset_y = (float(np.mean(side.part(0, 4096) @ mean)) for side in (x, y))
    keep = room * room_of(k)
    ahead = _nothing(len(x), min(keep, rounded_up(len(y))), how.device)
    back = _nothing(len(y), min(keep, rounded_up(len(x))), how.device) if both else None
    n_tiles = -(-len(x) // tile_x) * -(-len(y) // tile_y)
    done = 0
    with torch.inference_mode(), plain_products():
        for start_x in range(0, len(x), held_x):
            stop_x = min(start_x + held_x, len(x))
            left, errors = operand(x, slice(start_x, stop_x), mean, offset_x, how, is_first=True)
            ahead.describe(slice(start_x, stop_x), errors)
            if back is not None:
                back.meet(errors)
            for start_y in range(0, len(y), tile_y):
                others = slice(start_y, min(start_y + tile_y, len(y)))
                right, errors = operand(y, others, mean, offset_y, how, is_first=False)
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
                    report(Progress("search", done, n_tiles))
    found = _screened(ahead, k, len(y), how)
    return found, None if back is None else _screened(back, k, len(x), how)


def room_of(k: int) -> int:
    """Return how many products are kept of a line among which its k largest are sought."""
    return max(4 * k, k + 28)


def _improve(best: _Best, lines: slice, product: Tensor, first_row: int, k: int, how: Rounding, *, axis: int) -> None:
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
        # What was kept before is in the first `room` columns.
        new = items.gather(1, (chosen - room).clamp_(min=0)) + first_row
        old = best.rows[at].gather(1, chosen.clamp(max=room - 1))
        best.rows[at] = torch.where(chosen < room, old, new.int())[:, :room]
        best.values[at] = values[:, :room]
        dropped = torch.maximum(best.dropped[at], values[:, room])
        best.dropped[at] = torch.maximum(dropped, tops[:, looked]) if n_groups > looked else dropped


def _floor(best: _Best, lines: slice, k: int, how: Rounding) -> Tensor:
    """Return what a product must reach to be possibly among the k largest of its line."""
    last = best.values[lines, k - 1]
    error = best.error[lines] * best.other_norm + best.norm[lines] * (best.other_error + how.summed * best.other_norm)
    error = error + best.slack[lines] + best.other_slack
    # Both the k-th product and the one compared with it may be off; 1.05 covers the rounding of this sum itself.
    return last - 1.05 * (2 * error + 2 * how.relative * (last.abs() + 2 * error)) - 1e-30


def _screened(best: _Best, k: int, n_rows: int, how: Rounding) -> Screened:
    import torch

    room = best.values.shape[1]
    floor = _floor(best, slice(0, len(best.values)), min(k, room, n_rows), how)
    is_kept = (best.values >= floor[:, None]) & (best.rows >= 0) & (best.rows < n_rows)
    lines, places = torch.nonzero(is_kept, as_tuple=True)
    rows, lines = best.rows[lines, places], lines.int()
    del places
    unsure = torch.nonzero((best.dropped >= floor) & (best.dropped > NO_ROW / 2)).squeeze(1)
    return Screened(lines.cpu().numpy(), rows.cpu().numpy(), unsure.cpu().numpy())


def _nothing(n: int, room: int, device: torch.device) -> _Best:
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
