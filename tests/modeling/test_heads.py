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
    assert build_head(spec, 32).eval()(STATES).shape == shape


def test_a_pair_is_answered_from_the_first_token_alone():
    head = build_head(HeadSpec("pair", ("a", "b"), dropout=0.1), 32).eval()
    changed = STATES.clone()
    changed[:, 1:] = 0
    assert torch.equal(head(STATES), head(changed))


def test_a_classifier_is_dense_tanh_output():
    head = build_head(HeadSpec("pair", ("a", "b"), dropout=0.1), 32).eval()
    first = STATES[:, 0]
    by_hand = torch.tanh(first @ head.dense.weight.T + head.dense.bias) @ head.out.weight.T + head.out.bias
    assert torch.allclose(head(STATES), by_hand, atol=1e-6)


def test_weights_follow_the_seed_and_biases_start_at_zero():
    spec = HeadSpec("pair", ("a", "b"))
    torch.manual_seed(1)
    one = build_head(spec, 256)
    torch.manual_seed(1)
    same = build_head(spec, 256)
    other = build_head(spec, 256)
    assert torch.equal(one.dense.weight, same.dense.weight)
    assert not torch.equal(one.dense.weight, other.dense.weight)
    assert one.dense.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not one.dense.bias.any()


@pytest.mark.parametrize("kind", ["pair", "choice", "tags"])
def test_dropout_acts_in_training_only(kind):
    head = build_head(HeadSpec(kind, ("a", "b"), dropout=0.5), 32)
    assert not torch.equal(head.train()(STATES), head(STATES))
    assert torch.equal(head.eval()(STATES), head(STATES))


def test_a_span_head_has_no_dropout():
    head = build_head(HeadSpec("span", dropout=0.5), 32).train()
    assert torch.equal(head(STATES), head(STATES))


def test_a_task_scored_by_retrieval_has_no_head():
    with pytest.raises(ToolkitError, match="kind 'bitext' has no head"):
        build_head(HeadSpec("bitext", dropout=0.1), 32)


def test_a_retrieval_head_scales_the_cosines_of_every_query_with_every_passage():
    head = build_head(HeadSpec("retrieval", pooling="mean", temperature=0.05, dropout=0.1), 32).eval()
    queries, passages = STATES, STATES.flip(0)[:, :4]
    query_mask = torch.tensor([[1, 1, 1, 0, 0, 0], [1] * 6, [1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0]])
    passage_mask = torch.ones(4, 4, dtype=torch.long)
    logits = head(queries, query_mask, passages, passage_mask)
    for i in range(4):
        for j in range(4):
            query, passage = queries[i, : query_mask[i].sum()].mean(0), passages[j].mean(0)
            cosine = torch.dot(query, passage) / (query.norm() * passage.norm())
            assert float(logits[i, j].detach()) == pytest.approx(20 * float(cosine), abs=1e-4)


def test_a_retrieval_heads_scale_is_learnt_and_never_passes_100():
    head = build_head(HeadSpec("retrieval", temperature=0.02, dropout=0.0), 32)
    mask = torch.ones(4, 6, dtype=torch.long)
    head(STATES, mask, STATES, mask).sum().backward()
    assert head.log_scale.grad is not None and float(head.log_scale.grad) != 0
    with torch.no_grad():
        head.log_scale.fill_(9.0)
    assert torch.diag(head(STATES, mask, STATES, mask)).tolist() == pytest.approx([100.0] * 4, rel=1e-4)


def test_two_poolings_make_two_retrieval_heads():
    mask = torch.ones(4, 6, dtype=torch.long)
    mean, cls = (build_head(HeadSpec("retrieval", pooling=each, dropout=0.0), 32) for each in ("mean", "cls"))
    changed = STATES.clone()
    changed[:, 1:] = 1.0
    assert torch.equal(cls(STATES, mask, STATES, mask), cls(changed, mask, changed, mask))
    assert not torch.allclose(mean(STATES, mask, STATES, mask), mean(changed, mask, changed, mask))
