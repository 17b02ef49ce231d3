"""State of a training run: what learns, the counters, what a checkpoint holds, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from toolkit.errors import ToolkitError
from toolkit.training.scaling import LossScale

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class FitResult:
    """Figures of a finished training run.

    Attributes:
        steps: optimiser steps taken.
        examples: rows (windows, for span tasks) seen.
        seconds: time in the loop, dev scores included, earlier tries counted in.
        examples_per_s: rows per second of training steps in this process.
        best_step, best_score: where the kept weights are from; None without a dev score.
        history: (step, dev score) in order.
        losses: (step, mean loss since the last entry) in order.
        apart: the same of each member of a mix, by its name; empty where there is one.
        peak_memory_bytes: largest resident size of this process (GPU: largest allocation).
        resumed_at: step of the checkpoint from which the run continued, 0 for a fresh run.
        skipped: steps of fp16 whose gradients were not finite, and which changed nothing; None in other precisions.
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
    skipped: int | None = None
    apart: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)

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
            apart={
                member: self.apart.get(member, ())
                + tuple((steps + step, loss) for step, loss in later.apart.get(member, ()))
                for member in dict.fromkeys((*self.apart, *later.apart))
            },
            peak_memory_bytes=max(self.peak_memory_bytes, later.peak_memory_bytes),
            skipped=None if later.skipped is None else (self.skipped or 0) + later.skipped,
            resumed_at=steps + later.resumed_at if later.resumed_at else self.resumed_at,
        )


@dataclass
class Counters:
    """Counters of a run, stored in every checkpoint under `state`.

    Attributes:
        stale: dev scores since the best one.
    """

    step: int = 0
    examples: int = 0
    seconds: float = 0.0
    stale: int = 0
    best_step: int | None = None
    best_score: float | None = None
    history: list[list[float]] = field(default_factory=list)
    losses: list[list[float]] = field(default_factory=list)
    apart: dict[str, list[list[float]]] = field(default_factory=dict)

    @property
    def scored_at(self) -> int | None:
        """Step of the last dev score."""
        return int(self.history[-1][0]) if self.history else None

    def take_score(self, score: float) -> bool:
        """Record the dev score of the current step; return whether it is the best, of equal ones the earliest."""
        self.history.append([self.step, score])
        if self.best_score is not None and score <= self.best_score:
            self.stale += 1
            return False
        self.best_score, self.best_step, self.stale = score, self.step, 0
        return True

    def is_over(self, total: int, patience: int) -> bool:
        """Whether all `total` steps are taken, or `patience` dev scores (0: any number) brought no gain."""
        return self.step >= total or bool(patience and self.stale >= patience)


@dataclass
class State:
    """Everything that a training step changes.

    Attributes:
        parameters: the parameters that learn, by `kind:name/key`.
        scale: of the losses.
        best: a copy of them at the best dev score; None before the first one.
    """

    parameters: Mapping[str, nn.Parameter]
    optimizer: AdamW
    schedule: LambdaLR
    scale: LossScale
    counters: Counters = field(default_factory=Counters)
    best: Weights | None = None

    def keep(self) -> None:
        """Remember the weights of now as the best."""
        self.best = self._weights()

    @torch.no_grad()
    def restore_best(self) -> None:
        """Put the best weights back; without a dev score the last ones stay."""
        if self.best is not None:
            for name, parameter in self.parameters.items():
                parameter.copy_(self.best[name])

    def to_checkpoint(self, rng: list[Any]) -> dict[str, Any]:
        """Return the content of a checkpoint, with the tensors that training changes; nothing is copied.

        Args:
            rng: state of the generators, which is that of every process.
        """
        is_best = self.best is not None and self.counters.best_step == self.counters.step
        return {
            "weights": self.best if is_best else {name: one.detach() for name, one in self.parameters.items()},
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": rng,
            # The losses of a mix are the one thing that 0.1.0 did not have.
            "state": {name: value for name, value in vars(self.counters).items() if name != "apart" or value},
            **({"scale": self.scale.to_checkpoint()} if self.scale.is_on else {}),
        }

    @torch.no_grad()
    def from_checkpoint(self, saved: Mapping[str, Any], folder: Path) -> None:
        """Continue from the content of the checkpoint in `folder`.

        Raises:
            ToolkitError: other parts learn in its run, or another version of the toolkit wrote it.
        """
        shapes = {name: parameter.shape for name, parameter in self.parameters.items()}
        known = {"weights", "best", "optimizer", "schedule", "rng", "state"} | (
            {"scale"} if self.scale.is_on else set()
        )
        if (
            saved.keys() != known
            or {name: tensor.shape for name, tensor in saved["weights"].items()} != shapes
            or {*saved["state"], "apart"} != {*vars(Counters())}
        ):
            raise ToolkitError(
                f"The checkpoint in {folder} is of a run in which other parts learn, or of another version of the toolkit; "
                "remove it to start this stage anew."
            )
        for name, parameter in self.parameters.items():
            parameter.copy_(saved["weights"][name])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.schedule.load_state_dict(saved["schedule"])
        self.scale.from_checkpoint(saved.get("scale", {}))
        self.best = saved["best"]
        self.counters = Counters(**saved["state"])

    def _weights(self) -> Weights:
        return {name: parameter.detach().cpu().clone() for name, parameter in self.parameters.items()}
