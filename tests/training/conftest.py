"""The tiny backbone, and a small problem that it can learn."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from toolkit.config import TrainConfig
from toolkit.features import features_of
from toolkit.features.collate import Features
from toolkit.modeling.backbone import Backbone, load_backbone
from toolkit.tasks.rows import PairRow
from toolkit.training.saver import Saver


@pytest.fixture(scope="session")
def tiny() -> Backbone:
    torch.set_num_threads(1)
    return load_backbone("tiny", precision="fp32", device=torch.device("cpu"))


@pytest.fixture(scope="session")
def settings() -> Any:
    """Settings without any `auto`, a few steps long."""

    def build(**changes: Any) -> TrainConfig:
        given: dict[str, Any] = {
            "lr": 1e-2, "fusion_lr": 5e-3, "epochs": 2.0, "batch_size": 8, "head_dropout": 0.1, "backbone_dropout": 0.1,
            "checkpoint_every": 4, "seed": 3,
        }  # fmt: skip
        return TrainConfig(**given | changes)

    return build


@pytest.fixture(scope="session")
def pairs(tiny: Backbone) -> Features:
    """The label is the first letter of the first text."""
    dice = random.Random(0)
    rows = [
        PairRow(
            str(i),
            "ab"[i % 2] + "".join(dice.choices("xyz", k=dice.randint(1, 20))),
            "".join(dice.choices("xyz", k=5)),
            i % 2,
        )
        for i in range(48)
    ]
    return features_of(rows, "pair", tiny.tokenizer)


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training wait for every checkpoint, so that it is known which steps are saved."""
    start = Saver.start

    def whole(self: Saver, content: Any) -> None:
        start(self, content)
        if self._thread is not None:
            self._thread.join()

    monkeypatch.setattr(Saver, "start", whole)
