"""Limits on rows and tokens: which setting bounds what a task is scored on, the seed of a draw, and what an encoder reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from toolkit.config import Config
from toolkit.config.keys import is_default
from toolkit.errors import ToolkitError
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


def tokens_read(key: str, asked: int | Literal["auto"], *, own: int, most: int, name: str = "the encoder") -> int:
    """Return the tokens of a sequence; what is asked for by hand is never cut without a word.

    Args:
        key: of the setting.
        asked: its value; `auto`, and a default that is longer than the encoder reads, give way.
        own: what `auto` means.
        most: tokens that the encoder reads.
        name: of the encoder.

    Raises:
        ToolkitError: more are asked for than the encoder reads.

    Example:
        >>> tokens_read("eval.max_length", "auto", own=384, most=512), tokens_read("retrieve.max_length", 512, own=0, most=128)
        (384, 128)
    """
    if asked == "auto":
        return min(own, most)
    if asked > most and not is_default(key, asked):
        raise ToolkitError(
            f"{key}={asked} is longer than the {most} tokens that {name} reads; set it to {most} or less."
        )
    return min(asked, most)


def limited_rows(task: Task, split: str, language: str, config: Config) -> Rows:
    """Return the rows of a split in a language, at most as many as are scored."""
    limit, seed = scoring_limit(task.kind, config)
    return task.rows(split, language, data_root=config.data_root, limit=limit, seed=seed)
