"""Journeys that learn: `train`, `fuse` and `plan`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack, overload

from toolkit.face.shared import Telling, open_session
from toolkit.results.result import Plain, Record, Result
from toolkit.results.score import printed

if TYPE_CHECKING:
    from toolkit.composition.stages import Retrain, Stage
    from toolkit.config import Config
    from toolkit.recipes.train.held import Held
    from toolkit.recipes.train.plan import Asked
    from toolkit.recipes.train.room import Rooms
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


class Asking(TypedDict, total=False):
    """How a composition is to be trained.

    `name`: of a variant, so that several seeds or settings of one composition exist together: the last stage's entry takes it in
    the place of the last leaf, as `mnli/NAME` for `mnli/squad`. None: the composition's own name.
    `retrain`: train the last stage again although the zoo holds it, and replace it (True or `last`), or every stage (`all`).
    `force`: replace an entry although others were trained on it.
    """

    name: str | None
    retrain: bool | Retrain
    force: bool


class Training(Asking, Telling, total=False):
    """Options of `train` and `fuse`: those of `Asking`; `lock`, a lock file; `report` and `say`.

    What is trained on must be what the lock pins, and what it pins is never trained here.
    """

    lock: Path | None


def train(expr: str, config: Config, **options: Unpack[Training]) -> Trained:
    """Train every stage that the zoo lacks for a composition.

    Where the zoo holds the composition with other settings, that is an error which names them.

    Args:
        expr: composition, for example `fuse[mnli,squad]/xquad`.
        config: resolved configuration, see `toolkit.configure`.
        options: `name`, `retrain`, `force`, `lock`, `report` and `say`, see `Training`.
    """
    from toolkit.recipes.train.train import train as run

    session = open_session(config, options)
    cards = run(session.spelled(expr), session, asked=_asked(options), lock=options.get("lock"))
    return Trained(cards=tuple(cards), text="\n".join(map(_line, cards)))


def fuse(
    members: Sequence[str],
    target: str,
    config: Config,
    *,
    has_adapter: bool = True,
    **options: Unpack[Training],
) -> Trained:
    """Fuse adapters and train a target on top: `fuse[A,B,...]/TARGET`.

    Args:
        members: compositions, two or more.
        target: task that the fusion is trained for.
        has_adapter: False: only the fusion and a head learn (`fuse[...]@TARGET`).
        config, options: as for `train`.
    """
    expr = f"fuse[{','.join(members)}]{'/' if has_adapter else '@'}{target}"
    return train(expr, config, **options)


def _asked(options: Asking) -> Asked:
    from toolkit.recipes.train.plan import Asked

    retrain = options.get("retrain") or None
    return Asked(options.get("name"), "last" if retrain is True else retrain, options.get("force", False))


def _line(card: AdapterCard) -> str:
    languages = {
        score.task: {each.language for each in card.scores if each.task == score.task} for score in card.scores
    }
    scores = "  ".join(
        f"{s.task}{f'.{s.language}' * (len(languages[s.task]) > 1)} dev {s.metric} {printed(s.metric, s.value):.1f}"
        for s in card.scores
    )
    return f"{card.name}  {card.digest[:12]}  {scores}"


@dataclass(frozen=True)
class Plan(Result):
    """Result of planning: the stages that a zoo still lacks for a composition, and how what it holds was trained.

    Attributes:
        stages: in the order in which they would be trained.
        held: what the zoo holds of it, by name, with the settings that differ from those at hand.
        orphaned: entries that would be orphaned, by the entry that they were trained on and that would be replaced.
        memory: what each stage and the evaluation take; None where it was not asked for.
    """

    stages: tuple[Stage, ...]
    held: Mapping[str, Held]
    orphaned: Mapping[str, Sequence[str]]
    memory: Rooms | None = None

    stem: ClassVar[str] = "plan"

    def records(self) -> list[Record]:
        """Return one row for each stage; lists are joined with commas."""
        return [
            {name: ", ".join(value) if isinstance(value, list) else value for name, value in _facts(stage).items()}
            for stage in self.stages
        ]

    @property
    def json_lines(self) -> list[str]:
        """One JSON object per stage; `held` has the digest of each entry that it builds on, and what differs.

        With `memory` an object for the evaluation follows.
        """
        lines = [_facts(stage) | {"held": self._held(stage)} | self._memory(stage) for stage in self.stages]
        if self.memory is not None:
            lines.append({"eval": self.memory.found[-1].what.removeprefix("eval "), "memory": self.memory.to_dict("")})
        return [json.dumps(line) for line in lines]

    def _memory(self, stage: Stage) -> dict[str, Any]:
        if self.memory is None or stage.merge is not None:  # merging takes no steps
            return {}
        return {"memory": self.memory.to_dict(stage.entry)}

    def _held(self, stage: Stage) -> dict[str, Any]:
        known = {name: self.held[name] for name in stage.parents if name in self.held}
        return {
            name: {
                "digest": one.card.digest,
                "recipe": one.card.to_dict()["recipe"],
                "differs": {key: list(values) for key, values in one.differs.items()},
                "unknown": sorted(one.unknown),
            }
            for name, one in known.items()
        }


class Planning(Asking, total=False):
    """Options of `plan`: those of `Asking`; `memory`, whether to predict what each stage takes; `row_tokens`, of a row of mean length."""

    memory: bool
    row_tokens: int | None


def plan(expr: str, config: Config, **options: Unpack[Planning]) -> Plan:
    """Return the stages that the zoo still lacks for a composition. Trains nothing.

    Args:
        expr: composition.
        config: names zoo, backbone and kind of adapter; its settings are compared with those of what the zoo holds.
        options: `name`, `retrain` and `force`, as for `train`; `memory`: also predict the memory of each stage and of the
            evaluation; `row_tokens`: of a training row of mean length, by which that is done.

    Raises:
        ToolkitError: `memory` is asked of a backbone whose shape is not known here.
    """
    from toolkit.recipes.train.plan import plan_training

    session = open_session(config, {})
    is_asked, row_tokens = options.pop("memory", False), options.pop("row_tokens", None)
    asked: Asking = options
    spelled = session.spelled(expr)
    found = plan_training(spelled, session, _asked(asked))
    rooms, text = None, found.whole
    if is_asked:
        from toolkit.composition import parse
        from toolkit.recipes.session.home import as_trained
        from toolkit.recipes.train.room import rooms_of

        rooms = rooms_of(as_trained(parse(spelled), session), found.stages, session, row_tokens=row_tokens)
        text = "\n".join([text, *rooms.lines()])
    return Plan(stages=found.stages, held=found.held, orphaned=found.orphaned, memory=rooms, text=text)


def _facts(stage: Stage) -> dict[str, str | list[str] | None]:
    return {
        "entry": stage.entry,
        "trained_as": stage.trained_as,
        "tasks": [str(task) for task in stage.tasks],
        "learn": [f"{part.kind} {part.name}" for part in stage.learn],
        "parents": list(stage.parents),
        "warm_start": stage.warm_start,
    }
