"""Pooling: one vector per sentence from the hidden states of its tokens."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from toolkit.errors import ToolkitError

Pooling = Literal["mean", "cls", "mean-no-special"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)


def pool(states: Tensor, attention_mask: Tensor, pooling: Pooling) -> Tensor:
    """Return unit vectors, float32 [B, H], from hidden states [B, T, H].

    Args:
        attention_mask: int64 [B, T], 0 at padding.
        pooling: `mean` over all non-padding tokens, `<s>` and `</s>` included, or `cls`, the state of `<s>`, or
            `mean-no-special`, the mean without the first and the last token; where there are no others, of those two.
    """
    states = states.float()
    if pooling == "mean":
        mask = attention_mask[..., None].to(states.dtype)
        vectors = (states * mask).sum(1) / mask.sum(1)
    elif pooling == "mean-no-special":
        mask = attention_mask.clone()
        lengths = mask.sum(1)
        rows = torch.arange(len(mask), device=mask.device)
        mask[rows, lengths - 1] = 0
        mask[:, 0] = 0
        mask = torch.where(lengths[:, None] > 2, mask, attention_mask)[..., None].to(states.dtype)
        vectors = (states * mask).sum(1) / mask.sum(1)
    elif pooling == "cls":
        vectors = states[:, 0]
    else:
        raise ToolkitError(f"No pooling named '{pooling}'. Known: {', '.join(POOLINGS)}.")
    return F.normalize(vectors, dim=-1, eps=torch.finfo(torch.float32).tiny)
