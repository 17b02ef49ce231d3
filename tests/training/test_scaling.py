"""Training in fp16: scaled losses, skipped steps, checkpoints, shares and several processes."""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import pytest
import torch

from tests.training.test_split import added, circuit_of, gradients, ranks_of
from toolkit.errors import ToolkitError
from toolkit.features import features_of
from toolkit.features.query import query_features
from toolkit.modeling.backbone import load_backbone
from toolkit.tasks.rows import PairRow, QueryRow
from toolkit.training import TaskData, Watch, fit
from toolkit.training.checkpoint import load_checkpoint
from toolkit.training.loop import Loop
from toolkit.training.saver import Saver
from toolkit.training.scaling import MOST_HALVINGS, LossScale
from toolkit.training.seeding import rng_state

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def half():
    return load_backbone("tiny", precision="fp16", device=CPU)


@pytest.fixture(scope="module")
def features(half):
    dice = random.Random(0)

    def text(most):
        return " ".join("".join(dice.choices("abc", k=dice.randint(1, 4))) for _ in range(dice.randint(2, most)))

    pairs = [PairRow(str(i), text(12), text(5), i % 2) for i in range(21)]
    queries = [QueryRow(str(i), text(4), str(i // 2), text(12)) for i in range(21)]
    return {
        "pair": features_of(pairs, "pair", half.tokenizer),
        "retrieval": query_features(queries, half.tokenizer, max_length=32, query_length=16),
    }


def spoiled(circuit, calls):
    """Let the gradients of the head's input be infinite in some of its calls, counted from 1."""
    seen = 0

    def spoil(module, args, out):
        nonlocal seen
        seen += module.training
        if module.training and seen in calls:
            out.register_hook(lambda gradient: gradient * float("inf"))

    return next(iter(circuit.heads.values())).register_forward_hook(spoil)


def run(half, features, train, *, text="a", kind="pair", spoil=(), stop_at=None, said=None, folder=None):
    circuit, stage, head = circuit_of(half, text, kind)
    with circuit:
        spoiled(circuit, spoil)
        if stop_at is not None:
            spoil_at = iter(range(1, 10_000))

            def stop(module, args):
                if module.training and next(spoil_at) == stop_at:
                    raise Killed

            next(iter(circuit.heads.values())).register_forward_pre_hook(stop)
        watch = Watch(say=said.append if said is not None else lambda _: None)
        data = [TaskData(head, features[kind])]
        result = fit(circuit, stage.learn, data, train=train, watch=watch, checkpoint=folder)
        return result, [circuit.tensors_of(part) for part in stage.learn]


class Killed(Exception):
    pass


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        for name, tensor in other.items():
            np.testing.assert_array_equal(one[name], tensor)


def test_fp16_learns_what_fp32_learns_as_far_as_its_rounding_lets_it(half, tiny, features, settings):
    train = settings(total_steps=6, lr=1e-3)
    (ours, found), (theirs, expected) = run(half, features, train), run(tiny, features, train)
    assert (ours.skipped, theirs.skipped) == (0, None)
    for one, other in zip(found, expected, strict=True):
        assert all(np.abs(one[name] - tensor).max() < 5e-3 for name, tensor in other.items())


@pytest.mark.parametrize("kind", ["pair", "retrieval"])
@pytest.mark.parametrize("scale", [2.0**4, 2.0**12])
def test_gradients_are_multiplied_by_the_scale_alone(half, features, settings, kind, scale, monkeypatch):
    def with_scale(value):
        monkeypatch.setattr(LossScale, "of", lambda self, loss: loss * value)
        return gradients(half, settings, features[kind], kind=kind, batch_size=2, accumulate=4, steps=1)

    (value, one), (other_value, other) = with_scale(scale)[0], with_scale(1.0)[0]
    assert value == other_value
    for name, gradient in other.items():
        # A power of two changes no digit of a number that fp16 holds in full.
        torch.testing.assert_close(one[name] / scale, gradient, rtol=2e-2, atol=2e-4)


def test_a_step_whose_gradients_are_not_finite_changes_nothing_and_is_counted_and_said(half, features, settings):
    train, said = settings(total_steps=6), []
    whole, _ = run(half, features, train)
    result, weights = run(half, features, train, spoil={2, 5}, said=said)
    assert (result.skipped, result.steps, result.examples) == (2, 6, whole.examples)
    assert all(np.isfinite(tensor).all() for part in weights for tensor in part.values())
    assert said == [
        "train: 2 of 6 steps were skipped, because their gradients were not finite in fp16; the loss scale ended at 16384."
    ]
    nothing, before = run(half, features, settings(total_steps=1), spoil={1})
    _, other = run(half, features, settings(total_steps=2), spoil={1, 2})
    assert nothing.skipped == 1
    assert_equal(before, other)


def test_a_loss_that_stays_infinite_however_small_its_scale_is_one_sentence(half, features, settings):
    with pytest.raises(ToolkitError) as caught:
        run(half, features, settings(total_steps=30), spoil=range(1, 100))
    assert MOST_HALVINGS == 16
    assert (
        "not finite in fp16 at step 15, although its scale was halved 16 times in a row to 1; use --precision fp32"
        in (str(caught.value))
    )


def test_gradients_are_clipped_after_they_are_divided_by_the_scale(half, features, settings, monkeypatch):
    norms, scaler = [], torch.amp.GradScaler
    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(
        torch.nn.utils, "clip_grad_norm_", lambda learnt, most: norms.append(float(clip(learnt, most))) or norms[-1]
    )
    for scale in (2.0**4, 2.0**12):
        monkeypatch.setattr(torch.amp, "GradScaler", partial(scaler, init_scale=scale))
        run(half, features, settings(total_steps=1, grad_clip=0.1))
    assert norms[0] == pytest.approx(norms[1], rel=2e-2)
    assert norms[0] < 100


@pytest.mark.parametrize("kind", ["pair", "retrieval"])
def test_shares_and_processes_add_up_to_the_scaled_gradient_of_the_whole(half, features, settings, kind):
    whole = gradients(half, settings, features[kind], kind=kind, batch_size=8, steps=2)
    shares = gradients(half, settings, features[kind], kind=kind, batch_size=2, accumulate=4, steps=2)
    assert_close(shares, whole)
    if kind == "pair":
        parts = [
            gradients(half, settings, features[kind], batch_size=4, ranks=ranks_of(rank), steps=2) for rank in (0, 1)
        ]
        assert_close(added(parts), whole)


def assert_close(found, expected):
    for (value, one), (whole, other) in zip(found, expected, strict=True):
        assert value == pytest.approx(whole, rel=1e-2)
        largest = max(float(gradient.abs().max()) for gradient in other.values())
        for name, gradient in other.items():
            torch.testing.assert_close(one[name], gradient, rtol=5e-2, atol=5e-3 * largest)


def test_an_infinite_gradient_of_one_process_is_skipped_by_all(half, features, settings):
    scale = LossScale("fp16", CPU)
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight], lr=0.1, fused=True)
    scale.of(weight.sum()).backward()
    weight.grad += torch.tensor([float("inf"), 0.0])  # as another process added it
    scale.unscale(optimizer)
    assert not scale.step(optimizer)
    assert weight.tolist() == [1.0, 1.0] and (scale.skipped, scale.value) == (1, 32768.0)


def test_a_run_that_was_stopped_after_skipped_steps_ends_with_the_same_bits(
    in_turn, half, features, settings, tmp_path
):
    train = settings(total_steps=10, checkpoint_every=2)
    result, whole = run(half, features, train, spoil={2, 7})
    with pytest.raises(Killed):
        run(half, features, train, spoil={2}, stop_at=6, folder=tmp_path)
    saved = load_checkpoint(tmp_path)
    assert saved["state"]["step"] == 4
    assert saved["scale"]["scale"] == 32768.0 and saved["scale"]["skipped"] == 1
    continued, weights = run(half, features, train, spoil={3}, folder=tmp_path)
    assert continued.resumed_at == 4 and continued.skipped == result.skipped == 2
    assert_equal(weights, whole)


def test_in_other_precisions_nothing_is_scaled_and_checkpoints_are_as_they_were(tiny, features, settings, tmp_path):
    circuit, stage, head = circuit_of(tiny, "a", "pair")
    with circuit:
        loop = Loop(circuit, stage.learn, [TaskData(head, features["pair"])], settings())
        saver = Saver(tmp_path)
        saver.start(loop.state.to_checkpoint([rng_state()]))
        saver.wait()
        assert not loop.state.scale.is_on and loop.state.scale.value == 1.0
    assert set(load_checkpoint(tmp_path)) == {"weights", "best", "optimizer", "schedule", "rng", "state"}
