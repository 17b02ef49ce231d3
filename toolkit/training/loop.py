"""Optimiser steps of one training run: batches, losses and gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from toolkit.composition import Part
from toolkit.config import TrainConfig
from toolkit.errors import ToolkitError
from toolkit.features.collate import IGNORED, Batch, Features
from toolkit.features.masks import Masks
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.learn import item_losses, unfreeze_exactly, units_per_item
from toolkit.modeling.memory import within_memory
from toolkit.ranks import Ranks
from toolkit.training.batches import Planned, plan_batches
from toolkit.training.checkpoint import load_checkpoint
from toolkit.training.contrast import IS_CONTRASTED, contrasted
from toolkit.training.optimizer import build_optimizer, linear_schedule
from toolkit.training.ranks import add_gradients
from toolkit.training.saver import Saver
from toolkit.training.scaling import MOST_HALVINGS, LossScale
from toolkit.training.seeding import derived_seed, restore_rng, rng_state
from toolkit.training.split import Share, shares_of
from toolkit.training.state import State

Loss = Callable[[dict[str, Tensor], Batch | None], Tensor]
"""Of a collated batch on the device, its mean loss per item; of a share of a batch (then the whole is given), its share of that."""


@dataclass(frozen=True)
class TaskData:
    """One task's training rows and the head that answers them.

    Attributes:
        count: rows per epoch, of a mixture; default: all of them, once.
        loss: of a batch, in place of the cross-entropy of its labels, which are then not read (distillation).
        masks: of texts, what is guessed in each step; then the loss is the mean over the masked pieces of a batch.
        name: of the rows, `TASK` or `TASK.LANGUAGE`, by which the draws of several tasks are seeded; default: the head's.
        member: of the mix, whose losses are reported apart; several rows may be of one.
    """

    head: str
    features: Features
    count: int | None = None
    loss: Loss | None = None
    name: str = ""
    masks: Masks | None = None
    member: str = ""


def plan_run(data: Sequence[TaskData], train: TrainConfig, *, processes: int = 1) -> Planned:
    """Return the batches of a run, one a step; the processes share each."""
    assert train.epochs != "auto"
    return plan_batches(
        [one.features for one in data],
        batch_size=train.rows_of_step(processes),
        seed=derived_seed(train.seed, "order") % 2**32,
        epochs=train.epochs,
        total_steps=train.total_steps,
        counts=[one.count for one in data],
        names=[one.name or one.head for one in data],
    )


def with_epochs(train: TrainConfig, planned: Planned) -> TrainConfig:
    """Return the settings with the epochs that `total_steps` comes to; without `total_steps` as they are."""
    return train if train.total_steps is None else replace(train, epochs=round(planned.epochs, 4))


class Loop:
    """The steps of one run over planned batches; the settings hold no `auto` any more.

    Attributes:
        planned: the batches in order, one a step.
        total: optimiser steps of the whole run.
        rows: rows of mean length that a step's batch holds, of all processes together.
        saver: writes checkpoints, in the main process.
        is_stopping: whether a process was asked to stop before the last step; all of them know.
    """

    def __init__(
        self,
        circuit: Circuit,
        learn: Sequence[Part],
        data: Sequence[TaskData],
        train: TrainConfig,
        *,
        ranks: Ranks | None = None,
    ) -> None:
        if train.lr == "auto" or train.fusion_lr == "auto" or train.epochs == "auto":
            raise AssertionError("`auto` settings are resolved before training")
        self.circuit, self.learn, self.data, self.train = circuit, learn, data, train
        self.device = circuit.backbone.device
        self.ranks = ranks or Ranks.here()
        parameters = circuit.learnable(learn)
        unfreeze_exactly(circuit, parameters)
        optimizer = build_optimizer(
            parameters, lr=train.lr, fusion_lr=train.fusion_lr, weight_decay=train.weight_decay, device=self.device
        )
        self.planned = plan_run(data, train, processes=self.ranks.count)
        self.total = len(self.planned.batches)
        schedule = linear_schedule(optimizer, total_steps=self.total, warmup_ratio=train.warmup_ratio)
        self.state = State(parameters, optimizer, schedule, LossScale(circuit.backbone.precision, self.device))
        self.saver = Saver()
        self.is_stopping = False
        self.rows = train.rows_of_step(self.ranks.count)
        self.units = [self.rows * units_per_item(one.features) for one in data]

    def scored_steps(self) -> set[int]:
        """Return the steps after which the dev set is scored: every `eval_every`, or at the end of each pass; and the last."""
        if every := self.train.eval_every:
            return {*range(every, self.total, every), self.total}
        return {*self.planned.ends, self.total}

    @property
    def member_of_last(self) -> str:
        """Member of the mix whose rows the last step was on; empty where there is one."""
        members = {one.member for one in self.data}
        task, _ = self.planned.batches[self.state.counters.step - 1]
        return self.data[task].member if len(members) > 1 else ""

    def step(self, *, is_asked: bool = False) -> tuple[float, int]:
        """Take the next step.

        Args:
            is_asked: whether this process was asked to stop; `is_stopping` is set in all processes then.

        Returns:
            The mean loss per row (of texts: per masked piece), and the rows.

        Raises:
            ToolkitError: the loss is not finite; in fp16 that of many steps in a row.
        """
        state, train = self.state, self.train
        task, items = self.planned.batches[state.counters.step]
        within = partial(
            within_memory,
            f"step {state.counters.step + 1} of '{self.circuit.composition}'",
            self._smaller(),
            self.device,
        )
        with within():
            value = self.gradients(task, items)
        parameters = list(state.parameters.values())
        value, self.is_stopping = add_gradients(self.ranks, parameters, loss=value, is_asked=is_asked)
        if not state.scale.is_on and not math.isfinite(value):
            raise ToolkitError(
                f"The loss of '{self.circuit.composition}' is {value} at step {state.counters.step}; lower --set train.lr "
                f"(now {train.lr:g}) or use --precision fp32; the last checkpoint is kept."
            )
        state.scale.unscale(state.optimizer)
        if train.grad_clip > 0:
            torch.nn.utils.clip_grad_norm_(parameters, train.grad_clip)
        self.saver.release()
        with within():  # the first step makes the optimizer's state
            is_taken = state.scale.step(state.optimizer)
        if not is_taken and state.scale.in_a_row >= MOST_HALVINGS:
            raise ToolkitError(
                f"The loss of '{self.circuit.composition}' or its gradients are not finite in fp16 at step {state.counters.step}, although "
                f"its scale was halved {state.scale.in_a_row} times in a row to {state.scale.value:g}; use --precision fp32, or lower "
                f"--set train.lr (now {train.lr:g}); the last checkpoint is kept."
            )
        state.schedule.step()
        state.optimizer.zero_grad(set_to_none=True)
        state.counters.step += 1
        state.counters.examples += len(items)
        return value if self.data[task].masks else value * self.rows / len(items), len(items)

    def gradients(self, task: int, items: np.ndarray) -> float:
        """Leave the gradients of this process's shares of a batch, and return their loss."""
        ranks, one = self.ranks, self.data[task]
        whole = one.features.collate(items)
        if one.masks is not None:
            whole = one.masks.apply(whole, self.state.counters.step)
        shares = shares_of(len(items), self.train.accumulate, rank=ranks.rank, processes=ranks.count)
        if IS_CONTRASTED[one.features.kind] and not shares[0].is_whole:
            value = contrasted(
                self.circuit, one.head, whole, shares, ranks=ranks, units=self.units[task], scale=self.state.scale
            )
            self._add_penalty()
            return value
        value, before = 0.0, None if shares[0].is_whole else rng_state()
        for number, share in enumerate(shares):
            if number and before is not None:
                restore_rng(before)  # what dropout draws is drawn for the whole batch
            with share.draws():
                loss = self._loss(task, whole, share)
                penalty = self.circuit.regularisation(self.learn) if ranks.is_main and number == 0 else None
                torch.autograd.backward(self.state.scale.of(loss if penalty is None else loss + penalty))
            value += float(loss.detach())
        return value

    def _smaller(self) -> str:
        """Return the settings that take less memory."""
        train = self.train
        ways = []
        if isinstance(train.batch_size, int) and train.batch_size > 1:
            rows = train.batch_size // 2
            times = -(-train.batch_size * train.accumulate // rows)
            also = f" --set train.accumulate={times}" if train.effective_batch is None else ""
            ways.append(f"--set train.batch_size={rows}{also} takes the same steps in less memory")
        if not train.recompute:
            ways.append("--set train.recompute=true keeps about a fifth of it a token")
        ways = ways or ["lower --set train.max_length, or take a smaller --backbone"]
        return ", and ".join(ways) + "; a checkpoint that is there is continued"

    def _add_penalty(self) -> None:
        if self.ranks.is_main and (penalty := self.circuit.regularisation(self.learn)) is not None:
            torch.autograd.backward(self.state.scale.of(penalty))

    def save(self) -> None:
        """Begin to write a checkpoint, unless there is one of this step or no step was taken.

        Raises:
            ToolkitError: the one before could not be written.
        """
        if self.state.counters.step not in (0, self.saver.step):
            self.saver.start(self.state.to_checkpoint([rng_state()]))

    def save_last(self) -> None:
        """Write the checkpoint of the step at which every process stops, and wait until it is whole.

        Raises:
            ToolkitError: it could not be written.
        """
        self.save()
        self.saver.wait()
        self.saver.saved_step = self.ranks.broadcast(self.saver.saved_step)

    def resume(self, folder: Path | None) -> None:
        """Seed the generators, and continue from the checkpoint in `folder` (None: nowhere) if there is one.

        Raises:
            ToolkitError: the checkpoint is damaged, or of another run.
        """
        torch.manual_seed(derived_seed(self.train.seed, "dropout 0"))
        self.saver = Saver(folder if self.ranks.is_main else None)
        saved = self.ranks.broadcast(load_checkpoint(folder) if folder is not None and self.ranks.is_main else None)
        if folder is None or saved is None:
            return
        self.state.from_checkpoint(saved, folder)
        restore_rng(saved["rng"][0])  # processes draw the same
        self.saver.resumed(saved["state"])

    def _loss(self, task: int, whole: Batch, share: Share) -> Tensor:
        """Return the loss of a share of a batch, in the unit of a batch of the mean size."""
        one = self.data[task]
        batch = to_device(share.of(whole), self.device)
        if one.loss is not None:
            loss = one.loss(batch, None if share.is_whole else whole) * share.n_items / self.rows
        else:
            logits = self.circuit(batch, one.head)
            units = self.units[task] if one.masks is None else max(int((whole["tags"] != IGNORED).sum()), 1)
            loss = item_losses(one.features.kind, logits, batch).sum() / units
        return loss if share.weight == 1.0 else loss * share.weight


def to_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """Return a collated batch as tensors on `device`."""
    return {key: torch.from_numpy(value).to(device) for key, value in batch.items()}
