"""A configuration small enough to train in seconds: the tiny backbone on a few rows of the micro-world."""

from __future__ import annotations

from pathlib import Path

import toolkit
from toolkit.config import Config

FUSED = "fuse[micro-nli,micro-qa]/micro-choice"
TRAINED, SCORED = 24, 8  # rows
SETTINGS = (
    f"train.limit={TRAINED}",
    "train.epochs=1",
    f"train.eval_limit={SCORED}",
    "train.batch_size=8",
    f"eval.limit={SCORED}",
    "retrieve.limit=30",
    "tracking.enabled=no",
    "cache_gib=0",
    "backbone.precision=fp32",
)


def tiny_config(folder: Path, *sets: str) -> Config:
    """Return a configuration for the tiny backbone that keeps everything inside `folder`."""
    return toolkit.configure(
        *SETTINGS,
        f"tracking.folder={folder}",
        f"store.folder={folder / 'embeddings'}",
        *sets,
        backbone="tiny",
        zoo=folder / "zoo",
        run_dir=folder / "runs",
    )
