"""A configuration small enough to train in seconds: the tiny backbone on a few rows of the micro-world."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

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
    "similarity.limit=40",
    "similarity.examples=8",
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


def three_languages(patch: pytest.MonkeyPatch) -> None:
    """Give the suite `micro` three of its languages: a task's mean over them is like that over eleven."""
    from toolkit.tasks.suites import SUITES

    micro = SUITES["micro"]
    entries = tuple(replace(entry, languages=entry.languages[:3]) for entry in micro.entries)
    patch.setitem(SUITES, "micro", replace(micro, entries=entries))
