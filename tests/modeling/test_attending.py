"""Attention by hand, every way of it: values and gradients as torch's own, in fp32 and within bf16's rounding."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from toolkit.modeling import attending
from toolkit.modeling.attending import WAYS, additive

SIZE, HEADS, ROWS, T = 8, 3, 2, 11


def inputs(queries=T, dtype=torch.float32):
    rng = torch.Generator().manual_seed(1)
    made = [
        torch.randn(ROWS, n, HEADS, SIZE, generator=rng).to(dtype).transpose(1, 2) for n in (queries, T, T, queries)
    ]
    is_seen = (torch.arange(T) < torch.tensor([[T], [4]]))[:, None, None]  # [B, 1, 1, T]
    return *made, is_seen


def by_torch(query, key, value, gradient, is_seen):
    q, k, v = (one.float().requires_grad_() for one in (query, key, value))
    found = F.scaled_dot_product_attention(q, k, v, attn_mask=is_seen)
    return found, *torch.autograd.grad(found, (q, k, v), gradient.float())


def by_hand(way, query, key, value, gradient, is_seen):
    bias = additive(is_seen, query.dtype)
    found, kept = way.forward(query, key, value, bias)
    return found, *way.backward(gradient, kept, bias)


@pytest.mark.parametrize("queries", [T, 1])
@pytest.mark.parametrize("name", WAYS)
def test_values_and_gradients_are_torchs(name, queries):
    dtype = torch.bfloat16 if name.endswith("bf16") else torch.float32
    given = inputs(queries, dtype)
    for found, wanted in zip(by_hand(WAYS[name], *given), by_torch(*given), strict=True):
        assert found.shape == wanted.shape
        error = (found.float() - wanted).norm() / wanted.norm()
        assert error < (0.02 if dtype == torch.bfloat16 else 1e-5)


def test_heads_are_taken_some_at_a_time_and_probabilities_made_again_to_the_same_numbers(monkeypatch):
    given = inputs()
    whole = by_hand(WAYS["products-fp32"], *given)
    monkeypatch.setattr(attending, "_CACHED", 2 * T * T)  # two heads of six
    monkeypatch.setattr(attending, "_KEPT", 0)
    parted = by_hand(WAYS["products-fp32"], *given)
    for one, other in zip(whole, parted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_a_mask_of_numbers_is_taken_as_it_is_and_none_stays_none():
    mask = torch.tensor([[0.0, -9.0]]).expand(3, 1, 2, 2)
    assert torch.equal(additive(mask, torch.float32), mask[:, :, :1])
    assert additive(None, torch.float32) is None
