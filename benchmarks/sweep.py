"""Benchmark of sweeps: what a step costs outside of a model, and what a large plan costs, over an older build.

    python benchmarks/sweep.py --quick --against ../older --json OUT    # 24 steps, 200 events
    python benchmarks/sweep.py --against ../older --json OUT            # 200 steps, 2,000 events

`step_overhead`: processor seconds a step of `xstilts sweep` on the tiny backbone, 20 rows for each step, everything included: the
start of the command and of its worker, the records, the runs in MLflow (target: at most 0.5 of the tree that `--against` names).
A stage trains one step of 20 rows and scores 20, a cell scores 20 in one language, so that the model takes little of it;
`own_work_s` in the details is what it takes, measured by the model's own calls in one process.

`plan_large`: processor time of the conductor for each event of a plan of 20,000 steps, over that of the same tree (target: at most
0.2). Workers are left out: each step begins, reports twice and is done at once. Records are written, as in a sweep. `plan_large_gib`:
peak memory of that process, the plan included, in GiB (target: below 1).

The trees take turns; numbers are medians over `--repetitions`. Each run has a folder, a zoo and a cache of its own.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from measure import PROJECT, child, median, write

TARGETS = {"step_overhead": 0.5, "plan_large": 0.2, "plan_large_gib": 1.0}
STEPS_OF_A_SEED = 8  # three cells, and five stages below them
GRID = """title: Tiny steps
axes:
  intermediates: [micro-pos, micro-qa]
  targets: [micro-nli]
  seeds: [{seeds}]
languages: [en]
settings:
  backbone: {{name: tiny, precision: fp32}}
  train: {{limit: 20, epochs: 1, batch_size: 20, eval_limit: 20, eval_every: 1}}
  eval: {{limit: 20}}
"""
CHILDREN = str(Path(__file__).resolve().with_name("sweep_children.py"))


def step(tree: Path, seeds: int) -> float:
    """Return the processor seconds of a step in a sweep of so many seeds, with the toolkit of a tree."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        (root / "grid.yaml").write_text(GRID.format(seeds=", ".join(map(str, range(seeds)))), encoding="utf-8")
        command = ["sweep", "run"] if (tree / "toolkit" / "recipes" / "sweep").is_dir() else ["sweep"]
        words = [str(tree / "cli.py"), *command, "grid.yaml", "--workers", "1"]
        ended = child(words, root, tree=tree, XSTILTS_CACHE=str(root / "cache"), COLUMNS="200")
        records = [
            *(root / "sweeps" / "grid" / "stages").glob("*.json"),
            *(root / "sweeps" / "grid" / "cells").glob("*.json"),
        ]
        if len(records) != seeds * STEPS_OF_A_SEED:
            raise SystemExit(f"{tree} left {len(records)} records; expected {seeds * STEPS_OF_A_SEED}.")
    return ended.processor_s / len(records)


def plan(tree: Path, steps: int, events: int) -> dict[str, float]:
    """Return the milliseconds of processor time for each event, and the MiB at the peak, of a conductor of so many steps."""
    with tempfile.TemporaryDirectory() as place:
        words = [CHILDREN, "plan", f"{place}/large", str(steps), str(events)]
        found: dict[str, float] = child(words, Path(place), tree=tree).found
    return found


def own_work() -> float:
    """Return the processor seconds that the model takes of a step."""
    with tempfile.TemporaryDirectory() as place:
        found: float = child([CHILDREN, "model", place], Path(place), XSTILTS_CACHE=place).found
    return found


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="24 steps, 200 events, 1 repetition")
    parser.add_argument("--against", type=Path, required=True, metavar="TREE", help="a tree of an older build")
    parser.add_argument("--only", nargs="*", default=["step", "plan"], choices=["step", "plan"])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where the ratios go")
    asked = parser.parse_args()
    seeds, events, repetitions = (3, 200, 1) if asked.quick else (25, 2000, asked.repetitions)
    trees = {"here": PROJECT, "old": asked.against.resolve()}
    ratios: dict[str, float] = {}
    details: dict[str, Any] = {"repetitions": repetitions}
    if "step" in asked.only:
        found: dict[str, list[float]] = {name: [] for name in trees}
        for _ in range(repetitions):
            for name, tree in trees.items():
                found[name].append(step(tree, seeds))
        ratios["step_overhead"] = median(found["here"]) / median(found["old"])
        own = {"steps": seeds * STEPS_OF_A_SEED, "own_work_s": own_work()}
        details["step_overhead_s"] = {**found, **own}
    if "plan" in asked.only:
        plans: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
        for _ in range(repetitions):
            for name, tree in trees.items():
                plans[name].append(plan(tree, 20_000, events))
        here, old = (median([one["ms"] for one in plans[name]]) for name in trees)
        ratios["plan_large"] = here / old
        ratios["plan_large_gib"] = max(one["mib"] for one in plans["here"]) / 1024
        details["plan_large"] = {**plans, "steps": 20_000, "events": events}
    for name, ratio in ratios.items():
        print(f"{name} {ratio:.3f} (target {TARGETS[name]})")
    print(details)
    if asked.json:
        write(asked.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
