"""Training of one stage: steps, dev scores, checkpoints and reports around the loop."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from toolkit.composition import Part
from toolkit.config import TrainConfig
from toolkit.modeling.circuit import Circuit
from toolkit.progress import Progress, Report, silent
from toolkit.training.loop import CHECKPOINT_S, Clock, Loop, TaskData
from toolkit.training.seeding import own_generators
from toolkit.training.state import FitResult


@dataclass(frozen=True)
class Watch:
    """Callbacks of a run.

    Attributes:
        what: name of this work in progress reports.
        report: progress callback, called about twice a second.
        on_score: called with (step, dev score).
    """

    what: str = "train"
    report: Report = silent
    on_score: Callable[[int, float], None] | None = None


@own_generators()
def fit(
    circuit: Circuit,
    learn: Sequence[Part],
    data: Sequence[TaskData],
    *,
    train: TrainConfig,
    dev: Callable[[], float] | None = None,
    checkpoint: Path | None = None,
    watch: Watch | None = None,
) -> FitResult:
    """Train the parts in `learn`; the circuit ends with the best weights by dev score (without `dev`: the last).

    The caller's generators are left as they were.

    Args:
        circuit: wired and loaded; everything outside `learn` stays as it is.
        learn: exactly what learns.
        data: training rows per task; batches hold one task each.
        train: settings, without any `auto` left in `lr`, `fusion_lr` and `epochs`.
        dev: scores the circuit in evaluation mode, higher is better.
        checkpoint: folder for checkpoints; a run that finds one continues from it, to the same bits (CPU, fp32).
        watch: callbacks.

    Raises:
        ToolkitError: the loss is not finite, a checkpoint cannot be written, or the one found is of another run.
    """
    watch = watch or Watch()
    loop = Loop(circuit, learn, data, train)
    loop.resume(checkpoint)
    counters = loop.state.counters
    resumed_at, clock = counters.step, Clock(counters.seconds)
    scored_at = loop.scored_steps() if dev is not None else set()
    is_over = counters.is_over(loop.total, train.patience)
    circuit.train_mode(backbone_dropout=train.backbone_dropout)
    while not is_over:
        _advance(loop, clock, watch)
        if dev is not None and counters.step in scored_at:
            _score(loop, dev, watch)
        is_over = counters.is_over(loop.total, train.patience)
        if not is_over and (counters.step in scored_at or _is_due(loop, clock)):
            loop.save(checkpoint)
            clock.saved_at = time.perf_counter()
    loop.state.restore_best()
    for parameter in circuit.parameters():
        parameter.requires_grad_(False)
    circuit.eval()
    return FitResult(
        steps=counters.step,
        examples=counters.examples,
        seconds=counters.seconds,
        examples_per_s=clock.examples_per_s,
        best_step=counters.best_step,
        best_score=counters.best_score,
        history=tuple((int(step), score) for step, score in counters.history),
        losses=tuple((int(step), value) for step, value in counters.losses),
        peak_memory_bytes=_peak_memory(loop.device),
        resumed_at=resumed_at,
    )


def _advance(loop: Loop, clock: Clock, watch: Watch) -> None:
    """Take one step and report on it."""
    counters, began = loop.state.counters, time.perf_counter()
    loss, rows = loop.step()
    now = time.perf_counter()
    clock.spent += now - began
    clock.rows += rows
    clock.total_loss, clock.n_losses = clock.total_loss + loss, clock.n_losses + 1
    counters.seconds = clock.before + now - clock.began
    is_last = counters.step == loop.total
    if (mean := clock.mean_loss(is_last=is_last)) is not None:
        counters.losses.append([counters.step, mean])
    if now - clock.shown_at > 0.5 or is_last:
        clock.shown_at = now
        figures = {"loss": loss, "examples/s": clock.examples_per_s}
        watch.report(Progress(watch.what, counters.step, loop.total, figures))


def _score(loop: Loop, dev: Callable[[], float], watch: Watch) -> None:
    """Score the circuit in evaluation mode, and remember its weights if the score is the best."""
    counters = loop.state.counters
    loop.circuit.eval()
    score = loop.ranks.agree(dev())
    loop.circuit.train_mode(backbone_dropout=loop.train.backbone_dropout)
    if watch.on_score is not None:
        watch.on_score(counters.step, score)
    if counters.take_score(score):
        loop.state.keep()


def _is_due(loop: Loop, clock: Clock) -> bool:
    is_slow = loop.ranks.count == 1 and time.perf_counter() - clock.saved_at > CHECKPOINT_S
    return loop.state.counters.step % loop.train.checkpoint_every == 0 or is_slow


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
