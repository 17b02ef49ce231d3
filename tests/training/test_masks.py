"""Training on plain text: the loss is a mean over masked pieces, and a run that continues draws the same masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.config import TrainConfig
from toolkit.errors import Interrupted
from toolkit.features import features_of
from toolkit.features.masks import Masks, Pieces
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.tasks.rows import TextRow
from toolkit.training import TaskData, Watch, fit
from toolkit.training.loop import Loop

TRAIN = TrainConfig(lr=0.01, fusion_lr=0.01, epochs=2.0, batch_size=2, head_dropout=0.0)


@pytest.fixture(scope="module")
def data(tiny):
    rows = [TextRow(str(number), "abc def " * (1 + number % 5)) for number in range(12)]
    features = features_of(rows, "text", tiny.tokenizer, max_length=24)
    return TaskData("text", features, masks=Masks(Pieces.of(tiny.tokenizer), 0.3, False, 7))


def wired(tiny):
    stage = plan(parse("text.sw"), holds=lambda _: False)[-1]
    return Circuit(tiny, stage.circuit, heads={"text": HeadSpec("text")}, seed=1), stage.learn


def weights(circuit, learn):
    return {f"{part}{key}": array for part in learn for key, array in circuit.tensors_of(part).items()}


def test_a_run_that_is_stopped_continues_to_the_same_bits(tiny, data, tmp_path) -> None:
    circuit, learn = wired(tiny)
    with circuit:
        fit(circuit, learn, [data], train=TRAIN)
        whole = weights(circuit, learn)
    circuit, learn = wired(tiny)

    def stop(progress) -> None:
        if progress.done >= 3:
            raise KeyboardInterrupt

    settings = replace(TRAIN, checkpoint_every=1)
    with circuit, pytest.raises(Interrupted):
        fit(circuit, learn, [data], train=settings, checkpoint=tmp_path, watch=Watch(report=stop))
    circuit, learn = wired(tiny)
    with circuit:
        result = fit(circuit, learn, [data], train=settings, checkpoint=tmp_path)
        assert result.resumed_at > 0
        for name, array in weights(circuit, learn).items():
            assert np.array_equal(array, whole[name]), name


def test_the_loss_falls_on_text_that_repeats(tiny, data) -> None:
    circuit, learn = wired(tiny)
    with circuit:
        result = fit(circuit, learn, [data], train=replace(TRAIN, epochs=40.0))
        losses = [value for _, value in result.losses]
        assert losses[-1] < 0.7 * losses[0] < 10  # nats a piece: at first about log V


def test_parts_of_a_batch_leave_the_gradient_of_the_whole(tiny, data) -> None:
    found = []
    for accumulate in (1, 2):
        circuit, learn = wired(tiny)
        with circuit:
            settings = replace(TRAIN, batch_size=4 // accumulate, accumulate=accumulate)
            loop = Loop(circuit, learn, [data], settings)
            circuit.train_mode(backbone_dropout=0.0)
            loop.gradients(0, np.arange(4))
            found.append([one.grad.clone() for one in loop.state.parameters.values()])
            for parameter in circuit.parameters():
                parameter.requires_grad_(False)
                parameter.grad = None
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)
