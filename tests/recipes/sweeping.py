"""A grid that runs in seconds: the tiny backbone on a few rows of the micro-world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toolkit.config import load
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.run import Asked, sweep
from toolkit.sweeps import Record, SweepFolder, load_results

SMALL = """axes: {intermediates: [micro-nli], targets: [micro-choice]}
languages: [en]
settings:
  backbone: {name: tiny, precision: fp32}
  train: {limit: 8, epochs: 1, eval_limit: 4, batch_size: 8}
  eval: {limit: 4}
"""
GRID = """
title: Tiny
axes:
  intermediates: [micro-nli, micro-qa]
  fusions: {of: {both: [micro-nli, micro-qa]}, methods: [fuse]}
  targets: [micro-choice]
languages: [en, de]
settings:
  backbone: {name: tiny, precision: fp32}
  train: {limit: 16, epochs: 2, eval_limit: 4, batch_size: 8, checkpoint_every: 2}
  eval: {limit: 8}
"""


def write_grid(folder: Path, text: str = GRID) -> Path:
    path = folder / "grid.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def run(file: Path, folder: Path, said: list[str] | None = None, **more: Any) -> int:
    config = load(sets=["tracking.enabled=no"])
    told = said if said is not None else []
    asked = Asked(file, more.pop("given", {}), more.pop("some", ()))
    return sweep(asked, Session.open(config, say=told.append), folder=folder, **more)


def table(folder: Path) -> list[tuple]:
    """Return every score of a finished sweep, to the bit."""
    found = load_results(folder)
    assert found.is_finished
    return [
        (cell.cell.name, score.language, score.metric, score.value) for cell in found.cells for score in cell.scores
    ]


def records(folder: Path) -> dict[str, Record]:
    held = SweepFolder(folder)
    planned = held.plan()
    assert planned is not None
    return held.records(planned.steps)


def made(record: Record) -> int:
    """Return how many attempts brought a step to its end."""
    return sum(attempt.outcome == "made" for attempt in record.attempts)
