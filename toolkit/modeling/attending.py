"""Attention of a frozen layer, forward and backward by hand, in several ways of one function: which is fastest depends on the processor.

With q, k, v of each head and a bias of 0, or the lowest number where a key is padding:

    P = softmax(q k^T / sqrt(D) + bias),  out = P v
    dv = P^T dout,  dS = P * (dP - sum(dP * P)) with dP = dout v^T,  dq = dS k / sqrt(D),  dk = dS^T q / sqrt(D)

`Fused` calls torch's kernel. `Products` multiplies some heads at a time, as many as fit into a core's cache, so that the
scores of a batch are never held; it keeps P where a token has at most as many as a feed-forward block is wide, else it is made again.

Source: `torch.nn.functional.scaled_dot_product_attention`, with which tests/modeling/test_attending.py compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from toolkit.config.words import Kernel

_CACHED = 2**19  # scores at a time: 1 MiB in bf16
_KEPT = 4  # queries a row, in head sizes, up to which probabilities are kept


class Way(Protocol):
    """One way to attend; all tensors are [B, heads, queries or T, D]."""

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the attended values, of the query's format, and what `backward` needs; `bias` is [B, 1, 1, T]."""
        ...

    def backward(
        self, gradient: Tensor, kept: tuple[Tensor, ...], bias: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients by query, key and value, from that by the attended values."""
        ...


@dataclass(frozen=True)
class Fused:
    """torch's fused kernel for processors, in a number format."""

    dtype: torch.dtype

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Attend."""
        q, k, v = (one.to(self.dtype) for one in (query, key, value))
        found, norms = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q, k, v, attn_mask=self._mask(bias, q)
        )
        return found.to(query.dtype), (query, key, value, found, norms)

    def backward(
        self, gradient: Tensor, kept: tuple[Tensor, ...], bias: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients."""
        *inputs, found, norms = kept
        q, k, v = (one.to(self.dtype) for one in inputs)
        by: tuple[Tensor, Tensor, Tensor]
        by = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            gradient.to(self.dtype), q, k, v, found, norms, 0.0, False, attn_mask=self._mask(bias, q)
        )
        return by

    def _mask(self, bias: Tensor | None, query: Tensor) -> Tensor | None:
        return None if bias is None else bias.to(self.dtype).expand(-1, -1, query.shape[2], -1)


@dataclass(frozen=True)
class Products:
    """Plain products and softmax, in a number format, some heads at a time."""

    dtype: torch.dtype

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Attend."""
        rows, heads, queries, size = query.shape
        q = query.new_empty(query.shape, dtype=self.dtype)
        torch.mul(query.to(self.dtype), size**-0.5, out=q)
        q, k, v = (one.to(self.dtype).reshape(rows * heads, -1, size) for one in (q, key, value))
        spread = self._spread(bias, rows * heads)
        found = torch.empty_like(q)
        kept: list[Tensor] = []
        for part in _parts(rows * heads, queries * k.shape[1]):
            shares = _shares(q[part], k[part], spread, part)
            torch.bmm(shares, v[part], out=found[part])
            if queries <= _KEPT * size:
                kept.append(shares)
        return found.view(rows, heads, queries, size).to(query.dtype), (q, k, v, *kept)

    def backward(
        self, gradient: Tensor, kept: tuple[Tensor, ...], bias: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients."""
        q, k, v, *held = kept
        rows, heads, queries, size = gradient.shape
        by = gradient.to(self.dtype).reshape(rows * heads, queries, size)
        spread = self._spread(bias, rows * heads)
        by_q, by_k, by_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        for number, part in enumerate(_parts(rows * heads, queries * k.shape[1])):
            shares = held[number] if held else _shares(q[part], k[part], spread, part)
            torch.bmm(shares.transpose(1, 2), by[part], out=by_v[part])
            by_shares = torch.bmm(by[part], v[part].transpose(1, 2))
            by_scores = torch._softmax_backward_data(by_shares, shares, -1, self.dtype)
            torch.bmm(by_scores, k[part], out=by_q[part])
            torch.bmm(by_scores.transpose(1, 2), q[part], out=by_k[part])
        by_q.mul_(size**-0.5)
        found = tuple(one.view(rows, heads, -1, size) for one in (by_q, by_k, by_v))
        return found[0], found[1], found[2]

    def _spread(self, bias: Tensor | None, n: int) -> Tensor | None:
        """Return the bias of each head: [B * heads, 1, T]."""
        if bias is None:
            return None
        rows, length = bias.shape[0], bias.shape[-1]
        return bias.to(self.dtype).expand(rows, n // rows, 1, length).reshape(n, 1, length)


def _parts(n: int, scores: int) -> list[slice]:
    step = max(_CACHED // max(scores, 1), 1)
    return [slice(low, low + step) for low in range(0, n, step)]


def _shares(query: Tensor, key: Tensor, spread: Tensor | None, part: slice) -> Tensor:
    """Return the probabilities of some heads, [heads, queries, T]; the query is scaled already."""
    scores = torch.bmm(query, key.transpose(1, 2))
    if spread is not None:
        scores.add_(spread[part])
    return torch.softmax(scores, -1)


def additive(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Return what is added to the scores of each row's keys, [B, 1, 1, T], from a mask [B, 1, T, T] of keys."""
    if mask is None:
        return None
    by_key = mask[:, :, :1]
    if by_key.dtype != torch.bool:
        return by_key
    zeros: Any = torch.zeros(by_key.shape, dtype=dtype, device=mask.device)
    found: Tensor = zeros.masked_fill_(~by_key, torch.finfo(dtype).min)
    return found


WAYS: Mapping[Kernel, Way] = {
    "fused-fp32": Fused(torch.float32),
    "fused-bf16": Fused(torch.bfloat16),
    "products-fp32": Products(torch.float32),
    "products-bf16": Products(torch.bfloat16),
}
"""By the name of the kernel."""
