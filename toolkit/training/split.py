"""Shares of a step's batch, for less memory and for several processes: the gradient of the whole batch, and its dropout.

A step's batch is cut by items, and every part is padded as the whole is, so that a part is a slice of it. What dropout
draws is drawn for the whole and sliced likewise: into how many parts a batch is cut, and by how many processes they are
taken, changes nothing but the order in which numbers are added (docs/decisions/0049-parts-of-a-batch.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from toolkit.features.collate import Batch


@dataclass(frozen=True)
class Share:
    """Some items of a step's batch.

    Attributes:
        low, high: items `low:high` of the whole.
        n_items: of the whole.
        weight: 1, or 0 where a process has no items of its own and takes some only to draw what the others draw.

    Example:
        >>> import numpy as np
        >>> Share(2, 4, 8).of({"input_ids": np.arange(16)})["input_ids"].tolist()
        [4, 5, 6, 7]
    """

    low: int
    high: int
    n_items: int
    weight: float = 1.0

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the batch."""
        return self.high - self.low == self.n_items

    def of(self, whole: Batch) -> Batch:
        """Return this share of a collated batch; an array may have several rows an item."""
        rows = {key: len(value) // self.n_items for key, value in whole.items()}
        return {key: value[self.low * rows[key] : self.high * rows[key]] for key, value in whole.items()}

    def draws(self) -> AbstractContextManager[Any]:
        """Return the block in which dropout drops what it drops of the whole batch; enter it for both passes."""
        return nullcontext() if self.is_whole else _Draws(self)


def shares_of(n_items: int, n_shares: int, *, rank: int = 0, processes: int = 1) -> list[Share]:
    """Return what one of several processes takes of a step's batch, cut into shares.

    Args:
        n_items: of the batch.
        n_shares: of each process.

    Returns:
        At least one; without items of its own a process takes the first one, with weight 0.

    Example:
        >>> [(share.low, share.high) for share in shares_of(7, 3)]
        [(0, 3), (3, 5), (5, 7)]
        >>> shares_of(1, 1, rank=1, processes=2)
        [Share(low=0, high=1, n_items=1, weight=0.0)]
    """
    n_all = n_shares * processes
    bounds = [-(-n_items * number // n_all) for number in range(n_all + 1)]
    own = list(pairwise(bounds))[rank * n_shares : (rank + 1) * n_shares]
    return [Share(low, high, n_items) for low, high in own if high > low] or [Share(0, 1, n_items, weight=0.0)]


class _Draws(TorchFunctionMode):
    """Dropout of some rows of a batch as the whole batch would draw it."""

    def __init__(self, share: Share) -> None:
        super().__init__()
        self._share = share

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        given = dict(kwargs or {})
        if func is F.dropout:
            return self._dropout(*args, **given)
        if func is F.scaled_dot_product_attention and given.get("dropout_p", 0.0) > 0:
            return self._attention(*args, **given)
        return func(*args, **given)

    def _dropout(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        share = self._share
        if not training or p == 0.0:
            return x
        rows = x.shape[0] // (share.high - share.low)  # of an item
        ones = torch.ones(
            (share.n_items * rows, *x.shape[1:]), dtype=x.dtype, device=x.device, requires_grad=x.requires_grad
        )
        with torch.enable_grad() if x.requires_grad else nullcontext():
            kept = F.dropout(ones, p, training=True).detach()
        return x * kept[share.low * rows : share.high * rows]

    def _attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        scale: float | None = None,
        **_: Any,
    ) -> Tensor:
        """Compute attention [B, heads, T, H / heads] step by step: inside the fused kernel nothing can be sliced."""
        scores = (
            query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
        )  # [B, heads, T, T]
        if attn_mask is not None:
            is_seen = attn_mask.dtype == torch.bool
            scores = scores.masked_fill(~attn_mask, float("-inf")) if is_seen else scores + attn_mask
        return self._dropout(torch.softmax(scores, dim=-1), dropout_p) @ value
