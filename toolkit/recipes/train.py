"""Train what a composition lacks, stage by stage, each into the zoo."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from dataclasses import replace as altered
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import toolkit
from toolkit.composition import Name, Part, parse
from toolkit.config import Config, TrainConfig, to_dict
from toolkit.evaluation import Evaluation, evaluate_rows
from toolkit.features import MAX_LENGTH, Features, features_of
from toolkit.metrics import MAIN
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.plan import Stage, describe, plan
from toolkit.progress import Progress, Report, silent
from toolkit.recipes import common
from toolkit.recipes.common import Say, say_nothing
from toolkit.recipes.settings import resolve
from toolkit.score import Score
from toolkit.score import to_dict as score_to_dict
from toolkit.tasks import Task, get_task
from toolkit.tasks.mixture import Mixture
from toolkit.tasks.rows import Rows
from toolkit.tasks.trains_on import source_task, training_rows
from toolkit.tracking import Tracker
from toolkit.training import FitResult, TaskData, fit
from toolkit.training.checkpoint import remove_checkpoint
from toolkit.zoo import AdapterCard, Zoo


@dataclass(frozen=True)
class _Source:
    """Where one task of a stage learns from: its rows, and the dev rows that choose the best weights."""

    ref: Name
    task: Task
    rows: Rows
    dev: Rows


def train(
    expression: str,
    config: Config,
    *,
    retrain: bool = False,
    report: Report = silent,
    say: Say = say_nothing,
) -> list[AdapterCard]:
    """Train every stage that the zoo lacks for a composition.

    Args:
        expression: composition, for example `fuse[mnli,squad]/xquad`.
        config: resolved configuration.
        retrain: train every stage again although the zoo holds it.
        report: progress callback.
        say: called with sentences for the reader: the plan, settings, notes.

    Returns:
        The cards of the entries that were made, in order; empty where the zoo held them all.
    """
    composition = parse(expression)
    zoo = common.open_zoo(config)
    shelf = common.shelf(config)
    stages = plan(composition, holds=lambda entry: zoo.holds(entry, shelf), retrain=retrain)
    say(describe(stages, rows=training_rows, backbone_learns=config.adapter.kind == "full"))
    if not stages:
        return []
    backbone = common.open_backbone(config, report=report)
    tracker = common.open_config_tracker(config)
    experiment = source_task(get_task(stages[-1].tasks[-1].name)).name
    cards: list[AdapterCard] = []
    if len(stages) > 1:
        tags = {**composition.tags(), "journey": "train", "backbone": backbone.name}
        tracker.start(f"train {composition}", experiment=experiment, tags=tags, params={"stages": len(stages)})
    status = "FAILED"
    try:
        for i, stage in enumerate(stages):
            if config.adapter.kind == "full" and i > 0:
                backbone = common.open_backbone(config, report=report)  # the last stage trained it in place
            cards.append(
                run_stage(
                    stage,
                    config,
                    backbone,
                    zoo,
                    tracker,
                    experiment=experiment,
                    retrain=retrain,
                    report=report,
                    say=say,
                )
            )
        status = "FINISHED"
    finally:
        if len(stages) > 1:
            if cards:
                tracker.log_metrics(
                    {f"dev/{s['task']}/{s['metric']}/{s['language']}": s["value"] for s in cards[-1].scores}
                )
            tracker.close(status)
        for note in tracker.notes:
            say(note)
    return cards


def run_stage(
    stage: Stage,
    config: Config,
    backbone: Backbone,
    zoo: Zoo,
    tracker: Tracker,
    *,
    experiment: str,
    retrain: bool = False,
    report: Report = silent,
    say: Say = say_nothing,
) -> AdapterCard:
    """Train one stage and put what it learnt into the zoo."""
    began = time.perf_counter()
    settings = resolve(config.train, backbone.hidden_size, is_full=config.adapter.kind == "full")
    config = altered(config, train=settings)
    sources = [_source(ref, config) for ref in stage.tasks]
    parents = tuple({"name": name, "digest": zoo.get(name, common.shelf(config)).digest} for name in stage.parents)
    key = _key(stage, config, backbone, sources, parents)
    checkpoint = Path(config.run_dir) / "checkpoints" / key
    # Hours of training must not end at a folder that could never be written.
    for folder in (checkpoint, zoo.root):
        common.require_writable(folder)
    with ExitStack() as stack:
        circuit = stack.enter_context(_wired(stage, config, backbone, zoo, sources))
        data = [
            TaskData(
                _head(stage, source),
                _features(source.rows, source.task, backbone, config, f"tokenise {source.ref}", report),
            )
            for source in sources
        ]
        dev = [
            (source, _features(source.dev, source.task, backbone, config, f"tokenise {source.ref} dev", report))
            for source in sources
        ]
        say(_opening(stage, settings, circuit, data))
        tracker.start(
            stage.entry,
            experiment=experiment,
            tags={**stage.circuit.tags(), "journey": "train", "backbone": backbone.name, "stage_key": key},
            params=_params(stage, config, data),
        )
        try:
            tracker.log_text(json.dumps(to_dict(config), indent=1, default=str), "config.json")

            def score() -> float:
                return _mean(
                    [_dev_measure(circuit, source, features, stage, config, report) for source, features in dev]
                )

            result = fit(
                circuit,
                stage.learn,
                data,
                train=settings,
                dev=score,
                checkpoint=checkpoint,
                counts=_counts(data, settings),
                what=f"train {stage.entry}",
                report=report,
                on_score=lambda step, value: tracker.log_metrics({"dev_score": value}, step=step),
            )
            scores = tuple(
                one
                for source, features in dev
                for one in _dev_scores(circuit, source, features, stage, config, backbone, report)
            )
            card = zoo.put(
                _card(stage, config, backbone, sources, parents, circuit, scores, result, time.perf_counter() - began),
                _files(stage, circuit),
                replace=retrain,
            )
            _log(tracker, result, scores, card)
        except BaseException:
            tracker.close("FAILED")
            raise
        tracker.close()
    remove_checkpoint(checkpoint)
    say(_closing(card, result))
    return card


# -- rows ---------------------------------------------------------------------------------------------------------


def _source(ref: Name, config: Config) -> _Source:
    task = source_task(get_task(ref.name))
    language = task.resolve_language(ref.language)
    rows = task.rows("train", language, data_root=config.data_root, limit=config.train.limit)
    # Early stopping looks at English where there is a choice: other languages stay unseen (Phang et al. 2020).
    dev_language = task.train_language if task.train_language in task.languages else language
    dev = task.rows("dev", dev_language, data_root=config.data_root, limit=config.train.eval_limit)
    return _Source(ref, task, rows, dev)


def _features(rows: Rows, task: Task, backbone: Backbone, config: Config, what: str, report: Report) -> Features:
    report(Progress(what, 0, len(rows)))
    length = MAX_LENGTH[task.kind] if config.train.max_length == "auto" else config.train.max_length
    features = features_of(
        list(rows),
        task.kind,
        backbone.tokenizer,
        max_length=min(length, backbone.max_tokens),
        stride=config.train.stride,
        label_piece=config.train.label_piece,
    )
    report(Progress(what, len(rows), len(rows)))
    return features


def _counts(data: Sequence[TaskData], settings: TrainConfig) -> list[int] | None:
    """Return rows per task and epoch of a mixture; None where every row is simply taken once."""
    sizes = [len(one.features) for one in data]
    if len(sizes) == 1 or (settings.mixture == "proportional" and settings.mixture_cap is None):
        return None
    mixture = Mixture(settings.mixture, cap=settings.mixture_cap, temperature=settings.mixture_temperature)
    return mixture.counts(sizes, total=sum(sizes))


def _head(stage: Stage, source: _Source) -> str:
    """Return the head of the stage that a task's rows train."""
    heads = [part.name for part in stage.learn if part.kind == "head"]
    return source.ref.name if source.ref.name in heads else heads[-1]


