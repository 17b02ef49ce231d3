"""Shares of a step's batch that fit into memory: what `train.batch_size=auto` finds.

However a batch is cut, a step is that of the whole (docs/decisions/0049-parts-of-a-batch.md), so what is found here is on the
card and not in the key of a stage (docs/decisions/0060-batches-that-fit.md).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from toolkit.composition import Part
from toolkit.config import TrainConfig
from toolkit.errors import is_out_of_memory
from toolkit.free_memory import free_memory
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HEADS
from toolkit.ranks import Ranks
from toolkit.recipes.train.auto import with_shares
from toolkit.recipes.train.kept import Arithmetic, Encoder, Held, Step
from toolkit.recipes.train.memory import USED, most_tokens
from toolkit.training import TaskData, plan_run
from toolkit.training.loop import Loop
from toolkit.training.seeding import restore_rng, rng_state

_UNKNOWN = 2**50  # where the system does not say how much is free


@dataclass(frozen=True)
class Batches:
    """Sizes of a run's batches.

    Attributes:
        items: of each batch.
        each: tokens that an item takes, padding included.
        processes: that share each batch.
    """

    items: np.ndarray
    each: np.ndarray
    processes: int

    @classmethod
    def of(cls, data: Sequence[TaskData], train: TrainConfig, *, processes: int) -> Batches:
        """Return the sizes of the batches of a run."""
        batches = plan_run(data, train, processes=processes).batches
        lengths, widths = [one.features.lengths for one in data], [one.features.widths for one in data]
        queries = [
            one.features.extra["queries"].lengths
            if "queries" in one.features.extra
            else np.zeros(len(one.features), int)
            for one in data
        ]
        each = [lengths[t][i].max() * widths[t][i].max() + queries[t][i].max() for t, i in batches]
        return cls(np.array([len(items) for _, items in batches]), np.array(each), processes)

    def tokens(self, n_shares: int) -> np.ndarray:
        """Return the tokens of the largest share of each batch, where every process takes so many."""
        found: np.ndarray = -(-self.items // (n_shares * self.processes)) * self.each
        return found

    def cuts(self) -> Iterator[int]:
        """Yield numbers of shares, each twice the one before, until a share is one item."""
        n_shares = 1
        while True:
            yield n_shares
            if n_shares * self.processes >= self.items.max():
                return
            n_shares *= 2


def found_shares(
    circuit: Circuit, learn: Sequence[Part], data: Sequence[TaskData], train: TrainConfig, ranks: Ranks
) -> int:
    """Return into how many shares this process has to cut its part of a step's batch; as few as fit.

    On a GPU the largest share of the run is tried, with room for the optimizer's state; on a CPU, where memory that is used
    up ends the process, it is reckoned from the shape of the circuit.
    """
    batches = Batches.of(data, train, processes=ranks.count)
    if circuit.backbone.device.type == "cpu":
        most = tokens_that_fit(circuit, learn, data, train, ranks)
        return first_that_fits(batches.cuts(), lambda n: int(batches.tokens(n).max()) <= most)
    return first_that_fits(
        batches.cuts(), lambda n: fits(circuit, learn, data, train, n * ranks.count, int(batches.tokens(n).argmax()))
    )


def fitted(circuit: Circuit, learn: Sequence[Part], data: Sequence[TaskData], train: TrainConfig) -> TrainConfig:
    """Return settings without `auto` for a training in this process alone."""
    if train.batch_size != "auto":
        return train
    return with_shares(train, found_shares(circuit, learn, data, train, Ranks()))


def first_that_fits(cuts: Iterator[int], is_enough: Callable[[int], bool]) -> int:
    """Return the first number of shares that is enough; the last where none is, and training says so."""
    n_shares = 1
    for n_shares in cuts:
        if is_enough(n_shares):
            break
    return n_shares


def tokens_that_fit(
    circuit: Circuit, learn: Sequence[Part], data: Sequence[TaskData], train: TrainConfig, ranks: Ranks
) -> int:
    """Return how many tokens at a time the free memory of this machine holds, which its processes share."""
    encoder = Encoder.of(circuit.backbone.model.config.to_dict())
    has_text = any(one.masks is not None for one in data)
    learns_masked = has_text and any(
        name.startswith("head:") and name.endswith("/bias") for name in circuit.learnable(learn)
    )
    held = Held.of(circuit.composition, learn, encoder, circuit.adapter, learns_masked=learns_masked)
    how = Arithmetic(
        number=4 if circuit.backbone.precision == "fp32" else 2,
        is_full=circuit.is_full,
        recompute=train.recompute,
        kernel="plain" if train.backbone_dropout else circuit.backbone.kernel,
    )
    step = Step(
        tokens=0,
        length=max(int(one.features.lengths.max()) for one in data),
        reads_first=all(HEADS[one.features.kind].reads_first for one in data),
        masked=train.mask_rate if has_text else 0.0,
        is_cut=True,
    )
    n_here = int(os.environ.get("LOCAL_WORLD_SIZE", ranks.count)) if ranks.count > 1 else 1
    free = free_memory()
    room = _UNKNOWN if free is None else int(USED * free / n_here)
    return most_tokens(encoder, held, how, step, room=room, is_loaded=True)


def fits(
    circuit: Circuit, learn: Sequence[Part], data: Sequence[TaskData], train: TrainConfig, n_shares: int, batch: int
) -> bool:
    """Return whether one batch of a run can be learnt from in so many shares; the circuit and the generators stay as they were."""
    before = rng_state()
    alone = replace(train, accumulate=n_shares, batch_size=1)
    loop = Loop(circuit, learn, data, alone, ranks=Ranks())
    circuit.train_mode(backbone_dropout=train.backbone_dropout, recompute=train.recompute)
    try:
        learnt = sum(parameter.numel() for parameter in loop.state.parameters.values())
        room = torch.empty(2 * learnt, dtype=torch.float32, device=loop.device)  # of the optimizer's state
        loop.gradients(*loop.planned.batches[batch])
        del room
    except (RuntimeError, MemoryError) as fault:
        if not is_out_of_memory(fault):
            raise
        return False
    finally:
        for parameter in circuit.parameters():
            parameter.grad = None
        circuit.eval()
        restore_rng(before)
        if loop.device.type == "cuda":
            torch.cuda.empty_cache()
    return True
