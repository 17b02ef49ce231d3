"""The fp32 product by oneDNN against torch's own, in double precision, and what is left to torch."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from toolkit.modeling import products
from toolkit.modeling.products import install_products, linear

pytestmark = pytest.mark.skipif(not products.HAS_ONEDNN, reason="this torch has no oneDNN, or this is no x86 processor")


@pytest.fixture
def calls(monkeypatch):
    """How many products went to oneDNN."""
    counted = []
    product = products._product
    monkeypatch.setattr(products, "_product", lambda *args: counted.append(args) or product(*args))
    return counted


def random(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("shape", [(7, 192), (2, 5, 192), (192,), (2, 3, 4, 192)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_values_and_gradients_equal_double_precisions(shape, has_bias, calls):
    values = [random(*shape), random(160, 192, seed=1), random(160, seed=2) if has_bias else None]
    found = []
    for dtype, product in ((torch.float32, linear), (torch.float64, F.linear)):
        leaves = [None if one is None else one.to(dtype, copy=True).requires_grad_() for one in values]
        out = product(*leaves)
        (out * random(*out.shape, seed=3).to(dtype)).sum().backward()
        found.append([out.detach(), *(one.grad for one in leaves if one is not None)])
    assert calls
    for ours, exact in zip(*found, strict=True):
        assert ours.shape == exact.shape
        assert (ours - exact).norm() < 1e-6 * exact.norm()


@pytest.mark.parametrize("learns", [(True, False), (False, True), (False, False)])
def test_what_is_frozen_gets_no_gradient_and_is_not_kept_for_one(learns):
    x, weight = random(4, 192).requires_grad_(learns[0]), random(160, 192).requires_grad_(learns[1])
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one.shape) or one, lambda one: one):
        out = linear(x, weight)
    assert out.requires_grad == any(learns)
    assert kept == [weight.shape] * learns[0] + [x.shape] * learns[1]
    if any(learns):
        out.sum().backward()
        assert [one.grad is not None for one in (x, weight)] == list(learns)


@pytest.mark.parametrize("view", ["transposed", "strided", "expanded"])
def test_inputs_that_do_not_lie_in_one_piece_multiply_right(view, calls):
    x = {
        "transposed": random(192, 6).t(),
        "strided": random(6, 384)[:, ::2],
        "expanded": random(1, 192).expand(6, 192),
    }[view]
    weight = random(192, 160, seed=1).t()
    assert (linear(x, weight) - x.double() @ weight.double().t()).norm() < 1e-5 * x.norm()
    assert calls


def test_inside_inference_mode_it_multiplies_too(calls):
    with torch.inference_mode():
        assert linear(random(3, 192), random(160, 192)).shape == (3, 160)
    assert calls


LEFT = {
    "float64": lambda: linear(random(3, 192, dtype=torch.float64), random(160, 192, dtype=torch.float64)),
    "bf16": lambda: linear(random(3, 192, dtype=torch.bfloat16), random(160, 192, dtype=torch.bfloat16)),
    "few weights": lambda: linear(random(3, 16), random(8, 16)),
    "no rows": lambda: linear(random(0, 192), random(160, 192)),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_it_does_not_cover_is_torchs_product(case, calls):
    LEFT[case]()
    assert calls == []


def test_autocast_is_torchs(calls):
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(random(3, 192), random(160, 192)).dtype == torch.bfloat16
    assert calls == []


class FeedForward(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.dense = nn.Linear(192, 160)
        self.intermediate_act_fn = function

    def forward(self, x):
        return self.intermediate_act_fn(self.dense(x))


@pytest.mark.parametrize("function", [F.gelu, nn.ReLU(), nn.GELU(approximate="tanh")], ids=str)
def test_a_feed_forward_gives_the_same_with_and_without_gradients(function, calls):
    torch.manual_seed(0)
    block, x = FeedForward(function), random(5, 192)
    expected = block(x)
    install_products(block)
    assert torch.allclose(block(x), expected, atol=2e-6)
    with torch.no_grad():
        assert torch.allclose(block(x), expected, atol=2e-6)
    assert [args[3:] for args in calls].count(("gelu",)) == (function is F.gelu)
