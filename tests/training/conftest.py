"""The tiny backbone, and a small problem that it can learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from toolkit.config import TrainConfig
from toolkit.modeling.backbone import Backbone, load_backbone


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
