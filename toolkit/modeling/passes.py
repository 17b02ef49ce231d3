"""Forward passes over many items, shared among the processes of a run: each takes its share of the batches.

The main process leads: it makes the batches, sends them, and gets every output back, so that what it computes from them is the
same to the bit as alone. The others follow (`Follower`): they hold the same circuit and do as they are asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from toolkit.errors import ToolkitError
from toolkit.features.collate import Features
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.memory import SMALLER_PASSES, within_memory
from toolkit.progress import Progress, Report, silent
from toolkit.ranks import Ranks

Step = Callable[..., Any]
"""(circuit, collated batch on its device, **options) -> what leaves the process: arrays on the processor."""


@dataclass(frozen=True)
class Passes:
    """What is computed of every batch.

    Attributes:
        step: a function of a module, so that another process finds it by its name.
        options: keyword arguments of it.
        what: name of the work in progress reports.
        unit: what an item is called there.
    """

    step: Step
    options: Mapping[str, Any]
    what: str = "predict"
    unit: str = "examples"


def outputs(
    passes: Passes, circuit: Circuit, features: Features, batches: Sequence[np.ndarray], *, report: Report = silent
) -> Iterator[tuple[np.ndarray, Any]]:
    """Yield (items, output) for each batch, in any order; other processes that follow take their shares.

    Args:
        batches: numbers of items; which are together in one does not depend on the number of processes.

    Raises:
        ToolkitError: of a step, in any of the processes.
    """
    circuit.eval()
    ranks = circuit.ranks
    if ranks.count == 1:
        yield from _own(passes, circuit, features, batches, report)
        return
    ranks.broadcast(_Share(passes, features, list(batches)))
    parts = ranks.gather(_tried(passes, circuit, features, batches[:: ranks.count], report))
    for part in parts:
        if isinstance(part, BaseException):
            raise part
    for part in parts:
        yield from part


def _own(
    passes: Passes, circuit: Circuit, features: Features, batches: Sequence[np.ndarray], report: Report
) -> Iterator[tuple[np.ndarray, Any]]:
    device = circuit.backbone.device
    total, done, shown, began = sum(map(len, batches)), 0, 0.0, time.perf_counter()
    for items in batches:
        with torch.inference_mode(), within_memory(f"a batch of {passes.unit}", SMALLER_PASSES, device):
            batch = {key: torch.from_numpy(value).to(device) for key, value in features.collate(items).items()}
            found = passes.step(circuit, batch, **passes.options)
        yield items, found
        done += len(items)
        now = time.perf_counter()
        if now - shown > 0.5 or done == total:
            shown = now
            report(Progress(passes.what, done, total, {f"{passes.unit}/s": done / max(now - began, 1e-9)}))


def _tried(
    passes: Passes, circuit: Circuit, features: Features, batches: Sequence[np.ndarray], report: Report
) -> list[tuple[np.ndarray, Any]] | Exception:
    """Return the outputs, or the fault that the main process raises for all."""
    try:
        return list(_own(passes, circuit, features, batches, report))
    except ToolkitError as fault:
        return fault


# -- the others -------------------------------------------------------------------------------------------------------


class Message(Protocol):
    """What the main process asks of the others."""

    def do(self, follower: Follower) -> None:
        """Do it."""
        ...


@dataclass(frozen=True)
class End:
    """The end of what is followed, with its result."""

    result: Any = None


@dataclass
class Follower:
    """A process that does as the main one asks.

    Attributes:
        ranks: of the run.
        circuit: that it holds, wired as the main process has wired it.
    """

    ranks: Ranks
    circuit: Circuit | None = None

    def follow(self) -> Any:
        """Do what is asked until the end of it, and return the result."""
        while True:
            message: Message | End = self.ranks.broadcast()
            if isinstance(message, End):
                return message.result
            message.do(self)

    def hold(self, wire: Callable[[], Circuit]) -> Circuit:
        """Hold another circuit in place of the one before."""
        self.close()
        self.circuit = wire()
        return self.circuit

    def close(self) -> None:
        """Take the circuit out of its backbone."""
        held, self.circuit = self.circuit, None
        if held is not None:
            held.close()


@dataclass(frozen=True)
class _Share:
    """A share of the batches for each process."""

    passes: Passes
    features: Features
    batches: list[np.ndarray]

    def do(self, follower: Follower) -> None:
        """Compute this process's share with the circuit that it holds."""
        assert follower.circuit is not None
        follower.circuit.eval()
        own = self.batches[follower.ranks.rank :: follower.ranks.count]
        follower.ranks.gather(_tried(self.passes, follower.circuit, self.features, own, silent))
