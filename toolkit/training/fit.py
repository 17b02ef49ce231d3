"""The training loop."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from toolkit.composition import Part
from toolkit.config import TrainConfig
from toolkit.errors import ToolkitError
from toolkit.features.collate import Batch, Features
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.learn import item_losses, unfreeze_exactly, units_per_item
from toolkit.progress import Progress, Report, silent
from toolkit.training.batches import plan_batches
from toolkit.training.checkpoint import load_checkpoint, save_checkpoint
from toolkit.training.optimizer import build_optimizer, linear_schedule
from toolkit.training.ranks import Ranks
from toolkit.training.seeding import derived_seed, restore_rng, rng_state

Weights = dict[str, Tensor]
Loss = Callable[[dict[str, Tensor]], Tensor]  # a collated batch, on the device -> its mean loss per item

CHECKPOINT_S = 60.0  # a kill costs a minute at most, however slow the steps (several processes agree on steps only)


@dataclass(frozen=True)
class TaskData:
    """One task's training rows and the head that answers them."""

    head: str
    features: Features


@dataclass(frozen=True)
class FitResult:
    """What a training run did.

    Attributes:
        steps: optimiser steps taken.
        examples: rows (windows, for span tasks) seen.
        seconds: time in the loop, dev scores included, earlier tries counted in.
        examples_per_s: rows per second of training steps in this process.
        best_step, best_score: where the kept weights are from; None without a dev score.
        history: (step, dev score) in order.
        losses: (step, mean loss since the last entry) in order.
        peak_memory_bytes: largest resident size of this process (GPU: largest allocation).
        resumed_at: step of the checkpoint that the run went on from, 0 for a fresh run.
    """

    steps: int
    examples: int
    seconds: float
    examples_per_s: float
    best_step: int | None
    best_score: float | None
    history: tuple[tuple[int, float], ...]
    losses: tuple[tuple[int, float], ...]
    peak_memory_bytes: int
    resumed_at: int

    def followed_by(self, later: FitResult) -> FitResult:
        """Return this run and a later one of the same circuit as one; the kept weights are the later one's."""
        steps = self.steps
        return replace(
            later,
            steps=steps + later.steps,
            examples=self.examples + later.examples,
            seconds=self.seconds + later.seconds,
            best_step=None if later.best_step is None else steps + later.best_step,
            history=self.history + tuple((steps + step, score) for step, score in later.history),
            losses=self.losses + tuple((steps + step, loss) for step, loss in later.losses),
            peak_memory_bytes=max(self.peak_memory_bytes, later.peak_memory_bytes),
            resumed_at=steps + later.resumed_at if later.resumed_at else self.resumed_at,
        )


@dataclass
class _State:
    """What a checkpoint holds besides weights and optimizer."""

    step: int = 0
    examples: int = 0
    seconds: float = 0.0
    stale: int = 0
    best_step: int | None = None
    best_score: float | None = None
    history: list[list[float]] = field(default_factory=list)
    losses: list[list[float]] = field(default_factory=list)


