"""One stage: wire it, train exactly what it learns, score it on the dev rows, put it into the zoo."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.composition.stages import Stage
from toolkit.config import TrainConfig
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.session.resources import Meter
from toolkit.recipes.session.session import Session, require_writable
from toolkit.recipes.session.traces import log_adapters
from toolkit.recipes.session.weights import check_entry
from toolkit.recipes.train.alongside import shares_of_steps
from toolkit.recipes.train.auto import in_shares, resolve, with_shares
from toolkit.recipes.train.dev import DevScores
from toolkit.recipes.train.key import stage_key
from toolkit.recipes.train.others import Phase, share_training, share_wiring, shared_scores, shares_of_all
from toolkit.recipes.train.pending import Pending, Record
from toolkit.recipes.train.put import put_stage, space_of, tags_of
from toolkit.recipes.train.sources import sources_of, training_data
from toolkit.recipes.train.wired import begin_heads, heads_of, wired
from toolkit.recipes.train.write import (
    Trained,
    closing,
    in_words,
    log_inputs,
    make_cards,
    numbers_of,
    opening,
    run_params,
)
from toolkit.space import require_space
from toolkit.tracking import Tracker
from toolkit.tracking.events import now
from toolkit.training import FitResult, TaskData, Watch, fit, plan_run, with_epochs
from toolkit.zoo import AdapterCard, check_backbone


def run_stage(
    stage: Stage, session: Session, backbone: Backbone, *, experiment: str, is_replaced: bool = False
) -> AdapterCard:
    """Train one stage and put what it learnt into the zoo, in place of an entry of its name where `is_replaced`."""
    began = time.perf_counter()
    session = _settled(session, backbone)
    config = session.config
    sources = sources_of(stage, session)
    parents = [session.zoo.get(name, session.shelf) for name in stage.parents]
    for parent in parents:
        check_backbone(parent, backbone.name, backbone.digest, backbone.hidden_size)
        check_entry(parent, session)
    key = stage_key(stage, config, backbone, sources, parents, processes=session.ranks.count)
    checkpoint = Path(config.run_dir) / "checkpoints" / key
    # Hours of training must not end at a folder that could never be written.
    for folder in (checkpoint, session.zoo.root):
        require_writable(folder)
    heads = heads_of(stage, sources, config)
    share_wiring(stage, session, heads, backbone)
    with Meter(is_watching=config.tracking.enabled) as meter, wired(stage, session, backbone, heads) as circuit:
        circuit.ranks = session.ranks
        _require_space(circuit, stage, checkpoint, session)
        data = training_data(stage, sources, backbone, session)
        begin_heads(circuit, data)
        dev = DevScores(circuit, stage, sources, session)
        session, n_steps, shares = _planned(session, data)
        session = _cut(session, circuit, stage, data)
        config = session.config
        n_phases = len(_phases(stage, config.train, checkpoint))
        session.say(opening(stage, session, circuit, data, n_steps=n_steps, n_phases=n_phases) + in_words(shares))
        tags = {**tags_of(stage), "journey": "train", "backbone": backbone.name, "stage_key": key}
        params = run_params(stage, session, data, backbone) | {f"share/{name}": share for name, share in shares.items()}
        name = f"train {stage.entry}"
        with session.tracked(
            name, experiment=experiment, tags=tags, params=params, began=meter.began, resume=key
        ) as run:
            meter.tracker = run if config.tracking.enabled else None
            log_inputs(run, sources, config)
            result = _fitted(circuit, stage, data, dev, checkpoint, session)
            scores = dev.of_best(result.best_score)
            trained = Trained(stage, sources, parents, circuit, scores, result, time.perf_counter() - began, shares)
            record = Record(name, experiment, tags, params, key, numbers_of(result, scores), now())
            pending = Pending(checkpoint, stage.entry, record)
            card = _put(trained, session, pending, is_replaced=is_replaced)
            record.log(run)
            meter.log(run, examples=0)
            log_adapters(session, [card], is_made=True)
            pending.recorded()
    pending.remove()
    session.say(closing(card, result))
    return card


def _require_space(circuit: Circuit, stage: Stage, checkpoint: Path, session: Session) -> None:
    """Raise where the disk cannot hold what the stage will leave: its entry in the zoo, and its checkpoints before."""
    learnt = [one for part in stage.learn for one in circuit.parameters_of(part).values()]
    require_space(space_of(sum(one.numel() * one.element_size() for one in learnt), checkpoint, session.zoo.root))


def _settled(session: Session, backbone: Backbone) -> Session:
    """Return the session with settings that hold no `auto` any more."""
    config = session.config
    train = resolve(config.train, backbone.hidden_size, is_full=config.adapter.kind == "full")
    train = in_shares(train, processes=session.ranks.count)
    return session.with_config(replace(config, train=train))


def _planned(session: Session, data: Sequence[TaskData]) -> tuple[Session, int, dict[str, float]]:
    """Return the session with the epochs that the run comes to, its number of steps, and each member's share of them."""
    config, processes = session.config, session.ranks.count
    planned = plan_run(data, config.train, processes=processes)
    settled = replace(config, train=with_epochs(config.train, planned))
    return session.with_config(settled), len(planned.batches), shares_of_steps(data, planned)


