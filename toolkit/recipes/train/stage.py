"""One stage: wire it, train exactly what it learns, score it on the dev set, put it into the zoo."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace as altered
from functools import partial
from pathlib import Path
from typing import Any

from toolkit.composition import Name, Part
from toolkit.composition.stages import Stage
from toolkit.config import Config, TrainConfig, to_dict
from toolkit.errors import ToolkitError
from toolkit.evaluation import Evaluation, Scoring, evaluate_rows
from toolkit.features import Features
from toolkit.metrics import MAIN
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.progress import Report, Say
from toolkit.recipes.session.circuits import adapter_shapes, arithmetic, head_spec
from toolkit.recipes.session.features import features_for
from toolkit.recipes.session.noise import augmented
from toolkit.recipes.session.resources import Meter
from toolkit.recipes.session.session import Session, require_writable
from toolkit.recipes.session.traces import data_of, log_adapters
from toolkit.recipes.session.weights import Place, file_of, load_part, places
from toolkit.recipes.train.auto import resolve
from toolkit.recipes.train.card import Source, closing, log_result, make_card, opening, run_params, stage_key
from toolkit.results.score import Score, System
from toolkit.tasks import get_task
from toolkit.tasks.catalogue.trains_on import source_task
from toolkit.tracking import Tracker
from toolkit.training import FitResult, TaskData, Watch, fit
from toolkit.training.checkpoint import remove_checkpoint
from toolkit.training.mixture import Mixture
from toolkit.training.ranks import Ranks
from toolkit.zoo import AdapterCard


def run_stage(
    stage: Stage,
    session: Session,
    backbone: Backbone,
    *,
    experiment: str,
    retrain: bool = False,
) -> AdapterCard:
    """Train one stage and put what it learnt into the zoo."""
    began = time.perf_counter()
    config = session.config
    settings = resolve(config.train, backbone.hidden_size, is_full=config.adapter.kind == "full")
    config = altered(config, train=settings)
    session = session.with_config(config)
    zoo, shelf, report, say = session.zoo, session.shelf, session.report, session.say
    sources = _drawn([_source(ref, config) for ref in stage.tasks], settings, say)
    parents = tuple(zoo.get(name, shelf) for name in stage.parents)
    key = stage_key(stage, config, backbone, sources, parents)
    checkpoint = Path(config.run_dir) / "checkpoints" / key
    # Hours of training must not end at a folder that could never be written.
    for folder in (checkpoint, zoo.root):
        require_writable(folder)
    with ExitStack() as stack:
        meter = stack.enter_context(Meter(is_watching=config.tracking.enabled))
        circuit = stack.enter_context(_wired(stage, session, backbone, sources))
        tokens = partial(_features, backbone=backbone, session=session)
        data = [TaskData(_head(stage, source), tokens(source, is_dev=False)) for source in sources]
        data = _in_proportion(data, settings)
        dev = [(source, tokens(source, is_dev=True)) for source in sources]
        say(opening(stage, settings, circuit, data))
        run = stack.enter_context(
            session.tracked(
                stage.entry,
                experiment=experiment,
                tags={**stage.circuit.tags(), "journey": "train", "backbone": backbone.name, "stage_key": key},
                params=run_params(stage, config, data),
                began=meter.began,
            )
        )
        meter.tracker = run if config.tracking.enabled else None
        run.log_data([data_of(source.rows, "training") for source in sources])
        run.log_data([data_of(source.dev, "dev") for source in sources])
        run.log_text(json.dumps(to_dict(config), indent=1, default=str), "config.json")

        kept: list[Evaluation] = []  # the dev evaluations that belong to the best score of this process

        def score() -> float:
            found = [_dev_evaluation(circuit, source, features, stage, config, report) for source, features in dev]
            value = _main_score(sources, found)
            if not kept or value > _main_score(sources, kept):
                kept[:] = found
            return value

        phases = _phases(stage, settings)
        result: FitResult | None = None
        for number, learn in enumerate(phases, 1):
            kept.clear()  # each phase keeps its own best
            on_score = _score_logger(run, after=0 if result is None else result.steps)
            fitted = fit(
                circuit,
                learn,
                data,
                train=settings,
                dev=score,
                checkpoint=checkpoint if len(phases) == 1 else checkpoint / f"phase{number}",
                watch=Watch(
                    f"train {stage.entry}" + (f" ({number} of {len(phases)})" if len(phases) > 1 else ""),
                    report,
                    on_score,
                ),
            )
            result = fitted if result is None else result.followed_by(fitted)
        assert result is not None
        if not kept or _main_score(sources, kept) != result.best_score:  # the best is from before a resumption
            kept[:] = [_dev_evaluation(circuit, source, features, stage, config, report) for source, features in dev]
        scores = tuple(
            one
            for source, found in zip(sources, kept, strict=True)
            for one in _dev_scores(source, found, stage, config, circuit)
        )
        ranks = Ranks(backbone.device)
        if ranks.is_main:
            seconds = time.perf_counter() - began
            card = make_card(stage, config, backbone, sources, parents, circuit, scores, result, seconds)
            zoo.put(card, _files(stage, circuit), replace=retrain)
            for number in range(1, len(phases) + 1 if len(phases) > 1 else 1):
                remove_checkpoint(checkpoint / f"phase{number}")
            remove_checkpoint(checkpoint)
        ranks.wait()
        card = zoo.get(stage.entry, shelf)
        log_result(run, result, scores)
        meter.log(run, examples=0)
        log_adapters(session, [card], is_made=True)
    say(closing(card, result))
    return card


def _phases(stage: Stage, train: TrainConfig) -> list[tuple[Part, ...]]:
    """Return what learns, phase by phase: all at once, or with `train.fusion_first` the fusion and then everything else."""
    fusions = [part for part in stage.learn if part.kind == "fusion" and part.entry == stage.entry]
    others = [part for part in stage.learn if part.kind != "head" and part not in fusions]
    if not (train.fusion_first and fusions and others):
        return [stage.learn]
    heads = [part for part in stage.learn if part.kind == "head"]
    return [(*fusions, *heads), (*others, *heads)]


def _score_logger(tracker: Tracker, *, after: int) -> Callable[[int, float], None]:
    return lambda step, value: tracker.log_metrics({"dev_score": value}, step=after + step)


# -- rows ---------------------------------------------------------------------------------------------------------


def _source(ref: Name, config: Config) -> Source:
    task = source_task(get_task(ref.name))
    language = task.resolve_language(ref.language)
    rows = augmented(task.rows("train", language, data_root=config.data_root, limit=config.train.limit), config)
    # Early stopping looks at English where there is a choice: other languages stay unseen (Phang et al. 2020).
    dev_language = task.train_language if task.train_language in task.languages else language
    dev = task.rows("dev", dev_language, data_root=config.data_root, limit=config.train.eval_limit)
    return Source(ref, task, rows, dev)


def _drawn(sources: list[Source], settings: TrainConfig, say: Say) -> list[Source]:
    """Return the sources with `total_examples` rows between them, shared as the mixture has it."""
    total = settings.total_examples
    if total is None:
        return sources
    sizes = [len(source.rows) for source in sources]
    shares = _mixture(settings).shares(sizes, total=total)
    each = list(zip(sources, shares, sizes, strict=True))
    told = ", ".join(f"{n:,} of {size:,} rows of {source.ref}" for source, n, size in each)
    say(f"{total:,} examples in all: {told}.")
    return [altered(source, rows=source.rows.draw(n, seed=settings.seed), drawn_from=size) for source, n, size in each]


def _mixture(settings: TrainConfig) -> Mixture:
    return Mixture(settings.mixture, cap=settings.mixture_cap, temperature=settings.mixture_temperature)


def _features(source: Source, *, is_dev: bool, backbone: Backbone, session: Session) -> Features:
    what = f"tokenise {source.ref}" + (" dev" if is_dev else "")
    rows = source.dev if is_dev else source.rows
    return features_for(rows, source.task.kind, backbone, session.config.train, session, what=what)


def _in_proportion(data: list[TaskData], settings: TrainConfig) -> list[TaskData]:
    """Return the tasks with their rows per epoch in the mixture; as they are where every row is simply taken once."""
    sizes = [len(one.features) for one in data]
    if len(sizes) == 1 or (settings.mixture == "proportional" and settings.mixture_cap is None):
        return data
    if settings.total_examples is not None:
        return data  # the rows were drawn in the mixture's proportion already
    counts = _mixture(settings).counts(sizes, total=sum(sizes))
    return [altered(one, count=count) for one, count in zip(data, counts, strict=True)]


def _head(stage: Stage, source: Source) -> str:
    """Return the head of the stage that a task's rows train."""
    heads = [part.name for part in stage.learn if part.kind == "head"]
    return source.ref.name if source.ref.name in heads else heads[-1]