def fit(
    circuit: Circuit,
    learn: Sequence[Part],
    data: Sequence[TaskData],
    *,
    train: TrainConfig,
    dev: Callable[[], float] | None = None,
    checkpoint: Path | None = None,
    counts: Sequence[int] | None = None,
    loss: Loss | None = None,
    what: str = "train",
    report: Report = silent,
    on_score: Callable[[int, float], None] | None = None,
) -> FitResult:
    """Train the parts in `learn`; the circuit ends with the best weights by dev score (without `dev`: the last).

    Args:
        circuit: wired and loaded; everything outside `learn` stays as it is.
        learn: exactly what learns.
        data: training rows per task; batches hold one task each.
        train: settings, without any `auto` left in `lr`, `fusion_lr` and `epochs`.
        dev: scores the circuit in evaluation mode, higher is better.
        checkpoint: folder for checkpoints; a run that finds one goes on from it, to the same bits (CPU, fp32).
        counts: rows of each task per epoch, for mixtures.
        loss: of a batch, in place of the cross-entropy of its labels, which need not be there then (distillation).
        what: name of this work in progress reports.
        report: progress callback, called about twice a second.
        on_score: called with (step, dev score).

    Raises:
        ToolkitError: the loss is not finite, or a checkpoint cannot be written.
    """
    if train.lr == "auto" or train.fusion_lr == "auto" or train.epochs == "auto":
        raise AssertionError("`auto` settings are resolved before training")
    device = circuit.backbone.device
    ranks = Ranks(device)
    parameters = circuit.learnable(learn)
    unfreeze_exactly(circuit, parameters)
    optimizer = build_optimizer(
        parameters, lr=train.lr, fusion_lr=train.fusion_lr, weight_decay=train.weight_decay, device=device
    )
    planned = plan_batches(
        [one.features for one in data],
        batch_size=train.batch_size,
        seed=derived_seed(train.seed, "order") % 2**32,
        epochs=train.epochs,
        total_steps=train.total_steps and train.total_steps * ranks.count,
        counts=counts,
    )
    if len(planned) < ranks.count:
        raise ToolkitError(
            f"{len(planned)} batches are too few for {ranks.count} processes; lower --set train.batch_size."
        )
    total = len(planned) // ranks.count
    schedule = linear_schedule(optimizer, total_steps=total, warmup_ratio=train.warmup_ratio)
    scored_at = _scored_steps(total, train)
    units = [train.batch_size * units_per_item(one.features) for one in data]

    state = _State()
    best: Weights | None = None
    torch.manual_seed(derived_seed(train.seed, f"dropout {ranks.rank}"))
    saved = load_checkpoint(checkpoint) if checkpoint is not None else None
    if saved is not None:
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(saved["weights"][name])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        best = saved["best"]
        state = _State(**saved["state"])
        if len(saved["rng"]) != ranks.count:
            raise ToolkitError(
                f"The checkpoint in {checkpoint} is of {len(saved['rng'])} processes, this run has {ranks.count}; start as many."
            )
        restore_rng(saved["rng"][ranks.rank])
    resumed_at = state.step

    def save() -> None:
        states = ranks.gather(rng_state())
        if ranks.is_main and checkpoint is not None:
            save_checkpoint(
                checkpoint,
                {
                    "weights": _copy(parameters),
                    "best": best,
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "rng": states,
                    "state": vars(state),
                },
            )

    began, before, spent = time.perf_counter(), state.seconds, 0.0
    seen, shown, running, since, saved_at = 0, 0.0, 0.0, 0, began
    stop = state.step >= total or bool(train.patience and state.stale >= train.patience)
    circuit.train_mode(backbone_dropout=train.backbone_dropout)
    while not stop:
        tick = time.perf_counter()
        task, items = planned[state.step * ranks.count + ranks.rank]
        batch = to_device(data[task].features.collate(items), device)
        if loss is None:
            logits = circuit(batch, data[task].head)
            found = item_losses(data[task].features.kind, logits, batch).sum() / units[task]
        else:
            found = loss(batch) * len(items) / train.batch_size
        penalty = circuit.regularisation(learn)
        (found if penalty is None else found + penalty).backward()
        ranks.average_gradients(list(parameters.values()))
        value = float(found.detach()) * train.batch_size / len(items)  # mean per row, for the reader
        if not torch.isfinite(found):
            raise ToolkitError(
                f"The loss of '{circuit.composition}' is {float(found.detach())} at step {state.step}; lower --set train.lr "
                f"(now {train.lr:g}) or use --precision fp32; the last checkpoint is kept."
            )
        if train.grad_clip > 0:
            torch.nn.utils.clip_grad_norm_(list(parameters.values()), train.grad_clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        spent += time.perf_counter() - tick
        state.step += 1
        state.examples += len(items) * ranks.count
        seen += len(items) * ranks.count
        running, since = running + value, since + 1
        is_last = state.step == total
        if since == 20 or is_last:
            state.losses.append([state.step, running / since])
            running, since = 0.0, 0
        now = time.perf_counter()
        state.seconds = before + now - began
        if now - shown > 0.5 or is_last:
            shown = now
            report(Progress(what, state.step, total, {"loss": value, "examples/s": seen / max(spent, 1e-9)}))
        is_scored = dev is not None and state.step in scored_at
        if is_scored and dev is not None:
            circuit.eval()
            score = ranks.agree(dev())
            circuit.train_mode(backbone_dropout=train.backbone_dropout)
            state.history.append([state.step, score])
            if on_score is not None:
                on_score(state.step, score)
            if state.best_score is None or score > state.best_score:
                state.best_score, state.best_step, state.stale = score, state.step, 0
                best = _copy(parameters)
            else:
                state.stale += 1
        stop = is_last or bool(train.patience and state.stale >= train.patience)
        is_due = state.step % train.checkpoint_every == 0 or (ranks.count == 1 and now - saved_at > CHECKPOINT_S)
        if not stop and (is_due or is_scored):
            save()
            saved_at = time.perf_counter()
    if best is not None:
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(best[name])
    for parameter in circuit.parameters():
        parameter.requires_grad_(False)
    circuit.eval()
    return FitResult(
        steps=state.step,
        examples=state.examples,
        seconds=state.seconds,
        examples_per_s=seen / spent if spent else 0.0,
        best_step=state.best_step,
        best_score=state.best_score,
        history=tuple((int(step), score) for step, score in state.history),
        losses=tuple((int(step), value) for step, value in state.losses),
        peak_memory_bytes=_peak_memory(device),
        resumed_at=resumed_at,
    )


def _scored_steps(total: int, train: TrainConfig) -> set[int]:
    """Return the steps after which the dev set is scored: every `eval_every`, or at the end of each epoch; and the last."""
    if train.eval_every:
        return {*range(train.eval_every, total, train.eval_every), total}
    epochs = 1.0 if train.total_steps is not None or train.epochs == "auto" else train.epochs
    ends = (round(total * epoch / epochs) for epoch in range(1, math.ceil(epochs)))
    return {*ends, total}


def to_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """Return a collated batch as tensors on `device`."""
    return {key: torch.from_numpy(value).to(device) for key, value in batch.items()}


def _copy(parameters: dict[str, torch.nn.Parameter]) -> Weights:
    return {name: parameter.detach().cpu().clone() for name, parameter in parameters.items()}


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
