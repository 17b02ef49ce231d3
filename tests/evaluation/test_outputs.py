from __future__ import annotations

import numpy as np
import pytest
import torch

from toolkit.evaluation.outputs import run_head
from toolkit.features import features_of
from toolkit.features.ragged import Ragged

KINDS = ("pair", "choice", "span", "tags")


def features_for(kind, rows, tokenizer):
    return features_of(rows[kind], kind, tokenizer, max_length=64, stride=16)


def one_by_one(circuit, features):
    """Answer each item in a batch of its own: no padding, no order to restore."""
    out = []
    with torch.inference_mode():
        for item in range(len(features)):
            batch = {key: torch.from_numpy(value) for key, value in features.collate(np.array([item])).items()}
            out.append(circuit(batch).float().numpy())
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_answers_come_in_the_order_of_the_items(answering, tiny, rows, kind):
    circuit = answering(kind)
    features = features_for(kind, rows, tiny.tokenizer)
    assert features.lengths.tolist() != sorted(features.lengths.tolist(), reverse=True)
    found = run_head(circuit, features, batch_size=4)
    for item, logits in enumerate(one_by_one(circuit, features)):
        if kind == "pair":
            assert np.allclose(found[item], logits[0], atol=1e-4)
        elif kind == "choice":
            assert np.allclose(found[item][: len(logits)], logits[:, 0], atol=1e-4)
            assert (found[item][len(logits) :] == np.finfo(np.float32).min).all()
        elif kind == "span":
            assert np.allclose(found[item], logits[0], atol=1e-3)
        else:
            best = np.sort(logits[0], axis=-1)
            sure = best[:, -1] - best[:, -2] > 1e-3
            assert found[item].shape == logits[0].argmax(-1).shape
            assert (found[item] == logits[0].argmax(-1))[sure].all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_shapes_are_those_of_the_kind(answering, tiny, rows, kind):
    features = features_for(kind, rows, tiny.tokenizer)
    found = run_head(answering(kind), features)
    if kind in ("pair", "choice"):
        assert found.shape == (30, 3 if kind == "pair" else 5)
        assert found.dtype == np.float32
    else:
        assert isinstance(found, Ragged)
        assert found.lengths.tolist() == features.input_ids.lengths.tolist()
        assert found.values.shape[1:] == ((2,) if kind == "span" else ())


@pytest.mark.parametrize("kind", KINDS)
def test_no_items_give_no_answers(answering, tiny, kind):
    features = features_of([], kind, tiny.tokenizer, max_length=64, stride=16)
    assert len(run_head(answering(kind), features)) == 0


def test_prediction_happens_in_evaluation_mode_and_leaves_no_gradient(answering, tiny, rows):
    circuit = answering("pair")
    features = features_for("pair", rows, tiny.tokenizer)
    expected = run_head(circuit, features)
    circuit.train_mode(backbone_dropout=0.5)
    assert np.array_equal(run_head(circuit, features), expected)
    assert all(parameter.grad is None for parameter in circuit.parameters())


def test_another_head_may_be_asked_than_the_active_one(tiny, rows):
    from toolkit.composition import parse
    from toolkit.modeling.circuit import Circuit
    from toolkit.modeling.heads import HeadSpec

    features = features_for("pair", rows, tiny.tokenizer)
    heads = {"a": HeadSpec("pair", ("x", "y")), "b": HeadSpec("pair", tuple("xyzuv"))}
    with Circuit(tiny, parse("mix[a,b]"), heads=heads) as circuit:
        assert run_head(circuit, features).shape == (30, 2)
        assert run_head(circuit, features, head="b").shape == (30, 5)
        assert circuit.active_head == "a"


def test_progress_ends_with_all_items(answering, tiny, rows):
    reports = []
    run_head(
        answering("pair"), features_for("pair", rows, tiny.tokenizer), batch_size=1, what="x", report=reports.append
    )
    assert (reports[-1].what, reports[-1].done, reports[-1].total) == ("x", 30, 30)