# -- circuit ------------------------------------------------------------------------------------------------------


def _wired(stage: Stage, session: Session, backbone: Backbone, sources: Sequence[Source]) -> Circuit:
    """Wire the stage's circuit, load what is frozen, and warm-start what continues from another entry."""
    config, zoo, shelf = session.config, session.zoo, session.shelf
    heads = {_head(stage, source): head_spec(source.task, config.train) for source in sources}
    # Frozen parts keep the shape they were trained in.
    cards = {name: zoo.get(name, shelf) for name in stage.parents}
    _, shapes = adapter_shapes(cards.values(), config)
    held_at = places(stage.circuit, cards)
    if stage.warm_start is not None:
        held_at |= _warm(stage, cards[stage.warm_start])
    circuit = Circuit(
        backbone,
        stage.circuit,
        heads=heads,
        adapter=config.adapter,
        shapes=shapes,
        seed=config.train.seed,
        fusion=config.fusion,
    )
    try:
        if circuit.is_full:
            # One encoder flows through the whole chain: it starts from what the last entry below left.
            if stage.parents:
                load_part(circuit, Part("adapter", stage.parents[-1], stage.parents[-1]), session)
            return circuit
        for part in circuit.parts:
            if held_at[part][0] != stage.entry:
                load_part(circuit, part, session, place=held_at[part])
    except BaseException:
        circuit.close()
        raise
    return circuit


