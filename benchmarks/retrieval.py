"""Mining against two FAISS searches and scoring pair by pair: `python benchmarks/retrieval.py [--quick] --json OUT`.

`mine`: 20,000 x 22,000 unit vectors of width 1,024 with planted pairs, k = 4, ratio margin, both directions, one-to-one. The
ratio is our time over the neighbour's (below 1: faster); both must find the same pairs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import faiss
import numpy as np
from measure import interleaved, median, write

from toolkit.retrieval import both_ways, candidates

K = 4


def vectors(n: int, m: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors [n, width] and [m, width]; the first n of the second are near those of the first."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((size, width)).astype(np.float32) for size in (n, m))
    y[:n] += x
    for side in (x, y):
        faiss.normalize_L2(side)
    return x, y


def ours(x: np.ndarray, y: np.ndarray) -> list[tuple[int, int]]:
    """Mine with one pass."""
    found = candidates(*both_ways(x, y, K), margin="ratio", direction="max")
    return list(zip(found.sources.tolist(), found.targets.tolist(), strict=True))


def pair_by_pair(x: np.ndarray, y: np.ndarray) -> list[tuple[int, int]]:
    """Mine as the published scripts do: two flat searches, a Python loop over the candidates, a greedy walk."""
    near = []
    for queries, corpus in ((x, y), (y, x)):
        index = faiss.IndexFlatIP(corpus.shape[1])
        index.add(corpus)
        near.append(index.search(queries, K))
    (ahead, to_y), (back, to_x) = near
    means_x, means_y = ahead.mean(axis=1), back.mean(axis=1)
    pooled = []
    for i in range(len(x)):
        scored = [(float(x[i].dot(y[j]) / ((means_x[i] + means_y[j]) / 2)), i, int(j)) for j in to_y[i]]
        pooled.append(max(scored, key=lambda pair: pair[0]))
    for j in range(len(y)):
        scored = [(float(x[i].dot(y[j]) / ((means_x[i] + means_y[j]) / 2)), int(i), j) for i in to_x[j]]
        pooled.append(max(scored, key=lambda pair: pair[0]))
    taken_x: set[int] = set()
    taken_y: set[int] = set()
    pairs = []
    for _, i, j in sorted(pooled, key=lambda pair: -pair[0]):
        if i not in taken_x and j not in taken_y:
            taken_x.add(i)
            taken_y.add(j)
            pairs.append((i, j))
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3,000 x 3,300, two repetitions: within a minute")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    args = parser.parse_args()
    n, m, repetitions = (3_000, 3_300, 2) if args.quick else (20_000, 22_000, 3)
    x, y = vectors(n, m, 1024)
    found: dict[str, list[tuple[int, int]]] = {}
    ways = {
        "ours": lambda: found.update(ours=ours(x, y)),
        "pair_by_pair": lambda: found.update(pair_by_pair=pair_by_pair(x, y)),
    }
    seconds = interleaved(ways, repetitions)
    shared = len(set(found["ours"]) & set(found["pair_by_pair"]))
    ratios = {"mine": median(seconds["ours"]) / median(seconds["pair_by_pair"])}
    details = {
        "shape": [n, m, 1024],
        "repetitions": repetitions,
        "seconds": seconds,
        "pairs": {name: len(pairs) for name, pairs in found.items()},
        "pairs_in_both": shared,
    }
    write(args.json, ratios=ratios, details=details)
    print({**ratios, "pairs_in_both": shared, "pairs": details["pairs"]})


if __name__ == "__main__":
    main()