# -- circuit ------------------------------------------------------------------------------------------------------


def _wired(stage: Stage, config: Config, backbone: Backbone, zoo: Zoo, sources: Sequence[_Source]) -> Circuit:
    """Wire the stage's circuit, load what is frozen, and warm-start what continues from another entry."""
    heads = {_head(stage, source): common.head_spec(source.task) for source in sources}
    circuit = Circuit(
        backbone,
        stage.circuit,
        heads=heads,
        adapter=config.adapter,
        seed=config.train.seed,
        head_dropout=config.train.head_dropout,
    )
    try:
        learn = set(stage.learn)
        if circuit.is_full:
            # One encoder flows through the whole chain: it starts from what the last entry below left.
            if stage.parents:
                _load_full(circuit, stage.parents[-1], zoo, config)
            return circuit
        for part in circuit.parts:
            if part not in learn:
                common.load_part(circuit, part, zoo, config)
            elif stage.warm_start is not None:
                common.load_part(circuit, part, zoo, config, entry=stage.warm_start)
    except BaseException:
        circuit.close()
        raise
    return circuit


def _load_full(circuit: Circuit, entry: str, zoo: Zoo, config: Config) -> None:
    common.load_part(circuit, Part("adapter", entry, entry), zoo, config)


def _files(stage: Stage, circuit: Circuit) -> dict[str, dict[str, Any]]:
    return {common.file_of(part): circuit.tensors_of(part) for part in stage.learn}


# -- scores -------------------------------------------------------------------------------------------------------


def _dev_evaluation(
    circuit: Circuit, source: _Source, features: Features, stage: Stage, config: Config, report: Report
) -> Evaluation:
    return evaluate_rows(
        circuit,
        source.dev,
        features,
        labels=source.task.labels,
        settings=config.eval,
        head=_head(stage, source),
        what=f"dev {source.ref}",
        report=report,
    )


