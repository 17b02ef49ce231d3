"""Benchmark of memory: the peak of N generated lines or rows over that of N / 10, and of training over an older build.

    python benchmarks/memory.py --quick --json OUT                       # 100,000 lines, in minutes
    python benchmarks/memory.py --n 1000000 --only mine retrieve --json OUT    # a million lines
    python benchmarks/memory.py --n 1000000 --stub --only mine gold retrieve predict --json OUT    # without the encoder
    python benchmarks/memory.py --n 1000000 --old ../older --json OUT    # and training, also by the tree in ../older

`mine`, `gold`, `retrieve`, `predict`, `rank`: peak resident memory of `xstilts mine` of two text files of N lines, `xstilts
retrieve` of two corpora of N lines with gold pairs and of a bitext of N lines, `xstilts predict` of N jsonl rows into a jsonl
file, and `xstilts rank` for a task of N jsonl rows, each over the same of N / 10 (target: at most 1.2).
`train`: peak above the start of the process of `xstilts train` on N jsonl rows of one's own, over the tree that `--old` names
(target: at most 0.3); only with `--old`.

A tenth should be 10,000 lines or more: until then the largest tile of a search and the largest shard grow with them.

Each is a process of its own, which notes its memory after its imports and its peak at its end. The encoder is the tiny
backbone with its random weights, whose vectors are searched as those of any other; texts are random words. `retrieve` of
the lines of `mine` finds their vectors in the store. With `--stub` the vectors are hashes of the texts, the logits of
`predict` are random, and no encoder is used, which leaves out its peak and most of the time: what is measured is then all the
rest. More than 300,000 lines are not compared with each other exactly, which would take an hour, but by cells (`retrieve.index=IVF256,Flat`) over 100,000 vectors at a time (`retrieve.memory`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from measure import PROJECT, child, write

TARGETS = {"mine": 1.2, "gold": 1.2, "retrieve": 1.2, "predict": 1.2, "rank": 1.2, "train": 0.3}
SEARCHES, STUBBED = ("mine", "gold", "retrieve"), ("mine", "gold", "retrieve", "predict")
SETTINGS = (
    "tracking.enabled=no",
    "backbone.precision=fp32",
    "cache_gib=0",
    "train.batch_size=8",
    "train.eval_limit=50",
)
PAIR = "name: mine\nkind: pair\nlabels: [a, b]\ncolumns: {first: first, second: second, label: label}\n"
BITEXT = "name: mine\nkind: bitext\nlanguages: [de]\nformat: lines\n"


EXACT = 300_000  # lines up to which all are compared with all
BY_CELLS = ("retrieve.index=IVF256,Flat", "retrieve.memory=0.025")


def sentences(n: int, seed: int) -> Iterator[str]:
    """Yield sentences of random words."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnoprstuvw", k=2 + i % 7)) for i in range(3000)]
    return (" ".join(rng.choices(words, k=4)) + "." for _ in range(n))


