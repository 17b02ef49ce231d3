"""Self-attention of the frozen encoder: one product for query, key and value, and the fused kernel where it is fast.

The same function as `transformers`' SDPA attention. Two things differ in how it is computed: the three frozen matrices are
held as one (views of it stay where they were, so nothing is held twice), and on a CPU in bf16 or fp16 the scores are computed in
fp32: the bf16 backward of the fused kernel is two to five times slower there than casting to fp32 and back, at the same
error (torch 2.13, measured at 24 to 384 tokens). `frozen.py` attends by itself, from the same matrices.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.modeling.override import overridden, override
from toolkit.modeling.precision import products_in
from toolkit.modeling.products import linear


@torch.no_grad()
def install_attention(encoder: Any) -> None:
    """Let every layer of a frozen `encoder` compute its self-attention here.

    Call it once the weights have their final precision and device. Prefix tuning and LoRA, which `adapters` would put into
    these layers, are not part of the toolkit.
    """
    for layer in encoder.encoder.layer:
        attention = layer.attention.self
        parts = (attention.query, attention.key, attention.value)
        weight = torch.cat([part.weight for part in parts])  # [3 H, H]
        bias = torch.cat([part.bias for part in parts])
        for part, matrix, vector in zip(parts, weight.chunk(3), bias.chunk(3), strict=True):
            part.weight.data, part.bias.data = matrix, vector
        override(attention, "forward", partial(_attend, attention, nn.Parameter(weight, requires_grad=False), bias))


def joined(attention: Any) -> tuple[Tensor, Tensor]:
    """Return the matrix [3 H, H] and the bias [3 H] of query, key and value of an attention that is installed."""
    _, weight, bias = overridden(attention, "forward").args
    return weight, bias


def _attend(
    attention: Any,
    weight: Tensor,
    bias: Tensor,
    hidden_states: Tensor,
    attention_mask: Tensor | None = None,
    *_: Any,
    **__: Any,
) -> tuple[Tensor, None]:
    """Map hidden states [B, T, H] to attended values [B, T, H]; `attention_mask` [B, 1, T, T] as in SDPA."""
    rows, length, width = hidden_states.shape
    heads = attention.num_attention_heads
    joined = linear(hidden_states, weight, bias).view(rows, length, 3, heads, width // heads)
    query, key, value = joined.permute(2, 0, 3, 1, 4)  # each [B, heads, T, H / heads]
    dtype = query.dtype
    if dtype in (torch.bfloat16, torch.float16) and query.device.type == "cpu":
        query, key, value = query.float(), key.float(), value.float()
    mask = attention_mask
    if mask is not None and mask.dtype != torch.bool:  # a bool mask says what is seen, any other is added
        mask = mask.to(query.dtype)
    dropout = attention.dropout_prob if attention.training else 0.0
    with products_in("fp32", query.device.type):
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    return out.to(dtype).transpose(1, 2).reshape(rows, length, width), None
