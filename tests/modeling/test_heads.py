from __future__ import annotations

import pytest
import torch

from toolkit.errors import ToolkitError
from toolkit.modeling.heads import HeadSpec, build_head

STATES = torch.randn(4, 6, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (HeadSpec("pair", ("a", "b", "c")), (4, 3)),
        (HeadSpec("choice"), (4, 1)),
        (HeadSpec("span"), (4, 6, 2)),
        (HeadSpec("tags", tuple("abcde")), (4, 6, 5)),
    ],
)
def test_each_kind_has_logits_of_its_shape(spec, shape):
    assert build_head(spec, 32, dropout=0.1).eval()(STATES).shape == shape


def test_a_pair_is_answered_from_the_first_token_alone():
    head = build_head(HeadSpec("pair", ("a", "b")), 32, dropout=0.1).eval()
    changed = STATES.clone()
    changed[:, 1:] = 0
    assert torch.equal(head(STATES), head(changed))


def test_a_classifier_is_dense_tanh_output():
    head = build_head(HeadSpec("pair", ("a", "b")), 32, dropout=0.1).eval()
    first = STATES[:, 0]
    by_hand = torch.tanh(first @ head.dense.weight.T + head.dense.bias) @ head.out.weight.T + head.out.bias
    assert torch.allclose(head(STATES), by_hand, atol=1e-6)


def test_weights_follow_the_seed_and_biases_start_at_zero():
    spec = HeadSpec("pair", ("a", "b"))
    torch.manual_seed(1)
    one = build_head(spec, 256, dropout=0.1)
    torch.manual_seed(1)
    same = build_head(spec, 256, dropout=0.1)
    other = build_head(spec, 256, dropout=0.1)
    assert torch.equal(one.dense.weight, same.dense.weight)
    assert not torch.equal(one.dense.weight, other.dense.weight)
    assert one.dense.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not one.dense.bias.any()


@pytest.mark.parametrize("kind", ["pair", "choice", "tags"])
def test_dropout_acts_in_training_only(kind):
    head = build_head(HeadSpec(kind, ("a", "b")), 32, dropout=0.5)
    assert not torch.equal(head.train()(STATES), head(STATES))
    assert torch.equal(head.eval()(STATES), head(STATES))


def test_a_span_head_has_no_dropout():
    head = build_head(HeadSpec("span"), 32, dropout=0.5).train()
    assert torch.equal(head(STATES), head(STATES))


def test_a_task_scored_by_retrieval_has_no_head():
    with pytest.raises(ToolkitError, match="kind 'bitext' has no head"):
        build_head(HeadSpec("bitext"), 32, dropout=0.1)
