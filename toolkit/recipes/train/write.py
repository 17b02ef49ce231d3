"""Results of a stage: its card, the parameters and numbers of its run, and sentences for the reader."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.composition.stages import Stage
from toolkit.config import Config, TrainConfig, to_dict
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.traces import data_of
from toolkit.recipes.train.held import PROCESSES
from toolkit.recipes.train.put import axes_of, cards_of_heads, said_of
from toolkit.recipes.train.sources import Source
from toolkit.results.score import Score, printed
from toolkit.tracking import Tracker
from toolkit.training import FitResult, TaskData
from toolkit.zoo import AdapterCard, Head, Origin, Seen
from toolkit.zoo import Backbone as CardBackbone


@dataclass(frozen=True)
class Trained:
    """A stage that has learnt.

    Attributes:
        stage: what it is.
        sources: the rows it learnt from.
        parents: cards of what it was trained on.
        circuit: with the best weights.
        scores: of these on the dev rows.
        result: of the training.
        seconds: how long it took.
        shares: of the steps, of each member of a mix.
    """

    stage: Stage
    sources: Sequence[Source]
    parents: Sequence[AdapterCard]
    circuit: Circuit
    scores: tuple[Score, ...]
    result: FitResult
    seconds: float
    shares: Mapping[str, float] = field(default_factory=dict)


def make_cards(trained: Trained, session: Session) -> list[AdapterCard]:
    """Return the card of a trained stage, and those of entries of a head alone (`Stage.heads`)."""
    stage, circuit, recipe = trained.stage, trained.circuit, to_dict(session.config)
    origin = Origin(
        CardBackbone.of(circuit.backbone, session.shelf.name),
        trained.parents,
        [_seen(source, session.config.train) for source in trained.sources],
        [source.task.licence for source in trained.sources],
    )
    whole = AdapterCard.made_by(
        stage.entry,
        origin,
        {
            **said_of(stage),
            "adapter": recipe["adapter"],
            "train": recipe["train"],
            "eval": {"seed": recipe["eval"]["seed"]},  # draws the dev rows that choose the weights
            "precision": circuit.backbone.precision,
            **({} if circuit.backbone.kernel == "plain" else {"kernels": circuit.backbone.kernel}),
            **({PROCESSES: session.ranks.count} if session.ranks.count > 1 else {}),
            **({"fusion": circuit.fusion_path} if circuit.fusion_path else {}),
            "steps": trained.result.steps,
            "best_step": trained.result.best_step,
            **({} if trained.result.skipped is None else {"skipped_steps": trained.result.skipped}),
            "warm_start": stage.warm_start,
            **({"mix": _mix_of(trained)} if trained.shares else {}),
            "learn": [f"{part.kind} {part.name}" for part in stage.learn],
        },
        tasks=[str(ref) for ref in stage.tasks],
        heads={name: Head.of(spec) for name, spec in circuit.specs.items()},
        scores=trained.scores,
        seconds=trained.seconds,
    )
    return cards_of_heads(stage, whole)


def _mix_of(trained: Trained) -> dict[str, dict[str, float]]:
    """Return of each member of a mix its share of the steps, and its mean losses when the training began and ended."""
    apart = trained.result.apart
    return {
        name: {
            "share": round(share, 4),
            **(
                {"first_loss": round(apart[name][0][1], 4), "last_loss": round(apart[name][-1][1], 4)}
                if apart.get(name)
                else {}
            ),
        }
        for name, share in trained.shares.items()
    }


def _seen(source: Source, train: TrainConfig) -> Seen:
    rows = source.rows
    is_drawn = source.drawn_from is not None or rows.drawn is not None
    return Seen(
        source.task.name,
        rows.asked,
        rows.language,
        len(rows),
        rows.fingerprint,
        rows.origin,
        rows.is_generated,
        rows.revision or None,
        source.drawn_from,
        train.seed if is_drawn else None,
        rows.drawn.limit if rows.drawn else None,
        rows.is_translated or None,
    )


def run_params(stage: Stage, session: Session, data: Sequence[TaskData], backbone: Backbone) -> dict[str, Any]:
    """Return the parameters of a stage's run."""
    config, processes = session.config, session.ranks.count
    train = config.train
    return {
        **axes_of(stage),
        "backbone": config.backbone.name,
        "backbone_digest": backbone.digest,
        "backbone_revision": backbone.revision,
        "adapter": config.adapter.kind,
        "precision": backbone.precision,
        "kernels": backbone.kernel,
        "lr": train.lr,
        "fusion_lr": train.fusion_lr,
        "epochs": train.epochs,
        "batch_size": train.batch_size,
        "accumulate": train.accumulate,
        PROCESSES: processes,
        "effective_batch_size": train.rows_of_step(processes),
        "seed": train.seed,
        "rows": sum(one.features.n_rows for one in data),
        "learn": ", ".join(f"{part.kind} {part.name}" for part in stage.learn),
    }


