from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from toolkit.features.collate import IGNORED, Features
from toolkit.features.ragged import Ragged
from toolkit.modeling.learn import choice_logits, item_losses, unfreeze_exactly, units_per_item

RNG = torch.Generator().manual_seed(0)


def cross_entropy(logits, label):
    """One cross-entropy with Python's own arithmetic."""
    values = [float(value) for value in logits]
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values)) - values[label]


def test_a_pairs_loss_is_its_cross_entropy():
    logits, labels = torch.randn(4, 3, generator=RNG), torch.tensor([0, 2, 1, 1])
    expected = [cross_entropy(row, label) for row, label in zip(logits, labels, strict=True)]
    assert item_losses("pair", logits, {"labels": labels}).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_choices_loss_is_the_cross_entropy_over_its_own_choices():
    is_choice = torch.tensor([[True, True, False], [True, True, True]])
    logits = torch.randn(6, 1, generator=RNG)
    labels = torch.tensor([1, 2])
    expected = [cross_entropy(logits[:2, 0], 1), cross_entropy(logits[3:, 0], 2)]
    found = item_losses("choice", logits, {"labels": labels, "is_choice": is_choice})
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


def test_a_spans_loss_is_the_mean_of_start_and_end_over_visible_tokens():
    logits = torch.randn(2, 5, 2, generator=RNG)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    labels = torch.tensor([[1, 2], [0, 0]])
    expected = [
        (cross_entropy(logits[i, :n, 0], s) + cross_entropy(logits[i, :n, 1], e)) / 2
        for i, (n, (s, e)) in enumerate(zip((3, 5), labels.tolist(), strict=True))
    ]
    found = item_losses("span", logits, {"labels": labels, "attention_mask": mask})
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


def test_a_tagged_sentences_loss_is_the_sum_over_its_labelled_words():
    logits = torch.randn(2, 4, 3, generator=RNG)
    tags = torch.tensor([[IGNORED, 2, IGNORED, 0], [IGNORED, 1, IGNORED, IGNORED]])
    expected = [cross_entropy(logits[0, 1], 2) + cross_entropy(logits[0, 3], 0), cross_entropy(logits[1, 1], 1)]
    assert item_losses("tags", logits, {"tags": tags}).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["pair", "choice", "span", "tags"])
def test_losses_are_full_precision_and_finite_from_bf16_logits(kind):
    shapes = {"pair": (2, 3), "choice": (4, 1), "span": (2, 4, 2), "tags": (2, 4, 3)}
    logits = torch.randn(shapes[kind], generator=RNG).to(torch.bfloat16)
    batch = {
        "labels": torch.tensor([[0, 1], [1, 1]]) if kind == "span" else torch.tensor([0, 1]),
        "is_choice": torch.tensor([[True, False], [True, True]]),
        "attention_mask": torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]),
        "tags": torch.full((2, 4), IGNORED),
    }
    losses = item_losses(kind, logits, batch)
    assert losses.shape == (2,)
    assert losses.dtype == torch.float32
    assert torch.isfinite(losses).all()


@pytest.mark.parametrize("kind", ["choice", "span"])
def test_what_is_masked_gets_no_gradient(kind):
    if kind == "choice":
        logits = torch.zeros(4, 1, requires_grad=True)
        item_losses(
            "choice", logits, {"labels": torch.tensor([0, 1]), "is_choice": torch.tensor([[True, False], [True, True]])}
        ).sum().backward()
        assert logits.grad.ravel().tolist() == [0.0, 0.0, 0.5, -0.5]
    else:
        logits = torch.zeros(1, 3, 2, requires_grad=True)
        item_losses(
            "span", logits, {"labels": torch.tensor([[0, 1]]), "attention_mask": torch.tensor([[1, 1, 0]])}
        ).sum().backward()
        assert logits.grad[0, 2].tolist() == [0.0, 0.0]
        assert logits.grad[0, :2].abs().min() > 0


def test_what_is_no_choice_never_wins():
    folded = choice_logits(torch.tensor([[-5.0], [100.0], [-7.0], [-6.0]]), torch.tensor([[True, False], [True, True]]))
    assert folded.argmax(1).tolist() == [0, 1]


def test_units_are_labelled_words_for_tags_and_rows_for_the_rest():
    ids = Ragged.of([[0, 5, 6, 2], [0, 5, 2]])
    tags = Ragged.of([[IGNORED, 1, 2, IGNORED], [IGNORED, 0, IGNORED]], np.int64)
    assert units_per_item(Features("tags", ids, np.arange(2), 2, tags=tags)) == 1.5
    assert units_per_item(Features("pair", ids, np.arange(2), 2)) == 1.0


def test_exactly_the_listed_parameters_are_trainable():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].weight.requires_grad_(False)
    unfreeze_exactly(model, {"x": model[0].weight, "y": model[2].bias})
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["0.weight", "2.bias"]
    unfreeze_exactly(model, {})
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_listed_parameter_that_is_not_in_the_model_is_a_bug():
    with pytest.raises(AssertionError, match="1 listed parameters are not in the model"):
        unfreeze_exactly(nn.Linear(2, 2), {"x": nn.Parameter(torch.zeros(1))})


def test_a_querys_loss_is_the_cross_entropy_of_its_own_passage_among_those_of_other_keys():
    logits = torch.randn(4, 4, generator=RNG)
    keys = torch.tensor([7, 3, 7, 5])  # queries 0 and 2 are answered by the same passages
    expected = [
        cross_entropy(logits[0, [0, 1, 3]], 0),
        cross_entropy(logits[1], 1),
        cross_entropy(logits[2, [1, 2, 3]], 1),
        cross_entropy(logits[3], 3),
    ]
    assert item_losses("retrieval", logits, {"keys": keys}).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_query_alone_in_its_batch_learns_nothing():
    logits = torch.randn(1, 1, generator=RNG, requires_grad=True)
    item_losses("retrieval", logits, {"keys": torch.tensor([0])}).sum().backward()
    assert float(logits.grad) == 0.0
