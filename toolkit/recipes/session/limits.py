"""Limits on rows: which setting bounds the rows that a task is scored on, and the seed that they are drawn by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from toolkit.config import Config
from toolkit.tasks import Task
from toolkit.tasks.kinds import Kind
from toolkit.tasks.task import Rows

# The section whose `limit` and `seed` say which rows of a language are scored.
LIMITS: Mapping[Kind, Literal["eval", "retrieve"]] = {
    "pair": "eval",
    "choice": "eval",
    "span": "eval",
    "tags": "eval",
    "bitext": "retrieve",
    "mining": "retrieve",
    "retrieval": "retrieve",
    "text": "eval",
}


def scoring_limit(kind: Kind, config: Config) -> tuple[int | None, int]:
    """Return at most how many rows of a kind are scored in a language (None: all), and the seed of the draw."""
    settings = config.eval if LIMITS[kind] == "eval" else config.retrieve
    return settings.limit, settings.seed


def limited_rows(task: Task, split: str, language: str, config: Config) -> Rows:
    """Return the rows of a split in a language, at most as many as are scored."""
    limit, seed = scoring_limit(task.kind, config)
    return task.rows(split, language, data_root=config.data_root, limit=limit, seed=seed)
