"""Benchmark of `plan --memory`: the predicted peak of a training over the measured one, on the width of XLM-R Large.

    python benchmarks/predict_memory.py --quick --json OUT          # two cases, two layers
    python benchmarks/predict_memory.py --json OUT                  # all cases, four layers, at most 2 GB of memory
    python benchmarks/predict_memory.py --layers 24 --cases adapter-bf16 --json OUT

Every case is a process of its own that trains two steps and keeps its best weights. What it takes is the peak of its resident
memory above that before the encoder was made; random weights, and a small vocabulary, which the prediction knows of. Wanted
of each case: within 20 %, so that `predict_memory`, the largest of all ratios and their inverses, is at most 1.2.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

TARGET = 1.2
NINE = "fuse[a,b,c,d,e,f,g,h,i]/t"


@dataclass(frozen=True)
class Case:
    """A training: what, in which precision, and how many rows of how many tokens a step has."""

    text: str
    precision: str
    rows: int
    length: int
    recompute: bool = False
    is_full: bool = False


CASES = {
    "adapter-bf16": Case("t", "bf16", 16, 128),
    "adapter-bf16-long-recompute": Case("t", "bf16", 8, 384, recompute=True),
    "adapter-fp32": Case("t", "fp32", 32, 64),
    "chain-bf16": Case("a/b/t", "bf16", 32, 64),
    "three-fused-bf16": Case("fuse[a,b,c]/t", "bf16", 8, 256),
    "nine-fused-bf16": Case(NINE, "bf16", 16, 128),
    "nine-fused-bf16-recompute": Case(NINE, "bf16", 32, 128, recompute=True),
    "full-bf16": Case("t", "bf16", 4, 64, is_full=True),
    "full-bf16-large": Case("t", "bf16", 16, 128, is_full=True),
    "full-fp32-recompute": Case("t", "fp32", 16, 128, recompute=True, is_full=True),
}
QUICK = ("adapter-bf16", "three-fused-bf16")


def status(name: str) -> int:
    """Return a size of this process, in bytes."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def predicted(case: Case, layers: int) -> int:
    """Return the bytes that `plan --memory` adds to those of a bare process."""
    from toolkit.composition import parse
    from toolkit.composition.stages import plan
    from toolkit.recipes.train.memory import Arithmetic, Encoder, Held, predict_training

    encoder = Encoder(layers, 1024, 4096, 1000, 514)
    stage = plan(parse(case.text), holds=lambda entry: False)[-1]
    held = Held.of(stage.circuit, stage.learn, encoder, reduction_factor=16, is_full=case.is_full)
    how = Arithmetic(4 if case.precision == "fp32" else 2, "cpu", case.is_full, case.recompute)
    found = predict_training(encoder, held, how, tokens=case.rows * case.length)
    return found.peak - found.process


def measured(case: Case, layers: int) -> int:
    """Train two steps in this process, and return the bytes that it took for them."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    _trained(replace(case, rows=1, length=8), 1)  # what is imported and made once is a process's
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    _trained(case, layers)
    return status("VmHWM") - before


def _trained(case: Case, layers: int) -> None:
    from fit_memory import circuit_of, encoder_of

    from toolkit.config import TrainConfig
    from toolkit.features.collate import Features
    from toolkit.features.ragged import Ragged
    from toolkit.training import TaskData, fit

    n = 2 * case.rows
    ids = torch.randint(5, 1000, (n * case.length,), generator=torch.Generator().manual_seed(0)).numpy()
    rows = Ragged(ids.astype("int32"), torch.arange(0, n * case.length + 1, case.length).numpy())
    features = Features("pair", rows, torch.arange(n).numpy(), n, labels=(torch.arange(n) % 2).numpy())
    encoder = encoder_of(layers, case.precision, is_trainable=case.is_full)
    circuit, learn = circuit_of(case.text, encoder, is_full=case.is_full)
    train = TrainConfig(
        lr=1e-4, fusion_lr=1e-4, epochs=1.0, batch_size=case.rows, recompute=case.recompute, eval_every=1
    )
    with circuit:
        fit(circuit, learn, [TaskData("t", features)], train=train, dev=lambda: 0.5)


def _answer(name: str, layers: int, to: Any) -> None:
    to.put(measured(CASES[name], layers))


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two cases, two layers")
    parser.add_argument("--layers", type=int, default=4, help="layers; default: 4")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), help="default: all")
    parser.add_argument("--json", type=Path, help="where the figures go")
    asked = parser.parse_args()
    layers = 2 if asked.quick else asked.layers
    context = multiprocessing.get_context("spawn")
    found: dict[str, dict[str, Any]] = {}
    print(f"{'case':28} {'predicted':>10} {'measured':>10}  MiB, {layers} layers")
    for name in asked.cases or (QUICK if asked.quick else CASES):
        answers = context.Queue()
        process = context.Process(target=_answer, args=(name, layers, answers))
        process.start()
        seen = answers.get()
        process.join()
        said = predicted(CASES[name], layers)
        found[name] = {"predicted_mib": said / 2**20, "measured_mib": seen / 2**20, "ratio": said / seen}
        print(f"{name:28} {said / 2**20:10.0f} {seen / 2**20:10.0f}  {said / seen:.2f}", flush=True)
    worst = max(max(one["ratio"], 1 / one["ratio"]) for one in found.values())
    print(f"predict_memory {worst:.3f} (target {TARGET})")
    if asked.json:
        from measure import write

        write(asked.json, ratios={"predict_memory": worst}, details={"layers": layers, "cases": found})


if __name__ == "__main__":
    main()