def _cut(session: Session, circuit: Circuit, stage: Stage, data: Sequence[TaskData]) -> Session:
    """Return the session with the shares of a step's batch that fit into the memory of every process."""
    train, ranks = session.config.train, session.ranks
    if train.batch_size != "auto":
        return session
    n_shares = shares_of_all(stage.learn, data, train, circuit)
    train = with_shares(train, n_shares, processes=ranks.count)
    session.say(
        f"train.batch_size=auto: {train.batch_size} rows of mean length at a time fit into memory, so a step of "
        f"{train.effective_batch} is taken in {f'{n_shares} shares' if n_shares > 1 else 'one share'}"
        f"{f' in each of {ranks.count} processes' * (ranks.count > 1)}."
    )
    return session.with_config(replace(session.config, train=train))


def _fitted(
    circuit: Circuit, stage: Stage, data: Sequence[TaskData], dev: DevScores, checkpoint: Path, session: Session
) -> FitResult:
    """Train what the stage learns, phase by phase; the circuit ends with the best weights of the last phase."""
    phases, train = _phases(stage, session.config.train, checkpoint), session.config.train
    share_training(phases, data, train, session.ranks)
    result: FitResult | None = None
    for phase in phases:
        dev.forget()  # each phase keeps its own best
        on_score = _score_logger(session.tracker, after=0 if result is None else result.steps)
        fitted = fit(
            circuit,
            phase.learn,
            data,
            train=train,
            dev=shared_scores(dev, session.ranks),
            checkpoint=phase.checkpoint,
            watch=Watch(phase.what, session.report, on_score, session.say),
        )
        result = fitted if result is None else result.followed_by(fitted)
    assert result is not None
    return result


def _phases(stage: Stage, train: TrainConfig, checkpoint: Path) -> list[Phase]:
    """Return what learns, phase by phase: all at once, or with `train.fusion_first` the fusion and then everything else."""
    what = f"train {stage.entry}"
    fusions = [part for part in stage.learn if part.kind == "fusion" and part.entry == stage.trained_as]
    others = [part for part in stage.learn if part.kind != "head" and part not in fusions]
    if not (train.fusion_first and fusions and others):
        return [Phase(what, tuple(stage.learn), checkpoint)]
    heads = [part for part in stage.learn if part.kind == "head"]
    return [
        Phase(f"{what} ({number} of 2)", (*learn, *heads), checkpoint / f"phase{number}")
        for number, learn in enumerate((fusions, others), 1)
    ]


def _score_logger(tracker: Tracker, *, after: int) -> Callable[[int, float], None]:
    return lambda step, value: tracker.log_metrics({"dev_score": value}, step=after + step)


def _put(trained: Trained, session: Session, pending: Pending, *, is_replaced: bool) -> AdapterCard:
    """Put what a stage learnt into the zoo."""
    stage, circuit = trained.stage, trained.circuit
    pending.write(session)
    put_stage(stage, session, make_cards(trained, session), circuit.tensors_of, is_replaced=is_replaced)
    return session.zoo.get(stage.entry, session.shelf)
