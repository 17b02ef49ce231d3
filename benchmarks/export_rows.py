"""Benchmark of exported models on real rows: the same answers as the circuit, and what int8 costs.

    python benchmarks/export_rows.py --data-root MIRROR --json OUT      # embedded backbone, hours on two cores
    python benchmarks/export_rows.py --quick --json OUT                 # tiny backbone, generated rows, a minute

An adapter of each kind is trained for a moment, and a fusion of two others below it. Each is exported in fp32 and its file
answers `--rows` rows that it was not trained on: `same_KIND` is the share of the circuit's answers that the file gives
(target: 1), and `logits_KIND` the largest difference of what the head computes on these rows (target: below 1e-4). Each is exported in int8 as
well, and `int8_KIND` and `int8_fused_KIND` are the points of score that the file loses on `--int8-rows` rows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import write

import toolkit
from toolkit.config import Config
from toolkit.recipes.export.compared import Compared

# By kind: what is trained, on how many rows, what is scored, in which languages, and what is fused below it.
REAL = {
    "tags": ("udpos", 600, "udpos", ("zh", "ar", "fi", "hi", "fr"), "fuse[mnli,squad]/udpos"),
    "choice": ("copa", 400, "xcopa", ("et", "id", "sw", "zh", "tr"), "fuse[mnli,udpos]/copa"),
    "pair": ("mnli", 600, "xnli", ("en", "de", "zh", "sw", "ar"), "fuse[squad,udpos]/mnli"),
    "span": ("squad", 240, "xquad", ("zh", "en", "de", "ar", "hi"), "fuse[mnli,udpos]/squad"),
}
GENERATED = {
    "tags": ("micro-pos", 64, "micro-pos", ("en", "zh"), "fuse[micro-nli,micro-qa]/micro-pos"),
    "choice": ("micro-choice", 64, "micro-choice", ("en", "zh"), "fuse[micro-nli,micro-qa]/micro-choice"),
    "pair": ("micro-nli", 64, "micro-nli", ("en", "zh"), "fuse[micro-qa,micro-pos]/micro-nli"),
    "span": ("micro-qa", 64, "micro-qa", ("en", "zh"), "fuse[micro-nli,micro-pos]/micro-qa"),
}


def exported(expr: str, task: str, languages: tuple[str, ...], config: Config, rows: int, *, int8: bool) -> Compared:
    """Export a composition and return how its file answers some rows, spread over the languages."""
    few = replace(config, eval=replace(config.eval, limit=rows // len(languages)))
    with tempfile.TemporaryDirectory() as folder:
        result = toolkit.export(expr, few, out=Path(folder) / "out", int8=int8, task=task, languages=languages)
    assert result.compared is not None
    print(f"{expr}, {'int8' if int8 else 'fp32'}: {result.compared.words()}", flush=True)
    return result.compared


def main() -> None:
    """Train, export, compare and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny backbone, generated rows")
    parser.add_argument("--rows", type=int, default=500, help="answered in fp32, of each kind")
    parser.add_argument("--int8-rows", type=int, default=300, help="answered in int8, of each kind")
    parser.add_argument("--kinds", nargs="+", choices=REAL, default=list(REAL))
    parser.add_argument("--parts", nargs="+", choices=("single", "fused"), default=["single", "fused"])
    parser.add_argument("--data-root", type=Path, help="a mirror of real rows")
    parser.add_argument("--folder", type=Path, help="where what is trained stays for the next time")
    parser.add_argument("--json", type=Path, help="where the ratios go")
    asked = parser.parse_args()
    tasks = GENERATED if asked.quick else REAL
    ratios: dict[str, float] = {}
    details: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as root:
        folder = asked.folder or Path(root)
        config = toolkit.configure(
            "train.epochs=1",
            "train.batch_size=8",
            "train.lr=5e-4",
            "train.eval_limit=16",
            "tracking.enabled=no",
            backbone="tiny" if asked.quick else "embedded",
            data_root=asked.data_root,
            zoo=folder / "zoo",
            run_dir=folder / "runs",
        )
        for kind in asked.kinds if "single" in asked.parts else ():
            trained, limit, task, languages, _ = tasks[kind]
            own = replace(config, train=replace(config.train, limit=limit))
            toolkit.train(trained, own)
            same = exported(trained, task, languages, own, asked.rows, int8=False)
            ratios |= {f"same_{kind}": same.same / same.rows, f"logits_{kind}": same.difference}
            small = exported(trained, task, languages, own, asked.int8_rows, int8=True)
            ratios[f"int8_{kind}"] = 100 * (small.circuit - small.model)
            details |= {kind: vars(same), f"int8_{kind}": vars(small)}
        for kind in asked.kinds if "fused" in asked.parts else ():
            _, limit, task, languages, fused = tasks[kind]
            own = replace(config, train=replace(config.train, limit=limit))
            toolkit.train(fused, own)
            small = exported(fused, task, languages, own, asked.int8_rows, int8=True)
            ratios[f"int8_fused_{kind}"] = 100 * (small.circuit - small.model)
            details[f"int8_fused_{kind}"] = vars(small)
    print(json.dumps(ratios, indent=1))
    if asked.json:
        write(asked.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