def log_inputs(tracker: Tracker, sources: Sequence[Source], config: Config) -> None:
    """Log the rows that a stage learns from, those that choose its weights, and the configuration."""
    tracker.log_data([data_of(source.rows, "training") for source in sources])
    tracker.log_data([data_of(source.dev, "dev") for source in sources])
    tracker.log_text(json.dumps(to_dict(config), indent=1, default=str), "config.json")


def numbers_of(result: FitResult, scores: Sequence[Score]) -> tuple[tuple[dict[str, float], int | None], ...]:
    """Return the losses, the dev scores and the speed of a training, as a run logs them: values and step."""
    skipped = {} if result.skipped is None else {"skipped_steps": float(result.skipped)}
    speed = {"system/examples_per_s": result.examples_per_s, "system/train_seconds": result.seconds}
    return (
        *(({"loss": loss}, step) for step, loss in result.losses),
        *(({f"loss/{name}": loss}, step) for name, held in result.apart.items() for step, loss in held),
        ({f"dev/{score.name}": score.value for score in scores}, None),
        ({**speed, **skipped}, None),
    )


def opening(
    stage: Stage, session: Session, circuit: Circuit, data: Sequence[TaskData], *, n_steps: int, n_phases: int = 1
) -> str:
    """Return a sentence about a stage that is going to learn."""
    settings, processes = session.config.train, session.ranks.count
    learnt = sum(p.numel() for p in circuit.learnable(stage.learn).values())
    rows = sum(one.features.n_rows for one in data)
    rates = f"lr {settings.lr:g}"
    if any(part.kind == "fusion" for part in stage.learn):
        rates += f" (fusion {settings.fusion_lr:g})"
    in_shares = f", {settings.accumulate} shares one after another" if settings.accumulate > 1 else ""
    if processes > 1:
        in_shares += f", {-(-settings.rows_of_step(processes) // processes)} in each of {processes} processes; the learning rate is as given"
    return (
        f"{stage.entry}: {rows:,} rows, {learnt:,} trainable parameters, {rates}, epochs {settings.epochs:g}, "
        f"{f'{n_phases} phases of ' * (n_phases > 1)}{n_steps:,} steps (batches are cut by tokens: each holds up to those of {settings.rows_of_step(processes)} rows of mean length{in_shares}), "
        f"{circuit.backbone.precision}{' with scaled losses' * (circuit.backbone.precision == 'fp16')} on {circuit.backbone.device.type}"
        + (f", {circuit.backbone.revision[:-28]}" if circuit.backbone.revision else "")
        + (f", fusion {circuit.fusion_path}" if circuit.fusion_path else "")
    )


def in_words(shares: Mapping[str, float]) -> str:
    """Return the end of a sentence that names each member's share of the steps; empty where there is one member.

    Example:
        >>> in_words({"mnli": 0.5, "text": 0.5})
        '; of the steps 50.0 % mnli, 50.0 % text'
    """
    return (
        "; of the steps " + ", ".join(f"{100 * share:.1f} % {name}" for name, share in shares.items()) if shares else ""
    )


def closing(card: AdapterCard, result: FitResult) -> str:
    """Return a sentence about a stage that has learnt."""
    main = ", ".join(f"{s.metric} {printed(s.metric, s.value):.1f}" for s in card.scores)
    resumed = f" (continued from step {result.resumed_at})" if result.resumed_at else ""
    return (
        f"{card.name}: dev {main}; {result.steps} steps{resumed}, {result.examples_per_s:.1f} examples/s, "
        f"{card.seconds:.0f} s; in the zoo as {card.digest[:12]}"
    )
