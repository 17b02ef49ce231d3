"""Benchmark of an exported model: onnxruntime on one row at a time, over the circuit that it was exported from.

    python benchmarks/export.py --quick --json OUT      # tiny backbone, 10 repetitions
    python benchmarks/export.py --json OUT              # embedded backbone

`micro-nli` is trained on 64 generated rows and exported in fp32 and in int8. Each repetition answers one pair of 22 tokens and one
of 122 by the circuit in fp32, by the circuit in bf16 and by both files, in turn, each with the threads that torch has
(OMP_NUM_THREADS); processor seconds, medians. `onnx`: the file in fp32 over the circuit in fp32, the larger of both lengths
(target: at most 0.7). `onnx_over_bf16` and `int8_over_bf16` compare with the circuit in bf16, which is the default where the
processor multiplies bf16 itself.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from measure import write

import toolkit
from toolkit.config import Config
from toolkit.modeling.traced import Traced
from toolkit.recipes.export.model_file import Answer, open_model

LENGTHS = (22, 122)
TARGET = 0.7


def circuit(config: Config, precision: Literal["fp32", "bf16"]) -> Answer:
    """Return what the circuit answers in a precision."""
    in_precision = replace(config, backbone=replace(config.backbone, precision=precision))
    traced = Traced(toolkit.load("micro-nli", in_precision).module, "pair")

    def answer(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), traced.circuit.backbone.autocast():
            found: np.ndarray = traced(torch.from_numpy(ids), torch.from_numpy(mask)).float().numpy()
        return found

    return answer


def seconds(ways: dict[str, Answer], length: int, repetitions: int) -> dict[str, float]:
    """Return the median processor seconds of each way for one row, the first two times left out."""
    ids = np.random.default_rng(0).integers(5, 2000, (1, length))
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repetitions + 2):
        for name, way in ways.items():
            began = time.process_time()
            way(ids, np.ones_like(ids))
            taken[name].append(time.process_time() - began)
    return {name: statistics.median(each[2:]) for name, each in taken.items()}


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny backbone, 10 repetitions")
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--json", type=Path, help="where the ratios go")
    asked = parser.parse_args()
    backbone, repetitions = ("tiny", 10) if asked.quick else ("embedded", asked.repetitions)
    with tempfile.TemporaryDirectory() as root:
        folder, threads = Path(root), torch.get_num_threads()
        few = ("train.limit=64", "train.epochs=1", "train.eval_limit=8", "tracking.enabled=no")
        config = toolkit.configure(*few, backbone=backbone, zoo=folder / "zoo", run_dir=folder / "runs")
        toolkit.train("micro-nli", config)
        for name in ("fp32", "int8"):
            toolkit.export("micro-nli", config, out=folder / name, to="onnx", int8=name == "int8")
        ways: dict[str, Answer] = {
            "onnx": open_model(folder / "fp32", "pair", "onnx", threads=threads),
            "int8": open_model(folder / "int8", "pair", "onnx", threads=threads),
            "fp32": circuit(config, "fp32"),
            "bf16": circuit(config, "bf16"),
        }
        took = {length: seconds(ways, length, repetitions) for length in LENGTHS}
    pairs = {"onnx": ("onnx", "fp32"), "onnx_over_bf16": ("onnx", "bf16"), "int8_over_bf16": ("int8", "bf16")}
    ratios: dict[str, float] = {}
    for name, (one, other) in pairs.items():
        each = {f"{name}_{length}": took[length][one] / took[length][other] for length in LENGTHS}
        ratios |= {name: max(each.values()), **each}
    details = {"backbone": backbone, "repetitions": repetitions, "processor_ms": _milliseconds(took)}
    print(json.dumps({**ratios, **details}, indent=1))
    print(f"onnx: {ratios['onnx']:.2f} (target {TARGET})")
    if asked.json:
        write(asked.json, ratios=ratios, details=details)


def _milliseconds(took: dict[int, dict[str, float]]) -> dict[int, dict[str, float]]:
    return {length: {name: round(1000 * value, 1) for name, value in each.items()} for length, each in took.items()}


if __name__ == "__main__":
    main()
