"""Training of one stage: steps, dev scores, checkpoints and reports around the loop."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from toolkit.composition import Part
from toolkit.config import TrainConfig
from toolkit.errors import Interrupted
from toolkit.modeling.circuit import Circuit
from toolkit.progress import Progress, Report, Say, say_nothing, silent
from toolkit.training.clock import Clock
from toolkit.training.interruption import Interruption
from toolkit.training.loop import Loop, TaskData
from toolkit.training.seeding import own_generators, restore_rng, rng_state
from toolkit.training.state import FitResult


@dataclass(frozen=True)
class Watch:
    """Callbacks of a run.

    Attributes:
        what: name of this work in progress reports.
        report: progress callback, called about twice a second.
        on_score: called with (step, dev score).
        say: called with a sentence if the run continues from a checkpoint.
    """

    what: str = "train"
    report: Report = silent
    on_score: Callable[[int, float], None] | None = None
    say: Say = say_nothing


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
        Interrupted: Ctrl-C, in any of several processes; a checkpoint is written first.
    """
    watch = watch or Watch()
    loop = Loop(circuit, learn, data, train)
    loop.resume(checkpoint)
    loop.saver.say = watch.say
    counters = loop.state.counters
    resumed_at, clock = counters.step, Clock(counters.seconds)
    if resumed_at:
        watch.say(f"{watch.what} continues from step {resumed_at} of {loop.total}, the checkpoint in {checkpoint}.")
    circuit.train_mode(backbone_dropout=train.backbone_dropout, recompute=train.recompute)
    try:
        _train(loop, clock, dev, checkpoint, watch)
    except KeyboardInterrupt:
        raise Interrupted(_stopped(loop, checkpoint, watch.what)) from None
    if counters.step < loop.total:
        watch.report(Progress(watch.what, loop.total, loop.total))
    loop.state.restore_best()
    scale = loop.state.scale
    if scale.skipped:
        watch.say(
            f"{watch.what}: {scale.skipped} of {counters.step} steps were skipped, because their gradients were not finite in fp16; "
            f"the loss scale ended at {scale.value:g}."
        )
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
        apart={member: tuple((int(step), value) for step, value in held) for member, held in counters.apart.items()},
        peak_memory_bytes=_peak_memory(loop.device),
        resumed_at=resumed_at,
        skipped=scale.skipped if scale.is_on else None,
    )


def _train(loop: Loop, clock: Clock, dev: Callable[[], float] | None, checkpoint: Path | None, watch: Watch) -> None:
    """Take the steps that are left, with dev scores and checkpoints; Ctrl-C raises when a checkpoint is written."""
    counters, train, saver = loop.state.counters, loop.train, loop.saver
    scored_at, is_wanted = loop.scored_steps() if dev is not None else set(), False
    is_alone = loop.ranks.count == 1 and checkpoint is not None
    with Interruption(is_held=checkpoint is not None) as interruption, saver.running():
        # An earlier try may have been stopped when it was about to score this step.
        is_new = counters.step in scored_at and counters.scored_at != counters.step
        while True:
            saver.check()
            if dev is not None and is_new:
                try:
                    # Several processes wait for each other's scores; they stop at a step that all of them agree on.
                    _score(loop, dev, watch, interruption.at_once() if is_alone else nullcontext())
                except KeyboardInterrupt:
                    if is_alone:
                        loop.save_last()
                    raise
            if counters.is_over(loop.total, train.patience):
                return
            if interruption.is_asked if loop.ranks.count == 1 else loop.is_stopping:
                loop.save_last()
                raise KeyboardInterrupt
            is_due = counters.step % train.checkpoint_every == 0 or saver.is_over(train.checkpoint_s)
            is_wanted = is_wanted or is_new or is_due
            if is_wanted and not saver.is_busy:  # else after the step in which the one before is whole
                loop.save()
                is_wanted = False
            _advance(loop, clock, watch, is_asked=interruption.is_asked)
            is_new = counters.step in scored_at


def _stopped(loop: Loop, checkpoint: Path | None, what: str) -> str:
    """Return where a run stopped and what is kept of it."""
    step, saved = loop.state.counters.step, loop.saver.saved_step
    if saved is None:
        return f"{what} stopped at step {step} of {loop.total}, before its first checkpoint"
    # What the main process has written by now, only a stop that all processes agree on says.
    is_known = loop.ranks.is_main or loop.is_stopping
    kept = f"its checkpoint of step {saved} is" if is_known else "its last checkpoint is"
    return f"{what} stopped at step {step} of {loop.total}; {kept} in {checkpoint}"


def _advance(loop: Loop, clock: Clock, watch: Watch, *, is_asked: bool) -> None:
    """Take one step and report on it."""
    counters, began = loop.state.counters, time.perf_counter()
    loss, rows = loop.step(is_asked=is_asked)
    now = time.perf_counter()
    clock.spent += now - began
    clock.rows += rows
    if math.isfinite(loss):  # fp16 skips a step whose loss is not
        clock.add(loss, loop.member_of_last)
    counters.seconds = clock.before + now - clock.began
    is_last = counters.step == loop.total
    if (mean := clock.mean_loss(is_last=is_last)) is not None:
        counters.losses.append([counters.step, mean])
        for member, value in clock.means_apart().items():
            counters.apart.setdefault(member, []).append([counters.step, value])
    if now - clock.shown_at > 0.5 or is_last:
        clock.shown_at = now
        figures = {"loss": loss, "examples/s": clock.examples_per_s}
        watch.report(Progress(watch.what, counters.step, loop.total, figures))


def _score(loop: Loop, dev: Callable[[], float], watch: Watch, stop: AbstractContextManager[None]) -> None:
    """Score the circuit in evaluation mode, which `stop` may interrupt, and remember its weights if the score is the best."""
    counters = loop.state.counters
    loop.circuit.eval()
    before = rng_state()
    try:
        with stop:
            value = dev()
    except KeyboardInterrupt:
        restore_rng(before)  # the score will be made again
        raise
    score = loop.ranks.agree(value)
    loop.circuit.train_mode(backbone_dropout=loop.train.backbone_dropout, recompute=loop.train.recompute)
    if watch.on_score is not None:
        watch.on_score(counters.step, score)
    if counters.take_score(score):
        loop.state.keep()


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
