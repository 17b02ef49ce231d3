"""Processes of `sweep.py`, with the toolkit of either tree: the conductor of a large plan, and a model's own work.

python benchmarks/sweep_children.py plan FOLDER STEPS EVENTS
python benchmarks/sweep_children.py model FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SETTINGS = {"backbone": {"name": "tiny"}, "adapter": {"kind": "seq_bn"}}
RUNS = 4  # of the model; the first one is not counted


class _Enough(Exception):
    """As many events were heard as are looked at."""


class Heard:
    """Counts events up to a limit."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _Enough


class Engine(Heard):
    """Two workers of this build, each done at once."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        own, general = import_module("toolkit.recipes.sweep.messages"), import_module("toolkit.engine.messages")
        reports = [general.Progressed("train", at, 2) for at in (1, 2)]
        self.events = (general.Began("here", 1), *reports, own.StepDone("made", 0.1, 1.0, {}, "", ()))
        self.open: list[str] = []

    def count_workers(self) -> int:
        return 2

    def submit(self, key: str, job: Any) -> None:
        self.open.append(key)

    def revive(self) -> None: ...

    def hear(self, timeout_s: float) -> Iterator[tuple[str, Any]]:
        given, self.open = self.open, []
        for key in given:
            for event in self.events:
                self.count()
                yield key, event


class Pool(Heard):
    """Two workers of the older build, each done at once."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        result = {"outcome": "made", "seconds": 0.1, "peak_memory_mib": 1.0, "parents": {}, "folder": "", "scores": []}
        reports = [{"event": "progress", "what": "train", "done": at, "total": 2} for at in (0, 1, 2)]
        self.events = (*reports, {"event": "done", "result": result})
        self.workers = [SimpleNamespace(number=i, job=None, process=SimpleNamespace(pid=1)) for i in range(2)]

    def free(self) -> Any:
        return next((worker for worker in self.workers if worker.job is None), None)

    def give(self, worker: Any, job: Any, what: Any) -> None:
        worker.job = what

    def hear(self, timeout_s: float) -> Iterator[tuple[Any, Any]]:
        for worker in [one for one in self.workers if one.job is not None]:
            for event in self.events:
                self.count()
                yield worker, event


def plan(folder: Path, n_steps: int, limit: int) -> dict[str, float]:
    """Conduct a plan of chains of three stages, each with a cell, until so many events were heard."""
    from toolkit.sweeps import Planned, Step, Sweep, SweepFolder

    steps: list[Step] = []
    for i in range(n_steps // 2):
        key, below = f"{i:016x}", (f"{i - 1:016x}",) if i % 3 else ()
        steps.append(Step(key, "train", f"a{i}", 0, below, SETTINGS, ("micro-nli",), work="train pair", examples=20))
        scored: dict[str, Any] = {"task": "micro-nli", "languages": "en", "work": "evaluate pair", "examples": 20}
        steps.append(Step(f"{n_steps + i:016x}", "evaluate", f"a{i}", 0, (key,), SETTINGS, **scored))
    asked: tuple[Any, ...] = (Planned(Sweep("large", "Large", "", ()), tuple(steps)), SweepFolder(folder))
    try:
        conducting = import_module("toolkit.recipes.sweep.conductor")
    except ImportError:  # the older build
        conducting, engine = import_module("toolkit.recipes.sweep_conductor"), Pool(limit)
        conductor = conducting.Conductor(*asked, engine, "large", lambda progress: None, lambda text: None)
    else:
        told = import_module("toolkit.progress").Tell(lambda progress: None, lambda text: None)
        own = Engine(limit)
        shown = SimpleNamespace(count=own.count_workers, submit=own.submit, revive=own.revive, hear=own.hear)
        conductor = conducting.Conductor(*asked, shown, "large", told)
    began = time.process_time()
    with suppress(_Enough):
        conductor.run()
    taken = time.process_time() - began
    return {"ms": 1000 * taken / limit, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def model(folder: Path) -> float:
    """Return the processor seconds of a step in calls of the model: a stage and a scoring, on the rows of the sweep."""
    import torch

    from toolkit.config import from_dict
    from toolkit.modeling.circuit import Circuit
    from toolkit.recipes.score.evaluate import evaluate
    from toolkit.recipes.session.session import Session
    from toolkit.recipes.train.train import train

    spent, depth = [0.0], [0]

    def timed(owner: Any, name: str) -> None:
        call = getattr(owner, name)

        def own(*args: Any, **options: Any) -> Any:
            began = time.thread_time()
            depth[0] += 1
            try:
                return call(*args, **options)
            finally:
                depth[0] -= 1
                spent[0] += (time.thread_time() - began) * (depth[0] == 0)

        setattr(owner, name, own)

    for owner, name in ((Circuit, "answer"), (Circuit, "forward"), (torch.Tensor, "backward")):
        timed(owner, name)
    for i in range(RUNS):
        spent[0] *= i > 0
        learning = {"limit": 20, "epochs": 1, "batch_size": 20, "eval_limit": 20, "eval_every": 1, "seed": i}
        config = {
            "backbone": {"name": "tiny", "precision": "fp32"},
            "zoo": folder / f"zoo{i}",
            "run_dir": folder / f"runs{i}",
            "train": learning,
            "eval": {"limit": 20},
            "tracking": {"enabled": False},
        }
        train("micro-nli", Session.open(from_dict(config)))
        evaluate("micro-nli", Session.open(from_dict(config)), task="micro-nli", languages="en")
    return spent[0] / (2 * (RUNS - 1))


if __name__ == "__main__":
    what, place, *numbers = sys.argv[1:]
    print(json.dumps(plan(Path(place), *map(int, numbers)) if what == "plan" else model(Path(place))))
