"""Facts of a sweep: rows and weights that its steps read, which determine results but are not in any configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from toolkit.composition import Name
from toolkit.config import Config
from toolkit.sweeps import Step
from toolkit.tasks import Catalogue, Task
from toolkit.tasks.lacking import lacking, left_out


class BackboneFact(TypedDict):
    """Digest and precision of a backbone's weights."""

    digest: str
    precision: NotRequired[str]


class RowsFact(TypedDict, total=False):
    """Fingerprint and number of rows, and whether a limit drew them (0.1.0 took the first); or why they cannot be read.

    `roads` are the datasets of the hub that answered, in words.
    """

    fingerprint: str
    rows: int
    is_drawn: bool
    roads: list[str]
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
    seed: int = 0

    @property
    def place(self) -> str:
        """Return its name in the key of a step, where seeds are among the settings."""
        return f"{self.task} {self.split} {self.languages}" + ("" if self.limit is None else f" {self.limit}")

    @property
    def name(self) -> str:
        """Return its key in `Facts.rows`."""
        return self.place + (f" seed {self.seed}" if self.limit is not None and self.seed else "")


def needs_of(steps: Iterable[Step], catalogue: Catalogue) -> tuple[list[Need], list[str]]:
    """Return the rows that steps read, and the backbones (as keys of `Facts.backbones`), each once."""
    needs: dict[str, Need] = {}
    backbones: dict[str, None] = {}
    for step in steps:
        backbones[backbone_key(step.settings["backbone"])] = None
        for need in step_needs(step, catalogue):
            needs[need.name] = need
    return list(needs.values()), list(backbones)


def without_first_rows(facts: Facts, needs: Iterable[Need]) -> Facts:
    """Return facts without those of rows that 0.1.0 cut at a limit: it took the first rows, which are drawn now."""
    limits = {need.name: need.limit for need in needs if need.limit is not None}
    kept = {
        name: fact
        for name, fact in facts.rows.items()
        if name not in limits or fact.get("is_drawn") or fact.get("rows", limits[name]) < limits[name]
    }
    return Facts(facts.backbones, kept)


def backbone_key(settings: Mapping[str, Any]) -> str:
    """Return the key of a backbone in `Facts.backbones`."""
    return json.dumps([settings["name"], settings["revision"], settings["precision"]])


def step_needs(step: Step, catalogue: Catalogue) -> list[Need]:
    """Return the rows that a step reads."""
    train, score, retrieve = (step.settings[section] for section in ("train", "eval", "retrieve"))
    if step.kind == "retrieve":
        return [Need(step.task, "score", step.languages, retrieve["limit"], retrieve.get("seed", 0))]
    if step.kind == "evaluate":
        return [Need(step.task, "score", step.languages, score["limit"], score.get("seed", 0))]
    found = []
    for text in step.learns_from:
        name, _, language = text.partition(".")
        task = catalogue.source_task(catalogue.get(name))
        code = task.resolve_language(language or None)
        dev = task.train_language if task.train_language in task.languages else code
        found.append(Need(task.name, "train", code, train["limit"], train["seed"]))
        found.append(Need(task.name, "dev", dev, train["eval_limit"], score.get("seed", 0)))
    return found


def lacking_languages(steps: Iterable[Step], catalogue: Catalogue, data_root: Path | None) -> Iterator[str]:
    """Yield a sentence for each task that steps score in languages whose rows cannot be had."""
    asked = dict.fromkeys((step.task, step.languages) for step in steps if not step.is_stage)
    for name, languages in asked:
        task = catalogue.get(name)
        is_open = languages in ("all", "pairs")
        missing = lacking(task, data_root=data_root, has_pairs="." in languages or languages == "pairs")
        if is_open and missing:
            yield left_out(task, missing)
        elif named := [code for code in missing if code in languages.split(",")]:
            yield f"{name}: not in the reachable data, so that its steps will fail: {', '.join(named)}."


def roads_of(rows: Mapping[str, RowsFact]) -> list[str]:
    """Return a sentence for each task and dataset of the hub that answered for it."""
    return list(
        dict.fromkeys(f"{name.split()[0]}: {road}." for name, fact in rows.items() for road in fact.get("roads", ()))
    )


def train_need(ref: Name, source: Task, config: Config) -> Need:
    """Return the training rows of a stage's task."""
    settings = config.train
    return Need(source.name, "train", source.resolve_language(ref.language), settings.limit, settings.seed)