def _warm(stage: Stage, before: AdapterCard) -> dict[Part, Place]:
    """Return where the weights lie that a `seq` goes on from: its own adapter's, and what learnt along with it."""
    found: dict[Part, Place] = {}
    for part in stage.circuit.parts:
        is_own = part.entry == stage.entry
        file = file_of(part, None if is_own else before.name)
        if part.kind == "head" or (not is_own and file not in before.files):
            continue
        if part not in stage.learn:
            raise ToolkitError(
                f"'{stage.entry}' goes on from '{before.name}', which was trained with train.learn=all and changed '{part.entry}'; "
                "give --set train.learn=all here, too."
            )
        found[part] = (before.name, file)
    return found


def _files(stage: Stage, circuit: Circuit) -> dict[str, dict[str, Any]]:
    return {file_of(part, stage.entry): circuit.tensors_of(part) for part in stage.learn}


# -- scores -------------------------------------------------------------------------------------------------------


def _dev_evaluation(
    circuit: Circuit, source: Source, features: Features, stage: Stage, config: Config, report: Report
) -> Evaluation:
    return evaluate_rows(
        circuit,
        source.dev,
        features,
        scoring=Scoring.of(source.dev, config.eval),
        head=_head(stage, source),
        what=f"dev {source.ref}",
        report=report,
    )


def _main_score(sources: Sequence[Source], found: Sequence[Evaluation]) -> float:
    """Return the mean of the tasks' main measures."""
    values = [one.measures[MAIN[source.task.metric]] for source, one in zip(sources, found, strict=True)]
    return sum(values) / len(values)


def _dev_scores(source: Source, found: Evaluation, stage: Stage, config: Config, circuit: Circuit) -> list[Score]:
    system = System(stage.entry, circuit.backbone.name, arithmetic(circuit), config.train.seed)
    return Score.of(source.dev, found.measures, found.n, system, split="dev")
