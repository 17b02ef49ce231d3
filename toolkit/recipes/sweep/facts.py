"""Facts of a sweep: rows and weights that its steps read, which determine results but are not in any configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from toolkit.composition import Name
from toolkit.config import Config
from toolkit.sweeps import Step
from toolkit.tasks import Catalogue, Task


class BackboneFact(TypedDict):
    """Digest and precision of a backbone's weights."""

    digest: str
    precision: NotRequired[str]


class RowsFact(TypedDict, total=False):
    """Fingerprint and number of rows, or why they cannot be read."""

    fingerprint: str
    rows: int
    fault: str


@dataclass(frozen=True)
class Facts:
    """Facts about weights and rows, looked up before a sweep runs: they determine results, but no configuration holds them.

    Attributes:
        backbones: digest and precision by backbone (`backbone_key`).
        rows: fingerprint and number of rows by `Need.name`; a fault where the rows cannot be read.
    """

    backbones: Mapping[str, BackboneFact] = field(default_factory=dict)
    rows: Mapping[str, RowsFact] = field(default_factory=dict)


@dataclass(frozen=True)
class Need:
    """Rows that a step reads."""

    task: str
    split: str
    languages: str
    limit: int | None

    @property
    def name(self) -> str:
        """Return its key in `Facts.rows`."""
        return f"{self.task} {self.split} {self.languages}" + ("" if self.limit is None else f" {self.limit}")


def needs_of(steps: Iterable[Step], catalogue: Catalogue) -> tuple[list[Need], list[str]]:
    """Return the rows that steps read, and the backbones (as keys of `Facts.backbones`), each once."""
    needs: dict[str, Need] = {}
    backbones: dict[str, None] = {}
    for step in steps:
        backbones[backbone_key(step.settings["backbone"])] = None
        for need in step_needs(step, catalogue):
            needs[need.name] = need
    return list(needs.values()), list(backbones)


def backbone_key(settings: Mapping[str, Any]) -> str:
    """Return the key of a backbone in `Facts.backbones`."""
    return json.dumps([settings["name"], settings["revision"], settings["precision"]])


def step_needs(step: Step, catalogue: Catalogue) -> list[Need]:
    """Return the rows that a step reads."""
    train, score = step.settings["train"], step.settings["eval"]
    if step.kind == "retrieve":
        return [Need(step.task, "score", step.languages, step.settings["retrieve"]["limit"])]
    if step.kind == "evaluate":
        return [Need(step.task, "score", step.languages, score["limit"])]
    found = []
    for text in step.learns_from:
        name, _, language = text.partition(".")
        task = catalogue.source_task(catalogue.get(name))
        code = task.resolve_language(language or None)
        dev = task.train_language if task.train_language in task.languages else code
        found.append(Need(task.name, "train", code, train["limit"]))
        found.append(Need(task.name, "dev", dev, train["eval_limit"]))
    return found


def train_need(ref: Name, source: Task, config: Config) -> Need:
    """Return the training rows of a stage's task."""
    return Need(source.name, "train", source.resolve_language(ref.language), config.train.limit)