def _dev_measure(
    circuit: Circuit, source: _Source, features: Features, stage: Stage, config: Config, report: Report
) -> float:
    return _dev_evaluation(circuit, source, features, stage, config, report).measures[MAIN[source.task.metric]]


def _dev_scores(
    circuit: Circuit,
    source: _Source,
    features: Features,
    stage: Stage,
    config: Config,
    backbone: Backbone,
    report: Report,
) -> list[Score]:
    found = _dev_evaluation(circuit, source, features, stage, config, report)
    return [
        Score(
            task=source.task.name,
            language=source.dev.language or "",
            metric=metric,
            value=value,
            n=found.n,
            composition=stage.entry,
            seed=config.train.seed,
            split="dev",
            backbone=backbone.name,
            is_generated=source.dev.is_generated,
            fingerprint=source.dev.fingerprint,
            protocol=f"precision={backbone.precision}",
        )
        for metric, value in found.measures.items()
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# -- records ------------------------------------------------------------------------------------------------------


def _key(
    stage: Stage, config: Config, backbone: Backbone, sources: Sequence[_Source], parents: Sequence[dict[str, str]]
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
        "train": {k: v for k, v in asdict(config.train).items() if k != "checkpoint_every"},
        "rows": [(source.rows.fingerprint, source.dev.fingerprint) for source in sources],
        "parents": list(parents),
        "version": toolkit.__version__,
    }
    return hashlib.sha256(json.dumps(determined_by, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _card(
    stage: Stage,
    config: Config,
    backbone: Backbone,
    sources: Sequence[_Source],
    parents: tuple[dict[str, str], ...],
    circuit: Circuit,
    scores: tuple[Score, ...],
    result: FitResult,
    seconds: float,
) -> AdapterCard:
    seen = tuple(
        {
            "task": source.task.name,
            "split": source.rows.asked,
            "language": source.rows.language,
            "rows": len(source.rows),
            "fingerprint": source.rows.fingerprint,
            "origin": source.rows.origin,
            "is_generated": source.rows.is_generated,
        }
        for source in sources
    )
    recipe = to_dict(config)
    return AdapterCard(
        name=stage.entry,
        backbone={
            "name": common.shelf(config),
            "digest": backbone.digest,
            "hidden_size": backbone.hidden_size,
            "layers": backbone.n_layers,
        },
        kind=config.adapter.kind,
        tasks=tuple(str(ref) for ref in stage.tasks),
        heads={name: {"kind": spec.kind, "labels": list(spec.labels)} for name, spec in circuit.specs.items()},
        recipe={
            "adapter": recipe["adapter"],
            "train": recipe["train"],
            "precision": backbone.precision,
            "steps": result.steps,
            "best_step": result.best_step,
            "warm_start": stage.warm_start,
            "learn": [f"{part.kind} {part.name}" for part in stage.learn],
        },
        parents=parents,
        data_seen=seen,
        scores=tuple(score_to_dict(score) for score in scores),
        versions={name: version(name) for name in ("torch", "transformers", "adapters")}
        | {"xstilts": toolkit.__version__},
        licence=" AND ".join(dict.fromkeys(source.task.licence for source in sources if source.task.licence)),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
    )


def _params(stage: Stage, config: Config, data: Sequence[TaskData]) -> dict[str, Any]:
    train = config.train
    return {
        "composition": stage.entry,
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


def _log(tracker: Tracker, result: FitResult, scores: Sequence[Score], card: AdapterCard) -> None:
    for step, loss in result.losses:
        tracker.log_metrics({"loss": loss}, step=step)
    tracker.log_metrics(
        {
            "examples_per_s": result.examples_per_s,
            "seconds": result.seconds,
            "peak_memory_mib": result.peak_memory_bytes / 2**20,
            **{f"dev/{score.name}": score.value for score in scores},
        }
    )
    tracker.log_text(json.dumps(card.to_dict(), indent=1, default=str), "card.json")


def _opening(stage: Stage, settings: TrainConfig, circuit: Circuit, data: Sequence[TaskData]) -> str:
    learnt = sum(p.numel() for p in circuit.learnable(stage.learn).values())
    rows = sum(one.features.n_rows for one in data)
    rates = f"lr {settings.lr:g}"
    if any(part.kind == "fusion" for part in stage.learn):
        rates += f" (fusion {settings.fusion_lr:g})"
    return (
        f"{stage.entry}: {rows:,} rows, {learnt:,} trainable parameters, {rates}, epochs {settings.epochs:g}, "
        f"batch {settings.batch_size}, {circuit.backbone.precision} on {circuit.backbone.device.type}"
    )


def _closing(card: AdapterCard, result: FitResult) -> str:
    main = ", ".join(f"{s['metric']} {100 * s['value']:.1f}" for s in card.scores)
    resumed = f" (went on from step {result.resumed_at})" if result.resumed_at else ""
    return (
        f"{card.name}: dev {main}; {result.steps} steps{resumed}, {result.examples_per_s:.1f} examples/s, "
        f"{card.seconds:.0f} s; in the zoo as {card.digest[:12]}"
    )
