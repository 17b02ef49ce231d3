from __future__ import annotations

import pytest
import torch

from toolkit.errors import ToolkitError
from toolkit.modeling.pooling import pool

STATES = torch.tensor([[[3.0, 0.0], [0.0, 4.0], [9.0, 9.0]], [[1.0, 1.0], [5.0, 5.0], [5.0, 5.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 0, 0]])


def test_the_mean_counts_every_token_but_padding():
    expected = torch.tensor([[1.5, 2.0], [1.0, 1.0]])
    assert torch.allclose(pool(STATES, MASK, "mean"), expected / expected.norm(dim=1, keepdim=True))


def test_cls_is_the_first_state():
    assert torch.allclose(pool(STATES, MASK, "cls"), torch.tensor([[1.0, 0.0], [0.5**0.5, 0.5**0.5]]))


def test_vectors_have_length_one_and_full_precision_from_bf16_states():
    states = torch.randn(4, 7, 16, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    vectors = pool(states, torch.ones(4, 7, dtype=torch.long), "mean")
    assert vectors.dtype == torch.float32
    assert torch.allclose(vectors.norm(dim=1), torch.ones(4), atol=1e-6)


def test_tiny_states_are_not_rounded_to_nothing():
    assert torch.allclose(pool(STATES * 1e-20, MASK, "mean"), pool(STATES, MASK, "mean"))


def test_an_unknown_pooling_is_refused_with_the_known_ones():
    with pytest.raises(ToolkitError, match=r"No pooling named 'max'. Known: mean, cls, mean-no-special"):
        pool(STATES, MASK, "max")


def test_the_mean_without_special_tokens_leaves_out_the_first_and_the_last():
    states = torch.tensor(
        [[[9.0, 9.0], [3.0, 0.0], [0.0, 4.0], [7.0, 0.0]], [[1.0, 0.0], [0.0, 1.0], [5.0, 5.0], [5.0, 5.0]]]
    )
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    expected = torch.tensor([[1.5, 2.0], [0.5, 0.5]])
    assert torch.allclose(pool(states, mask, "mean-no-special"), expected / expected.norm(dim=1, keepdim=True))
