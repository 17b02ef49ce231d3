"""What is written down about a stage: its key, its card, its run, and what the reader is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.composition import Name
from toolkit.composition.stages import Stage
from toolkit.config import Config, TrainConfig, to_dict
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.results.score import Score
from toolkit.tasks import Task
from toolkit.tasks.task import Rows
from toolkit.tracking import Tracker
from toolkit.training import FitResult, TaskData
from toolkit.version import __version__
from toolkit.zoo import AdapterCard, Head, Origin, Seen, shelf_name
from toolkit.zoo import Backbone as CardBackbone


@dataclass(frozen=True)
class Source:
    """Where one task of a stage learns from: its rows, and the dev rows that choose the best weights.

    Attributes:
        ref: the name in the composition, with its language where it has one.
        task: whose rows these are (what `ref` trains on).
        rows: training rows.
        dev: rows of the dev split.
        drawn_from: how many rows `rows` were drawn from (`train.total_examples`); None: they are all.
    """

    ref: Name
    task: Task
    rows: Rows
    dev: Rows
    drawn_from: int | None = None


def stage_key(
    stage: Stage, config: Config, backbone: Backbone, sources: Sequence[Source], parents: Sequence[AdapterCard]
) -> str:
    """Return what identifies a stage: everything that can change its weights."""
    determined_by = {
        "entry": stage.entry,
        "learn": [asdict(part) for part in stage.learn],
        "warm_start": stage.warm_start,
        "backbone": backbone.digest,
        "precision": backbone.precision,
        "adapter": asdict(config.adapter),
        # How often is saved changes nothing that is saved.
        "fusion": config.fusion,
        "train": {k: v for k, v in asdict(config.train).items() if k != "checkpoint_every"},
        "rows": [(source.rows.fingerprint, source.dev.fingerprint) for source in sources],
        "parents": [{"name": parent.name, "digest": parent.digest} for parent in parents],
        "version": __version__,
    }
    return hashlib.sha256(json.dumps(determined_by, sort_keys=True, default=str).encode()).hexdigest()[:16]


def make_card(
    stage: Stage,
    config: Config,
    backbone: Backbone,
    sources: Sequence[Source],
    parents: Sequence[AdapterCard],
    circuit: Circuit,
    scores: tuple[Score, ...],
    result: FitResult,
    seconds: float,
) -> AdapterCard:
    seen = tuple(
        Seen(
            source.task.name,
            source.rows.asked,
            source.rows.language,
            len(source.rows),
            source.rows.fingerprint,
            source.rows.origin,
            source.rows.is_generated,
            source.rows.revision or None,
            source.drawn_from,
            None if source.drawn_from is None else config.train.seed,
        )
        for source in sources
    )
    recipe = to_dict(config)
    return AdapterCard.made_by(
        stage.entry,
        Origin(
            CardBackbone.of(backbone, shelf_name(config.backbone.name, config.adapter.kind)),
            parents,
            seen,
            [source.task.licence for source in sources],
        ),
        {
            "adapter": recipe["adapter"],
            "train": recipe["train"],
            "precision": backbone.precision,
            **({"fusion": circuit.fusion_path} if circuit.fusion_path else {}),
            "steps": result.steps,
            "best_step": result.best_step,
            "warm_start": stage.warm_start,
            "learn": [f"{part.kind} {part.name}" for part in stage.learn],
        },
        tasks=[str(ref) for ref in stage.tasks],
        heads={name: Head.of(spec) for name, spec in circuit.specs.items()},
        scores=scores,
        seconds=seconds,
    )


def run_params(stage: Stage, config: Config, data: Sequence[TaskData]) -> dict[str, Any]:
    train = config.train
    return {
        **stage.circuit.axes(),
        "backbone": config.backbone.name,
        "adapter": config.adapter.kind,
        "lr": train.lr,
        "fusion_lr": train.fusion_lr,
        "epochs": train.epochs,
        "batch_size": train.batch_size,
        "seed": train.seed,
        "rows": sum(one.features.n_rows for one in data),
        "learn": ", ".join(f"{part.kind} {part.name}" for part in stage.learn),
    }


def log_result(tracker: Tracker, result: FitResult, scores: Sequence[Score]) -> None:
    for step, loss in result.losses:
        tracker.log_metrics({"loss": loss}, step=step)
    tracker.log_metrics({f"dev/{score.name}": score.value for score in scores})
    tracker.log_metrics({"system/examples_per_s": result.examples_per_s, "system/train_seconds": result.seconds})


def opening(stage: Stage, settings: TrainConfig, circuit: Circuit, data: Sequence[TaskData]) -> str:
    learnt = sum(p.numel() for p in circuit.learnable(stage.learn).values())
    rows = sum(one.features.n_rows for one in data)
    rates = f"lr {settings.lr:g}"
    if any(part.kind == "fusion" for part in stage.learn):
        rates += f" (fusion {settings.fusion_lr:g})"
    return (
        f"{stage.entry}: {rows:,} rows, {learnt:,} trainable parameters, {rates}, epochs {settings.epochs:g}, "
        f"batch {settings.batch_size}, {circuit.backbone.precision} on {circuit.backbone.device.type}"
        + (f", fusion {circuit.fusion_path}" if circuit.fusion_path else "")
    )


def closing(card: AdapterCard, result: FitResult) -> str:
    main = ", ".join(f"{s.metric} {100 * s.value:.1f}" for s in card.scores)
    resumed = f" (went on from step {result.resumed_at})" if result.resumed_at else ""
    return (
        f"{card.name}: dev {main}; {result.steps} steps{resumed}, {result.examples_per_s:.1f} examples/s, "
        f"{card.seconds:.0f} s; in the zoo as {card.digest[:12]}"
    )
