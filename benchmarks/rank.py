"""Benchmark of predicting transfer: LogME, and the Fisher information of an adapter.

    python benchmarks/rank.py --quick --json OUT                      # within a minute
    python benchmarks/rank.py --data-root MIRROR --json OUT           # LogME of 10,000 x 1,024, Fisher over 1,000 examples

`logme`: seconds for the LogME of 10,000 x 1,024 features with 3 classes, over the target of at most 10 (below 1: faster).
`logme_gap`: difference from a direct maximisation of the evidence, with dense matrices and a simplex over both precisions, over the
target of at most 1e-6.
`fisher`: time of the diagonal Fisher information of the embedded backbone's adapter, over a plain forward and backward pass of the
same adapter over the same batches (target: at most 1.3).
`fisher_batched`: the same time, over one backward pass for each example, which is the definition. Measured on a sample and scaled.

Features for LogME are random with a signal in them. Rows are MNLI's if a mirror is given, else the generated micro-nli; the adapter
has its initial weights. The measured times do not depend on either.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from measure import interleaved, median, write
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from toolkit.composition import parse
from toolkit.features import Features, features_of
from toolkit.features.collate import CPU_TOKENS, sorted_batches
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.fisher import adapter_fisher
from toolkit.modeling.learn import item_losses, unfreeze_exactly
from toolkit.recipes.session.circuits import head_spec
from toolkit.similarity import logme
from toolkit.tasks import get_task

BUDGET_S, GAP = 10.0, 1e-6


def sample(n: int, d: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features float32 [N, D] of unequal spread that tell the labels a little, and labels [N]."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, n)
    features = rng.normal(size=(n, d)) * rng.gamma(1.0, 1.0, d) + 0.1 * rng.normal(size=(n_classes, d))[labels]
    return features.astype(np.float32), labels


def directly(features: np.ndarray, labels: np.ndarray) -> float:
    """Return LogME by its definition: every class's evidence from [D, D] matrices, maximised over both precisions."""
    values = features.astype(np.float64)
    n, d = values.shape
    gram = values.T @ values
    found = []
    for c in np.unique(labels):
        y = (labels == c).astype(np.float64)
        projected = values.T @ y

        def negative(at: np.ndarray, y: np.ndarray = y, projected: np.ndarray = projected) -> float:
            alpha, beta = math.exp(at[0]), math.exp(at[1])
            factor = cho_factor(alpha * np.eye(d) + beta * gram)
            m = beta * cho_solve(factor, projected)
            error = float(np.sum((values @ m - y) ** 2))
            log_det = 2 * float(np.log(np.diag(factor[0])).sum())
            fit = beta * error + alpha * float(m @ m) + log_det + n * math.log(2 * math.pi)
            return -0.5 * (n * at[1] + d * at[0] - fit) / n

        options = {"xatol": 1e-6, "fatol": 1e-10, "maxiter": 1000}
        found.append(-minimize(negative, [5.0, 2.0], method="Nelder-Mead", options=options).fun)
    return float(np.mean(found))


def plain(circuit: Circuit, features: Features, budget: float = CPU_TOKENS) -> None:
    """Pass forward and backward over all batches with the adapter's weights learning, as in evaluation otherwise."""
    parameters = circuit.learnable(circuit.parts)
    unfreeze_exactly(circuit, parameters)
    circuit.eval()
    for items in sorted_batches(features, budget=budget):
        batch = {key: torch.from_numpy(one) for key, one in features.collate(items).items()}
        item_losses(features.kind, circuit(batch), batch).sum().backward()
        for parameter in parameters.values():
            parameter.grad = None
    unfreeze_exactly(circuit, {})


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    shape, n_examples, repetitions = (2000, 256), 100, 1
    if not args.quick:
        shape, n_examples, repetitions = (10_000, 1024), args.examples, args.repetitions

    features, labels = sample(*shape, 3)
    seconds = {"logme": median(interleaved({"logme": lambda: logme(features, labels)}, repetitions)["logme"])}
    gap = abs(logme(features, labels) - directly(features, labels))

    task = get_task("mnli" if args.data_root else "micro-nli")
    rows = task.rows("train", data_root=args.data_root, limit=n_examples)
    backbone = load_backbone(args.backbone, precision=args.precision, device=torch.device("cpu"))
    held = features_of(rows, task.kind, backbone.tokenizer, max_length=128)
    few = features_of(rows[:: max(1, len(rows) // 50)], task.kind, backbone.tokenizer, max_length=128)
    with Circuit(backbone, parse("probe"), heads={"probe": head_spec(task)}) as circuit:
        plain(circuit, few)  # the first pass is slower
        ways = {
            "backward": lambda: plain(circuit, held),
            "fisher": lambda: adapter_fisher(circuit, held),
            "one_at_a_time": lambda: plain(circuit, few, budget=1),
        }
        seconds |= {name: median(found) for name, found in interleaved(ways, repetitions).items()}
    seconds["one_at_a_time"] *= len(held) / len(few)
    ratios = {
        "logme": seconds["logme"] / BUDGET_S,
        "logme_gap": gap / GAP,
        "fisher": seconds["fisher"] / seconds["backward"],
        "fisher_batched": seconds["fisher"] / seconds["one_at_a_time"],
    }
    details = {
        "features": list(shape),
        "task": task.name,
        "examples": len(held),
        "mean_tokens": float(held.lengths.mean()),
        "backbone": args.backbone,
        "precision": backbone.precision,
        "repetitions": repetitions,
        "seconds": seconds,
    }
    write(args.json, ratios=ratios, details=details)
    for name, value in ratios.items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