def generated(folder: Path, n: int) -> None:
    """Write two text files of n lines, a bitext of them, and a training task of n jsonl rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(("a.txt", "b.txt")):
        with (folder / name).open("w") as file:
            file.writelines(f"{text}\n" for text in sentences(n, seed))
    for end, name in (("de", "a.txt"), ("en", "b.txt")):
        with (folder / name).open() as lines, (folder / f"de-en.dev.{end}").open("w") as file:
            file.writelines(f"{end}-{number:09}\t{text}" for number, text in enumerate(lines))
    with (folder / "de-en.dev.gold").open("w") as file:  # most lines have a translation, which no hash finds
        file.writelines(f"de-{number:09}\ten-{number:09}\n" for number in range(n) if number % 10)
    for name, size in (("train", n), ("dev", min(n, 100))):
        rng = random.Random(2)
        with (folder / f"{name}.jsonl").open("w") as file:
            for first, second in zip(sentences(size, 3), sentences(size, 4), strict=True):
                file.write(json.dumps({"first": first, "second": second, "label": "ab"[rng.random() < 0.4]}) + "\n")
    (folder / "pair.yaml").write_text(PAIR + "files: {train: train.jsonl, dev: dev.jsonl}\n")
    (folder / "bitext.yaml").write_text(BITEXT + "files: {test: {source: a.txt, target: b.txt}}\n")


def hashed(texts: Sequence[str], width: int) -> np.ndarray:
    """Return unit vectors of texts, float32 [N, width], made of their hashes."""
    data = b"".join(hashlib.shake_128(text.encode()).digest(width) for text in texts)
    found = np.frombuffer(data, np.int8).reshape(len(texts), width).astype(np.float32)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def without_encoder() -> None:
    """Let texts have hashes as vectors in this process."""
    from toolkit.features.collate import Features
    from toolkit.modeling.circuit import Circuit
    from toolkit.recipes.answer import model
    from toolkit.recipes.score.encoding import Encoder

    def encoded(self: Encoder, what: str) -> Callable[..., dict[object, np.ndarray]]:
        width = self.circuit.backbone.hidden_size
        return lambda shard, wanted, before, total: dict.fromkeys(wanted, hashed(shard, width))

    def answered(circuit: Circuit, features: Features, **_: object) -> np.ndarray:
        return np.random.default_rng(0).standard_normal((len(features.source_row), 2)).astype(np.float32)

    setattr(Encoder, "_encode", encoded)  # noqa: B010  a method of the toolkit is replaced
    setattr(model, "run_head", answered)  # noqa: B010


def journey(what: str, sets: tuple[str, ...], *, has_stub: bool = False) -> None:
    """Run one journey in the current folder with settings, and print the memory after the imports and at the peak, in MiB."""
    import adapters  # noqa: F401  part of what is imported
    import faiss  # noqa: F401

    import toolkit
    import toolkit.modeling.circuit
    import toolkit.recipes.answer.predict
    import toolkit.recipes.score.retrieve
    import toolkit.recipes.train.train

    def config(*own: str, task: str | None = None) -> toolkit.Config:
        files = [] if task is None else [f"task_files={task}.yaml"]
        every = (*SETTINGS, "store.folder=emb", *files, *own, *sets)
        return toolkit.configure(*every, backbone="tiny", zoo="zoo", run_dir="runs")

    few = ("similarity.limit=100", "similarity.examples=10", "train.limit=100", "train.total_steps=2")
    journeys: dict[str, Callable[[], object]] = {
        "mine": lambda: toolkit.mine(Path("a.txt"), Path("b.txt"), config(), out=Path("pairs.tsv")),
        "gold": lambda: toolkit.retrieve("backbone", config("data_root=."), task="bucc", languages="de"),
        "retrieve": lambda: toolkit.retrieve("backbone", config(task="bitext"), task="mine"),
        "predict": lambda: toolkit.predict(
            "mine", config(task="pair"), task="mine", source="train.jsonl", out="answers.jsonl"
        ),
        "trained": lambda: toolkit.train("mine", config("train.limit=64", "train.total_steps=2", task="pair")),
        "rank": lambda: toolkit.rank("mine", config(*few, task="pair"), sources=["micro-nli"], train=True),
        "train": lambda: toolkit.train("mine", config("train.total_steps=3", task="pair")),
    }
    if has_stub:
        without_encoder()
    start = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    journeys[what]()
    print(json.dumps({"start": start, "peak": _status("VmHWM")}))


def _status(field: str) -> float:
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def measured(
    what: str, folder: Path, sets: tuple[str, ...] = (), tree: Path = PROJECT, *, has_stub: bool = False
) -> dict[str, float]:
    """Return the memory of a journey over the files of a folder, with settings and the toolkit of a tree, in MiB."""
    here, rest = str(Path(__file__).resolve()), [*["--stub"] * has_stub, "--set", *sets]
    threads = os.environ.get("OMP_NUM_THREADS", "2")
    with tempfile.TemporaryDirectory() as cache:
        before = ["trained"] if what == "predict" else []  # by a process of its own
        for one in (*before, what):
            words = [here, "--journey", one, *rest]
            found: dict[str, float] = child(
                words, folder, tree=tree, XSTILTS_CACHE=cache, OMP_NUM_THREADS=threads
            ).found
    return found


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100,000 lines and rows")
    parser.add_argument("--n", type=int, default=300_000, help="lines and rows; default: 300,000")
    parser.add_argument("--old", type=Path, help="a tree of an older build, for `train`")
    parser.add_argument("--only", nargs="*", choices=TARGETS, default=list(TARGETS), help="what is measured")
    parser.add_argument("--stub", action="store_true", help="hashes as vectors and random logits")
    parser.add_argument("--json", type=Path, help="where the ratios go")
    parser.add_argument("--journey", help=argparse.SUPPRESS)
    parser.add_argument("--set", nargs="*", default=[], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.journey:
        journey(asked.journey, tuple(asked.set), has_stub=asked.stub)
        return
    n = 100_000 if asked.quick else asked.n
    ratios: dict[str, float] = {}
    details: dict[str, object] = {"n": n, "data": "generated: random words", "stub": asked.stub}
    sets = BY_CELLS if n > EXACT else ()
    with tempfile.TemporaryDirectory() as root:
        generated(whole := Path(root) / "whole", n)
        generated(tenth := Path(root) / "tenth", n // 10)
        for what in (each for each in asked.only if each != "train" or asked.old):
            began = time.perf_counter()
            own, has_stub = sets if what in SEARCHES else (), asked.stub and what in STUBBED
            here = measured(what, whole, own, has_stub=has_stub)
            details[f"{what}_s"] = round(time.perf_counter() - began)
            if what == "train":
                generated(other := Path(root) / "train-old", n)
                there = measured(what, other, tree=asked.old.resolve())
                ratios[what] = (here["peak"] - here["start"]) / (there["peak"] - there["start"])
            else:
                there = measured(what, tenth, own, has_stub=has_stub)
                ratios[what] = here["peak"] / there["peak"]
            details[f"{what}_mib"] = {"whole": here, "old" if what == "train" else "tenth": there}
            print(
                f"{what:9} {ratios[what]:.2f} (target {TARGETS[what]}): {here['peak']:.0f} and {there['peak']:.0f} MiB"
            )
    if asked.json:
        write(asked.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
