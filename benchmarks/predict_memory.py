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
import ctypes
import gc
import multiprocessing
import re
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from toolkit.config.words import AskedKernel
    from toolkit.tasks.kinds import Kind
    from toolkit.training import TaskData

TARGET = 1.2
VOCABULARY = 50_000  # where a head of texts goes through it
NINE = "fuse[a,b,c,d,e,f,g,h,i]/t"


@dataclass(frozen=True)
class Case:
    """A training.

    Attributes:
        text: what is trained.
        precision: of its products.
        rows, length: how many rows a step has, and of how many tokens.
        kernel: of frozen layers; `auto` takes what is fastest here in bf16.
        shares: into how many parts a step's rows are cut.
        kinds: of the tasks that are learnt from, one after another.
        saves: whether a checkpoint is written after every step.
    """

    text: str
    precision: str
    rows: int
    length: int
    recompute: bool = False
    is_full: bool = False
    kernel: AskedKernel = "auto"
    shares: int = 1
    kinds: tuple[Kind, ...] = ("pair",)
    saves: bool = False


TEXT, TEXT_MIX = ("text",), ("pair", "text")
CASES = {
    "adapter-bf16": Case("t", "bf16", 16, 128),
    "adapter-bf16-plain": Case("t", "bf16", 16, 128, kernel="plain"),
    "adapter-bf16-long-recompute": Case("t", "bf16", 8, 384, recompute=True),
    "adapter-bf16-cut": Case("t", "bf16", 64, 128, shares=4),
    "adapter-fp32": Case("t", "fp32", 32, 64),
    "chain-bf16": Case("a/b/t", "bf16", 32, 64),
    "three-fused-bf16": Case("fuse[a,b,c]/t", "bf16", 8, 256),
    "nine-fused-bf16": Case(NINE, "bf16", 16, 128),
    "nine-fused-bf16-plain": Case(NINE, "bf16", 16, 128, kernel="plain"),
    "nine-fused-bf16-recompute": Case(NINE, "bf16", 32, 128, recompute=True),
    "nine-fused-bf16-saved": Case(NINE, "bf16", 16, 128, saves=True),
    "text-bf16": Case("t", "bf16", 32, 128, kinds=TEXT),
    "text-fp32": Case("t", "fp32", 16, 128, kinds=TEXT),
    "text-bf16-many": Case("t", "bf16", 96, 128, kinds=TEXT, recompute=True),
    "mix-bf16": Case("mix[t,u]", "bf16", 32, 128, kinds=TEXT_MIX),
    "text-full-bf16": Case("t", "bf16", 16, 128, kinds=TEXT, is_full=True),
    "full-bf16": Case("t", "bf16", 4, 64, is_full=True),
    "full-bf16-large": Case("t", "bf16", 16, 128, is_full=True),
    "full-bf16-cut": Case("t", "bf16", 32, 128, is_full=True, shares=2),
    "full-bf16-saved": Case("t", "bf16", 16, 128, is_full=True, saves=True),
    "full-fp32-recompute": Case("t", "fp32", 16, 128, recompute=True, is_full=True),
}
QUICK = ("adapter-bf16", "three-fused-bf16")


def status(name: str) -> int:
    """Return a size of this process, in bytes."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def vocabulary(case: Case) -> int:
    """Return how many pieces there are: a head of texts takes all of them."""
    return VOCABULARY if "text" in case.kinds else 1000


def predicted(case: Case, layers: int) -> int:
    """Return the bytes that `plan --memory` adds to those of a bare process."""
    from toolkit.composition import parse
    from toolkit.composition.stages import plan
    from toolkit.config import AdapterConfig
    from toolkit.modeling.measured import likely_kernel
    from toolkit.recipes.train.kept import Arithmetic, Encoder, Held, Step
    from toolkit.recipes.train.memory import predict_training

    encoder = Encoder(layers, 1024, 4096, vocabulary(case), 514, 16)
    stage = plan(parse(case.text), holds=lambda entry: False)[-1]
    has_text = "text" in case.kinds
    adapter = AdapterConfig(kind="full" if case.is_full else "seq_bn")
    held = Held.of(stage.circuit, stage.learn, encoder, adapter, learns_masked=has_text)
    kernel = case.kernel
    if kernel == "auto":
        kernel = "plain" if case.precision == "fp32" or case.is_full else likely_kernel(64)
    how = Arithmetic(4 if case.precision == "fp32" else 2, "cpu", case.is_full, case.recompute, kernel)
    tokens = -(-case.rows // case.shares) * case.length
    step = Step(tokens, case.length, case.kinds == ("pair",), 0.15 if has_text else 0.0, case.shares > 1)
    found = replace(predict_training(encoder, held, how, step), loading=0)  # nothing is loaded here
    return (found if case.saves else replace(found, checkpoint=0)).peak - found.process


def measured(case: Case, layers: int) -> int:
    """Train some steps in this process, and return the bytes that it took for them."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    _trained(replace(case, rows=case.shares, length=8, saves=False), 1)  # what is imported and made once is a process's
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    _trained(case, layers)
    return status("VmHWM") - before


def _trained(case: Case, layers: int) -> None:
    from fit_memory import circuit_of, encoder_of

    from toolkit.config import TrainConfig
    from toolkit.training import fit

    encoder = encoder_of(
        layers,
        case.precision,
        is_trainable=case.is_full,
        vocabulary=vocabulary(case),
        kernel=case.kernel if case.precision == "bf16" or case.kernel != "auto" else "plain",
    )
    circuit, learn = circuit_of(case.text, encoder, is_full=case.is_full, kinds=case.kinds)
    train = TrainConfig(
        lr=1e-4,
        fusion_lr=1e-4,
        epochs=1.0,
        batch_size=case.rows // case.shares,
        accumulate=case.shares,
        recompute=case.recompute,
        eval_every=1,
        checkpoint_every=1 if case.saves else 1000,
    )
    scores = iter(range(0, -100, -1))  # the first weights are the best
    with circuit, tempfile.TemporaryDirectory() as folder:
        data = [_rows(case, kind, head) for kind, head in zip(case.kinds, circuit.answers, strict=True)]
        to = Path(folder) if case.saves else None
        fit(circuit, learn, data, train=train, dev=lambda: float(next(scores)), checkpoint=to)


def _rows(case: Case, kind: Kind, head: str) -> TaskData:
    """Return rows of three steps, of two in a mix."""
    from toolkit.features.collate import Features
    from toolkit.features.masks import Masks, Pieces
    from toolkit.features.ragged import Ragged
    from toolkit.training import TaskData

    n = case.rows * (3 if len(case.kinds) == 1 else 2)
    ids = torch.randint(5, 1000, (n * case.length,), generator=torch.Generator().manual_seed(0)).numpy()
    rows = Ragged(ids.astype("int32"), torch.arange(0, n * case.length + 1, case.length).numpy())
    numbers = torch.arange(n).numpy()
    if kind == "pair":
        return TaskData(head, Features(kind, rows, numbers, n, labels=(numbers % 2)))
    is_special = torch.arange(vocabulary(case)).lt(5).numpy()
    pieces = Pieces(4, ("x",) * len(is_special), is_special, ~is_special)
    return TaskData(head, Features(kind, rows, numbers, n), masks=Masks(pieces, 0.15, False, 0))


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
