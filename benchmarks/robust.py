"""Benchmark of robustness: perturbing rows, and attacking rows together against one by one.

    python benchmarks/robust.py --quick --json OUT                      # within a minute
    python benchmarks/robust.py --data-root MIRROR --json OUT           # 500 rows attacked, on the embedded backbone

`perturb`: seconds for 100,000 XNLI pairs by the slowest perturbation, over the target of 30 (below 1: faster). Measured on as many
pairs as `--pairs` says and scaled; in processor time of one core, because nothing in it waits.
`attack_outside_model`: share of an attack's time that is not spent in tokenising, the forward pass and its batches, over the target
of at most 0.10.
`attack_batched`: time of the attack's queries if all rows are attacked together, over the time if each query is asked alone
(target: at most 0.33).

Rows are XNLI's English dev rows if a mirror is given, else the generated micro-nli. The model is a stack of random weights on the
backbone, and every row has the label that the model gives it, so that every row is attacked. The times do not depend on it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from measure import median, write

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.perturb import PERTURBATIONS, make_lexicon, perturb
from toolkit.perturb.attack import attack
from toolkit.perturb.attacked import AttackSettings
from toolkit.recipes.robust.answers import BLOCK
from toolkit.recipes.score.evaluate import answer_probabilities
from toolkit.recipes.session.circuits import head_spec
from toolkit.tasks import Rows, Task, get_task

LANGUAGES = ("en", "ru", "zh")
BUDGET_S, OUTSIDE = 30.0, 0.10


def perturbing(task: Task, data_root: Path | None, n: int, repetitions: int) -> dict[str, float]:
    """Return for each perturbation its seconds for 100,000 pairs, in the slowest of three scripts."""
    found: dict[str, float] = {}
    for language in LANGUAGES:
        rows = task.rows("score", language, data_root=data_root, limit=n)
        words = {word for row in rows for word in f"{row.first} {row.second}".split()}
        lexicon = make_lexicon(
            language, "de", [(word, word[::-1]) for word in words if word[::-1] != word], origin="words reversed"
        )
        for name, each in PERTURBATIONS.items():
            if each.why_not("pair", language):
                continue
            seconds = []
            for _ in range(repetitions):
                began = time.process_time()
                perturb(rows, each, strength=0.2, seed=0, lexicons=[lexicon], partner=rows)
                seconds.append((time.process_time() - began) / len(rows) * 100_000)
            found[name] = max(found.get(name, 0.0), median(seconds))
    return found


def attacking(rows: Rows, circuit: Circuit, config: Config, repetitions: int) -> dict[str, float]:
    """Return the seconds of an attack side by side, in and outside the model, and of its queries one at a time."""
    probabilities = lambda asked: answer_probabilities(circuit, asked, rows.task, config)  # noqa: E731
    own = [replace(row, label=int(p.argmax())) for row, p in zip(rows, probabilities(list(rows)), strict=True)]
    settings = AttackSettings(name="characters", budget=60)
    whole, inside = [], []
    queries: list[Any] = []
    for _ in range(repetitions):
        spent = [0.0]
        asked_for: list[Any] = []

        def ask(asked: Sequence, spent: list[float] = spent, asked_for: list[Any] = asked_for) -> np.ndarray:
            began = time.perf_counter()
            out = probabilities(asked)
            spent[0] += time.perf_counter() - began
            asked_for.extend(asked)
            return out

        began = time.perf_counter()
        for first in range(0, len(own), BLOCK):  # as `robust` does, which writes what became of each block
            attack(own[first : first + BLOCK], ask, kind="pair", language=rows.language, settings=settings)
        whole.append(time.perf_counter() - began)
        inside.append(spent[0])
        queries = asked_for
    # A sample of the same queries, each by itself: all of them would take minutes and tell nothing more.
    sample = [queries[i] for i in np.random.default_rng(0).choice(len(queries), min(300, len(queries)), replace=False)]
    alone = median([_timed(lambda: [probabilities([row]) for row in sample]) for _ in range(repetitions)])
    return {
        "attack_s": median(whole),
        "in_model_s": median(inside),
        "queries": float(len(queries)),
        "one_at_a_time_s": alone / len(sample) * len(queries),
    }


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--pairs", type=int, default=2490)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument(
        "--part",
        choices=["all", "perturb", "attack"],
        default="all",
        help="measure one; the other's figures stay as OUT has them",
    )
    args = parser.parse_args()
    n_pairs, n_rows, repetitions = (300, 40, 1) if args.quick else (args.pairs, args.rows, args.repetitions)
    task = get_task("xnli" if args.data_root else "micro-nli")
    held = json.loads(args.json.read_text()) if args.part != "all" and args.json.exists() else {}
    ratios = {name: held[name] for name in ("perturb", "attack_outside_model", "attack_batched") if name in held}
    details = {"task": task.name, "backbone": args.backbone, "parts": held.get("parts", {})}
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    if args.part != "attack":
        seconds = perturbing(task, args.data_root, n_pairs, repetitions)
        ratios["perturb"] = max(seconds.values()) / BUDGET_S
        details["parts"]["perturb"] = {
            "pairs": n_pairs, "repetitions": repetitions, "measured": measured, "seconds_per_100000_pairs": seconds,
        }  # fmt: skip
    if args.part != "perturb":
        config = Config()
        with Circuit(load_backbone(args.backbone), parse("mnli"), heads={"mnli": head_spec(task)}) as circuit:
            circuit.eval()
            circuit.fold()
            rows = task.rows("score", "en", data_root=args.data_root, limit=n_rows)
            found = attacking(rows, circuit, config, repetitions)
        ratios["attack_outside_model"] = (1 - found["in_model_s"] / found["attack_s"]) / OUTSIDE
        ratios["attack_batched"] = found["attack_s"] / found["one_at_a_time_s"]
        details["parts"]["attack"] = {"rows": n_rows, "repetitions": repetitions, "measured": measured, **found}
    write(args.json, ratios=ratios, details=details)
    for name, value in ratios.items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
