"""Benchmark of the memory that `export --to onnx --int8` takes, on the shape of XLM-R Large.

    python benchmarks/export_memory.py --quick --json OUT                       # two layers, a small vocabulary
    python benchmarks/export_memory.py --old CHECKOUT --json OUT                # 24 layers: up to 8 GB of memory

A process of its own traces an encoder with random weights, an adapter and a head of pairs, and writes it in int8. `int8_memory` is
the peak of its resident memory over the size of the weights in fp32 (wanted: at most 2.2, the weights and what was folded);
with --old, a checkout of an earlier build, `int8_memory_over_old` is the peak over that build's.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import PROJECT, child, write

SHARE = 2**30


def status(name: str) -> int:
    """Return a size of this process, in bytes."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def exported(layers: int, vocabulary: int, folder: Path) -> dict[str, float]:
    """Export in this process; return the peak of its memory, the weights and the file, in GiB."""
    from fit_memory import encoder_of

    from toolkit.composition import parse
    from toolkit.modeling.circuit import Circuit
    from toolkit.modeling.heads import HeadSpec
    from toolkit.modeling.traced import Traced, trace, weight_bytes
    from toolkit.recipes.export.model_file import write_model

    labels = ("entailment", "neutral", "contradiction")
    circuit = Circuit(
        encoder_of(layers, "fp32", vocabulary=vocabulary), parse("mnli"), heads={"mnli": HeadSpec("pair", labels)}
    ).eval()
    circuit.fold()
    before = status("VmRSS")
    program = trace(Traced(circuit, "pair"))
    weights = weight_bytes(program)
    write_model(program, "pair", folder, form="onnx", int8=True)
    size = sum(path.stat().st_size for path in folder.iterdir())
    found = {"peak": status("VmHWM"), "before": before, "weights": weights, "file": size}
    return {name: round(value / SHARE, 3) for name, value in found.items()}


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two layers, a small vocabulary")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--vocabulary", type=int, default=250_002)
    parser.add_argument("--old", type=Path, help="a checkout of an earlier build")
    parser.add_argument("--json", type=Path, help="where the ratios go")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    layers, vocabulary = (2, 20_000) if asked.quick else (asked.layers, asked.vocabulary)
    if asked.child:
        print(json.dumps(exported(layers, vocabulary, asked.child)))
        return
    gib: dict[str, dict[str, float]] = {}
    for name, tree in {"now": PROJECT, **({"old": asked.old.resolve()} if asked.old else {})}.items():
        with tempfile.TemporaryDirectory() as folder:
            words = [str(Path(__file__).resolve()), "--child", folder, "--layers", str(layers)]
            gib[name] = child([*words, "--vocabulary", str(vocabulary)], Path(folder), tree=tree).found
    ratios = {"int8_memory": gib["now"]["peak"] / gib["now"]["weights"]}
    if "old" in gib:
        ratios["int8_memory_over_old"] = gib["now"]["peak"] / gib["old"]["peak"]
    details = {"layers": layers, "vocabulary": vocabulary, "gib": gib}
    print(json.dumps({**ratios, **details}, indent=1))
    if asked.json:
        write(asked.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
