"""Journeys that learn: `train`, `fuse` and `plan`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Unpack, overload

from toolkit.face.shared import Telling, open_session
from toolkit.results.result import Plain, Record, Result

if TYPE_CHECKING:
    from toolkit.composition.stages import Stage
    from toolkit.config import Config
    from toolkit.zoo import AdapterCard


@dataclass(frozen=True)
class Trained(Result, Sequence["AdapterCard"]):
    """Result of a training, and the sequence of the cards that it made; empty where the zoo held every entry.

    Attributes:
        cards: the entries that were made, in order.
    """

    cards: tuple[AdapterCard, ...]

    stem: ClassVar[str] = "trained"

    def records(self) -> list[Record]:
        """Return one row for each entry and score; an entry that was not scored has one row."""
        found: list[Record] = []
        for card in self.cards:
            entry: dict[str, Plain] = {
                "name": card.name,
                "backbone": card.backbone.name,
                "digest": card.digest,
                "seconds": card.seconds,
            }
            names = ("task", "language", "metric", "value")
            found += [entry | {name: getattr(score, name) for name in names} for score in card.scores]
            found += [] if card.scores else [entry | dict.fromkeys(names)]
        return found

    def __len__(self) -> int:
        return len(self.cards)

    @overload
    def __getitem__(self, place: int) -> AdapterCard: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[AdapterCard, ...]: ...

    def __getitem__(self, place: int | slice) -> AdapterCard | tuple[AdapterCard, ...]:
        return self.cards[place]

    def __iter__(self) -> Iterator[AdapterCard]:
        return iter(self.cards)


def train(
    expr: str, config: Config, *, retrain: bool = False, lock: Path | None = None, **tell: Unpack[Telling]
) -> Trained:
    """Train every stage that the zoo lacks for a composition.

    Args:
        expr: composition, for example `fuse[mnli,squad]/xquad`.
        config: resolved configuration, see `toolkit.configure`.
        retrain: train every stage again although the zoo holds it.
        lock: a lock file; what is trained on must be what it pins, and what it pins is never trained here.
        tell: `report` and `say`.
    """
    from toolkit.recipes.train.train import train as run

    cards = run(expr, open_session(config, tell), retrain=retrain, lock=lock)
    return Trained(cards=tuple(cards), text="\n".join(map(_line, cards)))


def fuse(
    members: Sequence[str],
    target: str,
    config: Config,
    *,
    has_adapter: bool = True,
    retrain: bool = False,
    lock: Path | None = None,
    **tell: Unpack[Telling],
) -> Trained:
    """Fuse adapters and train a target on top: `fuse[A,B,...]/TARGET`.

    Args:
        members: compositions, two or more.
        target: task that the fusion is trained for.
        has_adapter: False: only the fusion and a head learn (`fuse[...]@TARGET`).
        config, retrain, lock, tell: as for `train`.
    """
    expr = f"fuse[{','.join(members)}]{'/' if has_adapter else '@'}{target}"
    return train(expr, config, retrain=retrain, lock=lock, **tell)


def _line(card: AdapterCard) -> str:
    scores = "  ".join(f"{s.task} dev {s.metric} {100 * s.value:.1f}" for s in card.scores)
    return f"{card.name}  {card.digest[:12]}  {scores}"


@dataclass(frozen=True)
class Plan(Result):
    """Result of planning: the stages that a zoo still lacks for a composition.

    Attributes:
        stages: in the order in which they would be trained.
    """

    stages: tuple[Stage, ...]

    stem: ClassVar[str] = "plan"

    def records(self) -> list[Record]:
        """Return one row for each stage; lists are joined with commas."""
        return [
            {name: ", ".join(value) if isinstance(value, list) else value for name, value in _facts(stage).items()}
            for stage in self.stages
        ]

    @property
    def json_lines(self) -> list[str]:
        """One JSON object per stage."""
        return [json.dumps(_facts(stage)) for stage in self.stages]


def plan(expr: str, config: Config, *, retrain: bool = False) -> Plan:
    """Return the stages that the zoo still lacks for a composition. Trains nothing.

    Args:
        expr: composition.
        config: names zoo, backbone and kind of adapter.
        retrain: as if the zoo held nothing that the composition is made of.
    """
    from toolkit.composition import parse
    from toolkit.composition.stages import describe
    from toolkit.composition.stages import plan as stages_of
    from toolkit.tasks import catalogue_of
    from toolkit.zoo import Zoo, shelf_name

    zoo, shelf = Zoo(config.zoo), shelf_name(config.backbone.name, config.adapter.kind)
    learns_all = config.train.learn == "all"
    stages = stages_of(parse(expr), holds=lambda entry: zoo.holds(entry, shelf), retrain=retrain, learn_all=learns_all)
    catalogue = catalogue_of(config.task_files)
    rows = {ref: catalogue.training_rows(ref) for stage in stages for ref in stage.tasks}
    text = describe(stages, rows=rows.__getitem__, backbone_learns=config.adapter.kind == "full")
    return Plan(stages=tuple(stages), text=text)


def _facts(stage: Stage) -> dict[str, str | list[str] | None]:
    return {
        "entry": stage.entry,
        "tasks": [str(task) for task in stage.tasks],
        "learn": [f"{part.kind} {part.name}" for part in stage.learn],
        "parents": list(stage.parents),
        "warm_start": stage.warm_start,
    }
