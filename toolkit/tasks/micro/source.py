"""Rows of the built-in micro-world as a task's source: from a seeded generator, nothing to download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ConfigError
from toolkit.tasks.micro.answers import answers_pool
from toolkit.tasks.micro.samples import SampleRows, open_sample
from toolkit.tasks.pool import Pool
from toolkit.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class SampleSource:
    """The built-in micro-world: rows from a seeded generator, nothing to download.

    Attributes:
        maker: which rows: `nli`, `qa`, `choice`, `pos`, `bitext`, `mining`, `answers` or `text`.
        sizes: rows of each split, by the splits that may be asked for.
        seed: another seed, another world of the same kind.
    """

    maker: str
    sizes: Mapping[str, int]
    seed: int = 0

    @property
    def splits(self) -> Mapping[str, int]:
        return self.sizes

    def check(self, task: Task) -> None:
        if not task.is_generated:
            raise ConfigError(f"Task '{task.name}' has generated rows; expected is_generated to say so.")

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        return tuple(languages)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> SampleRows:
        return open_sample(self.maker, split, language, size=self.sizes[split], seed=self.seed)

    def pool(self, task: Task, split: str, data_root: Path | None) -> Pool:
        return answers_pool(task.languages, split, size=self.sizes[split], seed=self.seed)
