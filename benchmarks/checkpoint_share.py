"""Benchmark of checkpoints: share of a full fine-tuning that they cost, over that of an older build.

    python benchmarks/checkpoint_share.py --quick --old ../older --json OUT    # 2 layers of the width of XLM-R Large
    python benchmarks/checkpoint_share.py --old ../older --json OUT            # 6 layers: about 3 GB of memory

All of XLM-R Large learns, 2.2 GB of weights, does not fit here: an encoder of its width with fewer layers and a small vocabulary
learns, and the clock of 60 s is scaled by its bytes: 8 s for 6 layers. What a step of 4 x 64 tokens takes, and what a checkpoint
takes, shrink with the layers too, so that they keep their proportion to the clock.

Each repetition is a run of each tree in a process of its own, in turn, of whole periods from one checkpoint to the next; the run has
best weights. Lost are the seconds of the steps during which a checkpoint was written, above as many mean steps of the same run. The
share is what is lost over the whole time. `checkpoint_share` is the median of the shares over that of the tree which `--old` names
(target: at most 0.1). On a busy machine steps differ by more than that; `checkpoint_wait` is the same ratio of what the thread that
trains spends with checkpoints: in the older build copying and writing, here starting one, and waiting for the copy.
`checkpoint_work` is that of the processor seconds that all threads spend on checkpoints, over those of the whole process, which
other programs change least.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import threading
import time
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from measure import PROJECT, child, write

TARGET = 0.1
LARGE = 2_240_000_000  # bytes of the weights of XLM-R Large
CLOCK_S = 60.0
PERIODS = 2
ROWS, TOKENS = 4, 64


class _Enough(Exception):
    """The run has taken as many checkpoints as are looked at."""


def circuit_of(layers: int) -> Any:
    """Return a circuit in which everything learns, and the part that learns."""
    import adapters
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    from toolkit.composition import parse
    from toolkit.config import AdapterConfig
    from toolkit.modeling.backbone import Backbone
    from toolkit.modeling.circuit import Circuit
    from toolkit.modeling.heads import HeadSpec
    from toolkit.modeling.tiny import tiny_tokenizer

    config = XLMRobertaConfig(
        vocab_size=1000, hidden_size=1024, num_hidden_layers=layers, num_attention_heads=16, intermediate_size=4096,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
    )  # fmt: skip
    config._attn_implementation = "sdpa"
    torch.manual_seed(0)
    model = XLMRobertaModel(config, add_pooling_layer=False)
    adapters.init(model)
    own = dict(model.named_parameters())
    encoder = Backbone("random", model, tiny_tokenizer(), "", "fp32", torch.device("cpu"), True, own)
    try:
        plan = import_module("toolkit.composition.stages").plan
    except ImportError:  # of the older build
        plan = import_module("toolkit.plan").plan
    stage = plan(parse("t"), holds=lambda entry: False)[-1]
    heads = {"t": HeadSpec("pair", ("no", "yes"))}
    return Circuit(encoder, stage.circuit, heads=heads, adapter=AdapterConfig(kind="full")), stage.learn


class Watched:
    """Notes of a run, of either tree: when checkpoints begin and end, and what the thread that trains spends with them.

    Attributes:
        saves: when each checkpoint began and ended.
        waited: seconds of the thread that trains, by the number of checkpoints that had begun then.
        worked: processor seconds that were spent on each checkpoint, in whichever thread.
        spent: processor seconds of the process when each checkpoint began.
        settings: of training, for the scaled clock.
    """

    def __init__(self, clock_s: float) -> None:
        self.saves: list[list[float]] = []
        self.waited: list[float] = [0.0]
        self.worked: list[float] = [0.0]
        self.spent: list[float] = []
        self.settings: dict[str, Any] = {}
        self._is_inside = False  # a timed function calls another one
        module = import_module("toolkit.training.fit")
        try:
            saver, loop = import_module("toolkit.training.saver"), import_module("toolkit.training.loop")
        except ImportError:  # the older build
            vars(module).update(CHECKPOINT_S=clock_s, _scored_steps=lambda total, train: {1})
            self._time(module, "_copy")
            self._time(module, "save_checkpoint", begins=True, ends=True)
        else:
            self.settings["checkpoint_s"] = clock_s
            loop.Loop.scored_steps = lambda _: {1}
            for name in ("check", "wait", "release"):
                self._time(saver.Saver, name)
            self._time(saver.Saver, "start", begins=True)
            self._time(saver, "save_checkpoint", ends=True)
            self._time(saver, "_snapshot")

    def _time(self, place: Any, name: str, *, begins: bool = False, ends: bool = False) -> None:
        """Time a function; `begins`, `ends`: it begins a checkpoint, and a checkpoint is whole when it returns."""
        call = getattr(place, name)

        def timed(*args: Any, **options: Any) -> Any:
            began, worked = time.perf_counter(), time.thread_time()
            is_training = threading.current_thread() is threading.main_thread()
            is_outer, self._is_inside = is_training and not self._is_inside, self._is_inside or is_training
            if begins:
                self.saves.append([began])
                self.waited.append(0.0)
                self.worked.append(0.0)
                self.spent.append(time.process_time())
            found = call(*args, **options)
            now = time.perf_counter()
            if ends:
                self.saves[-1].append(now)
            if is_outer:
                self._is_inside = False
                self.waited[-1] += now - began
            if is_outer or not is_training:
                self.worked[-1] += time.thread_time() - worked
            return found

        setattr(place, name, timed)


def run(layers: int, folder: Path) -> dict[str, Any]:
    """Train until as many checkpoints are taken as are looked at, and return what was seen."""
    from toolkit.config import TrainConfig
    from toolkit.features import features_of
    from toolkit.tasks.rows import PairRow
    from toolkit.training import TaskData, fit

    circuit, learn = circuit_of(layers)
    weights = sum(one.numel() * one.element_size() for one in circuit.learnable(learn).values())
    clock_s = CLOCK_S * weights / LARGE
    notes, steps = Watched(clock_s), []

    def begins(module: Any, args: Any) -> None:
        if module.training:
            if len(notes.saves) > PERIODS + 1:
                raise _Enough
            steps.append(time.perf_counter())

    next(iter(circuit.heads.values())).register_forward_pre_hook(begins)
    rows = [PairRow(str(i), "a" * (TOKENS // 2), "b" * (TOKENS // 2), i % 2) for i in range(64)]
    data = [TaskData("t", features_of(rows, "pair", circuit.backbone.tokenizer))]
    train = TrainConfig(
        lr=1e-5,
        fusion_lr=1e-5,
        epochs=1.0,
        total_steps=10_000,
        batch_size=ROWS,
        checkpoint_every=10_000,
        **notes.settings,
    )
    with circuit, suppress(_Enough):
        fit(circuit, learn, data, train=train, dev=lambda: 0.5, checkpoint=folder)
    return {
        **lost(steps, notes),
        "clock_s": clock_s,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def lost(steps: list[float], notes: Watched) -> dict[str, Any]:
    """Return the share of the time between the second checkpoint and the last one that checkpoints cost.

    Args:
        steps: when each step began.
        notes: of the run.
    """
    held, last = [tuple(one) for one in notes.saves[1:-1]], notes.saves[-1][0]
    spans = [(a, b) for a, b in pairwise(steps) if b > held[0][0] and a < last]
    # The last one is of the next period: what follows its beginning does not count.
    spans = [(a, b) for a, b in spans if not a < last < b]
    touched = [b - a for a, b in spans if any(begin < b and a < end for begin, end in held)]
    quiet = [b - a for a, b in spans if not any(begin < b and a < end for begin, end in held)]
    seconds = sum(touched) - len(touched) * statistics.fmean(quiet)
    whole = sum(touched) + sum(quiet)
    return {
        "share": seconds / whole,
        "lost_s": seconds / len(held),
        "waited_s": sum(notes.waited[2:-1]) / len(held),
        "work": sum(notes.worked[2:-1]) / (notes.spent[-1] - notes.spent[1]),
        "period_s": whole / len(held),
        "writing_s": statistics.fmean(end - begin for begin, end in held),
        "step_s": statistics.fmean(quiet),
        "steps": (len(touched), len(quiet)),
    }


def measured(tree: Path, layers: int, folder: Path) -> dict[str, Any]:
    """Return what a process of a tree has seen."""
    words = [str(Path(__file__).resolve()), "--child", str(folder), "--layers", str(layers)]
    found: dict[str, Any] = child(words, folder.parent, tree=tree).found
    return found


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 layers, 1 repetition")
    parser.add_argument("--old", type=Path, help="a tree of an older build")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where the ratios go")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(run(asked.layers, asked.child)))
        return
    if asked.old is None:
        parser.error("--old TREE is needed")
    layers, repetitions = (2, 1) if asked.quick else (asked.layers, asked.repetitions)
    trees = {"here": PROJECT, "old": asked.old.resolve()}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in trees}
    for _ in range(repetitions):
        for name, tree in trees.items():
            with tempfile.TemporaryDirectory() as root:
                found[name].append(measured(tree, layers, Path(root) / "checkpoints"))
                print(f"{name}: {json.dumps(found[name][-1])}", flush=True)
    here, old = (statistics.median(one["share"] for one in found[name]) for name in trees)
    print(f"checkpoint_share {here / old:.3f} (target {TARGET}): {here:.1%} and {old:.1%} of the time")
    waits = [statistics.median(one["waited_s"] / one["period_s"] for one in found[name]) for name in trees]
    print(f"checkpoint_wait {waits[0] / waits[1]:.3f}: {waits[0]:.2%} and {waits[1]:.2%} of the time")
    works = [statistics.median(one["work"] for one in found[name]) for name in trees]
    print(f"checkpoint_work {works[0] / works[1]:.3f}: {works[0]:.2%} and {works[1]:.2%} of the processor time")
    if asked.json:
        details = {"layers": layers, "repetitions": repetitions, "runs": found}
        ratios = {"share": here / old, "wait": waits[0] / waits[1], "work": works[0] / works[1]}
        write(asked.json, ratios={f"checkpoint_{name}": value for name, value in ratios.items()}, details=details)


if __name__ == "__main__":
    main()
