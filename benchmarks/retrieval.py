"""Benchmark of retrieval: `python benchmarks/retrieval.py [--quick] [--only NAMES] [--data-root DIR] --json OUT`.

`encode_large`: sentences of mixed length through the shape of XLM-R Large (random weights), layer 14, against the plain loop (file
order, each batch padded, fp32, all layers). `encode_embedded`: the embedded backbone against sentence-transformers' `encode` of the
same checkpoint and pooling; needs `pip install sentence-transformers`, and is left out with a message without it.
`mine`: 20,000 x 22,000 unit vectors of width 1,024 with planted pairs, k = 4, ratio margin, both directions, one-to-one, against
two flat FAISS searches and scoring pair by pair; both must find the same pairs. `cached`: the second run of the same request
against the first. `encode`: two processes of one thread (`--workers 2`) against one with two. These numbers are our time over the
other's (below 1: faster).
`mine_workers`: the search of 40,000 x 40,000 unit vectors of width 1,024, both directions, by two processes of one thread against
this one with two threads; both must find the same neighbours to the bit. The processes run already; their start is measured apart.
`mine_large`: 400,000 x 400,000 x 1,024 from files, on its own (`--only mine_large`). The number is the share of planted pairs
that is found over the share that an exact search finds, on a sample; seconds and peak memory are reported with it.

Sentences are BUCC's zh-en (`--data-root`: a folder that holds `zh-en.dev.zh` or `bucc2018/zh-en/`), or else generated ones.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from measure import interleaved, median, write

from toolkit.config import from_dict
from toolkit.embeddings import Vectors
from toolkit.embeddings.shards import read_shard, write_shard
from toolkit.engine.site import Site
from toolkit.progress import Tell
from toolkit.recipes.score.search_workers import SearchWorkers
from toolkit.recipes.session.staff import Staff
from toolkit.retrieval import Searched, SearchSettings, both_ways, candidates, search

K = 4
MEASURES = ("encode_large", "encode_embedded", "mine", "cached", "encode", "mine_workers", "mine_large")
Measured = tuple[dict[str, float], dict[str, Any]]


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


def mine(n: int, m: int, repetitions: int) -> Measured:
    """Both ways of mining on the same vectors."""
    x, y = vectors(n, m, 1024)
    found: dict[str, list[tuple[int, int]]] = {}
    ways = {
        "ours": lambda: found.update(ours=ours(x, y)),
        "pair_by_pair": lambda: found.update(pair_by_pair=pair_by_pair(x, y)),
    }
    seconds = interleaved(ways, repetitions)
    details = {
        "shape": [n, m, 1024],
        "repetitions": repetitions,
        "seconds": seconds,
        "pairs": {name: len(pairs) for name, pairs in found.items()},
        "pairs_in_both": len(set(found["ours"]) & set(found["pair_by_pair"])),
    }
    return {"mine": median(seconds["ours"]) / median(seconds["pair_by_pair"])}, {"mine_details": details}


def mine_workers(n: int, repetitions: int) -> Measured:
    """Search by two processes and by two threads."""
    x, y = vectors(n, n, 1024)
    found: dict[str, Searched] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, side in (("x", x), ("y", y)):
            for start in range(0, n, 4096):
                _piece(root / f"{name}{start}", side[start : start + 4096])
        stored = [
            Vectors([read_shard(root / f"{name}{start}", "benchmark") for start in range(0, n, 4096)], 1024)
            for name in "xy"
        ]
        config = from_dict({"store": {"folder": root / "store"}, "run_dir": root / "runs", "zoo": root / "zoo"})
        (root / "store").mkdir()
        with Staff(Site(2), config, print) as staff:
            workers = SearchWorkers(staff.engine, root / "store" / "searches", Tell())
            ways = {
                "threads": lambda: found.update(threads=search(*stored, K, settings=SearchSettings("Flat", threads=2))),
                "workers": lambda: found.update(
                    workers=search(*stored, K, settings=SearchSettings("Flat", threads=2, workers=workers))
                ),
            }
            began = time.perf_counter()
            few = [side.take(np.arange(min(n, 4096))) for side in stored]
            search(*few, K, settings=SearchSettings("Flat", workers=workers))
            start_s = time.perf_counter() - began
            seconds = interleaved(ways, repetitions)
    one, other = found["threads"], found["workers"]
    assert one.backward is not None and other.backward is not None
    same = [
        bool(np.array_equal(getattr(a, name), getattr(b, name)))
        for a, b in ((one.forward, other.forward), (one.backward, other.backward))
        for name in ("scores", "rows")
    ]
    details = {
        "shape": [n, n, 1024],
        "seconds": seconds,
        "seconds_of_start": start_s,
        "same_to_the_bit": all(same),
        "blocks": len(workers.seconds),
    }
    return {"mine_workers": median(seconds["workers"]) / median(seconds["threads"])}, {"mine_workers_details": details}


def mine_large(n: int, memory: float, index: str) -> Measured:
    """Mine two files of n vectors each; the second half of either side has no partner."""
    width, size = 1024, 10_000
    rng = np.random.default_rng(0)
    partner = rng.permutation(n)  # line i of x is planted at line partner[i] of y, for i < n / 2
    line_of = np.empty(n, np.int64)
    line_of[partner] = np.arange(n)
    with tempfile.TemporaryDirectory() as folder:
        x = Vectors(
            [_piece(Path(folder) / f"x{a}", _units(1, a, min(size, n - a), width)) for a in range(0, n, size)], width
        )
        pieces = []
        for start in range(0, n, size):
            lines = line_of[start : start + size]
            noise = _units(2, start, len(lines), width)
            has_partner = lines < n // 2
            noise[has_partner] += x[lines[has_partner]]
            faiss.normalize_L2(noise)
            pieces.append(_piece(Path(folder) / f"y{start}", noise))
        y = Vectors(pieces, width)
        before_gib = _peak_gib()
        began = time.perf_counter()
        near = search(x, y, K, settings=SearchSettings(index, memory))
        assert near.backward is not None
        searched = time.perf_counter() - began
        pairs = candidates(near.forward, near.backward, margin="ratio", direction="max")
        seconds = time.perf_counter() - began
        planted = pairs.targets == partner[pairs.sources]
        found = np.zeros(n, bool)
        found[pairs.sources[planted]] = True
        sample = np.sort(rng.choice(n // 2, min(n // 2, 500), replace=False))
        nearest = _flat(x[sample], y)
        peak = _peak_gib()
    ours, exact = float(found[sample].mean()), float((nearest == partner[sample]).mean())
    details = {
        "shape": [n, n, width],
        "searched": near.words,
        "memory_setting_gib": memory,
        "seconds": seconds,
        "seconds_of_the_search": searched,
        "peak_gib": peak,
        "peak_gib_before_the_search": before_gib,
        "planted": n // 2,
        "planted_found": int(found[: n // 2].sum()),
        "sample": {"lines": len(sample), "found": ours, "found_by_an_exact_search": exact},
        "best_neighbour_equal_on_the_sample": float((near.forward.rows[sample, 0] == nearest).mean()),
    }
    return {"mine_large": ours / exact}, {"mine_large_details": details}


def _units(side: int, start: int, n: int, width: int) -> np.ndarray:
    values = np.random.default_rng([side, start]).standard_normal((n, width), np.float32)
    faiss.normalize_L2(values)
    return values


def _piece(path: Path, values: np.ndarray) -> Any:
    write_shard(path, "benchmark", values)
    return read_shard(path, "benchmark", is_checked=False)


def _flat(queries: np.ndarray, corpus: Vectors) -> np.ndarray:
    """Return the nearest row of each query, by plain products."""
    best, rows = np.full(len(queries), -np.inf, np.float32), np.zeros(len(queries), np.int64)
    for start in range(0, len(corpus), 10_000):
        products = queries @ corpus[start : start + 10_000].T
        at = products.argmax(axis=1)
        values = products[np.arange(len(queries)), at]
        rows = np.where(values > best, at + start, rows)
        best = np.maximum(best, values)
    return rows


def _peak_gib() -> float:
    """Return the most memory this process ever held, pages of mapped files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, one repetition: within a minute")
    parser.add_argument("--only", default="all", help=f"names with commas; default: all but mine_large of {MEASURES}")
    parser.add_argument("--data-root", type=Path, help="folder of BUCC's zh-en; default: generated sentences")
    parser.add_argument("--large", type=int, default=400_000, help="lines of either side of mine_large")
    parser.add_argument("--memory", type=float, default=4.0, help="GiB that mine_large may use for tiles and indexes")
    parser.add_argument("--index", default="auto", help="index of mine_large")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    args = parser.parse_args()
    import retrieval_encoding as encode

    quick, root = args.quick, args.data_root
    sizes = {"large": 32, "embedded": 300, "cached": 300} if quick else {"large": 96, "embedded": 1500, "cached": 1500}
    repetitions = 1 if quick else 3
    ways: dict[str, Callable[[], Measured]] = {
        "encode_large": lambda: encode.encode_large(sizes["large"], repetitions, root),
        "encode_embedded": lambda: encode.encode_embedded(sizes["embedded"], repetitions, root),
        "mine": lambda: mine(3_000, 3_300, 2) if quick else mine(20_000, 22_000, 3),
        "cached": lambda: encode.cached(sizes["cached"], root),
        "encode": lambda: encode.workers(sizes["cached"], repetitions, root),
        "mine_workers": lambda: mine_workers(9_000, 1) if quick else mine_workers(40_000, 3),
        "mine_large": lambda: mine_large(10_000 if quick else args.large, args.memory, args.index),
    }
    chosen = [name for name in ways if name != "mine_large"] if args.only == "all" else args.only.split(",")
    ratios: dict[str, float] = {}
    details: dict[str, Any] = {"is_quick": quick, "repetitions": repetitions}
    for name in chosen:
        if name == "encode_embedded" and find_spec("sentence_transformers") is None:
            print("encode_embedded is left out: `pip install sentence-transformers` first")
            continue
        ratio, found = ways[name]()
        ratios |= ratio
        details |= found
        print({**ratio, **found}, flush=True)
    write(args.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
