"""Other processes that train a stage along: they wire its circuit, and take every step that the main one takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.composition import Part
from toolkit.composition.stages import Stage
from toolkit.config import Config, TrainConfig
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.passes import End, Follower
from toolkit.ranks import Ranks
from toolkit.recipes.session.backbones import open_backbone
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.cut import found_shares
from toolkit.recipes.train.wired import wired
from toolkit.training import TaskData, Watch, fit


def share_wiring(stage: Stage, session: Session, heads: Mapping[str, HeadSpec], backbone: Backbone) -> None:
    """Let the others wire a stage's circuit, into the backbone of the commit that was loaded here."""
    config = session.config
    commit = backbone.revision.rpartition("@")[2] or config.backbone.revision
    session.ranks.broadcast(_Wired(stage, replace(config, backbone=replace(config.backbone, revision=commit)), heads))


@dataclass(frozen=True)
class Phase:
    """A phase of a training.

    Attributes:
        what: its name for a reader.
        learn: what learns.
        checkpoint: folder of its checkpoints.
    """

    what: str
    learn: tuple[Part, ...]
    checkpoint: Path


def share_training(phases: Sequence[Phase], data: Sequence[TaskData], train: TrainConfig, ranks: Ranks) -> None:
    """Let the others train along: the same rows, of which each takes its part of every step."""
    ranks.broadcast(_Trained(list(phases), list(data), train))


def shares_of_all(learn: Sequence[Part], data: Sequence[TaskData], train: TrainConfig, circuit: Circuit) -> int:
    """Return the shares that fit into the memory of every process: the most that any of them needs."""
    ranks = circuit.ranks
    ranks.broadcast(_Cut(list(learn), list(data), train))
    found: list[int] = ranks.gather(found_shares(circuit, learn, data, train, ranks))
    return max(found)


def shared_scores(dev: Callable[[], float], ranks: Ranks) -> Callable[[], float]:
    """Return what scores the dev rows while the others take their shares."""

    def scored() -> float:
        value = dev()
        ranks.broadcast(End(value))
        return value

    return scored


@dataclass(frozen=True)
class _Wired:
    stage: Stage
    config: Config
    heads: Mapping[str, HeadSpec]

    def do(self, follower: Follower) -> None:
        """Wire the stage."""
        session = Session.open(self.config)
        follower.close()  # before its backbone is used again
        follower.hold(lambda: wired(self.stage, session, open_backbone(session), self.heads))


@dataclass(frozen=True)
class _Cut:
    learn: Sequence[Part]
    data: Sequence[TaskData]
    train: TrainConfig

    def do(self, follower: Follower) -> None:
        """Find the shares that fit into this process's memory."""
        assert follower.circuit is not None
        ranks = follower.ranks
        ranks.gather(found_shares(follower.circuit, self.learn, self.data, self.train, ranks))


@dataclass(frozen=True)
class _Trained:
    phases: Sequence[Phase]
    data: Sequence[TaskData]
    train: TrainConfig

    def do(self, follower: Follower) -> None:
        """Take the steps of every phase; dev scores are the main process's."""
        assert follower.circuit is not None
        for phase in self.phases:
            fit(
                follower.circuit,
                phase.learn,
                self.data,
                train=self.train,
                dev=follower.follow,
                checkpoint=phase.checkpoint,
                watch=Watch(phase.what),
            )
