"""Pooling: one vector per sentence from the hidden states of its tokens."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from toolkit.config.words import Pooling
from toolkit.errors import ToolkitError


def pool(states: Tensor, attention_mask: Tensor, pooling: Pooling) -> Tensor:
    """Return unit vectors, float32 [B, H], from hidden states [B, T, H].

    Args:
        attention_mask: int64 [B, T], 0 at padding.
        pooling: `mean` over all non-padding tokens, `<s>` and `</s>` included, or `cls`, the state of `<s>`, or
            `mean-no-special`, the mean without the first and the last token; where there are no others, of those two.
    """
    if pooling not in VECTORS:
        raise ToolkitError(f"No pooling named '{pooling}'. Known: {', '.join(VECTORS)}.")
    vectors = VECTORS[pooling](states.float(), attention_mask)
    return F.normalize(vectors, dim=-1, eps=torch.finfo(torch.float32).tiny)


def _mean(states: Tensor, attention_mask: Tensor) -> Tensor:
    mask = attention_mask[..., None].to(states.dtype)
    return (states * mask).sum(1) / mask.sum(1)


def _cls(states: Tensor, attention_mask: Tensor) -> Tensor:
    return states[:, 0]


def _mean_no_special(states: Tensor, attention_mask: Tensor) -> Tensor:
    lengths = attention_mask.sum(1, keepdim=True)  # [B, 1]
    place = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    inner = attention_mask * ((place > 0) & (place < lengths - 1))
    return _mean(states, torch.where(lengths > 2, inner, attention_mask))


VECTORS: dict[Pooling, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": _mean,
    "cls": _cls,
    "mean-no-special": _mean_no_special,
}
