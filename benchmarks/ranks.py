"""Benchmark of several processes: two of one thread against one of two threads, on the same steps.

    python benchmarks/ranks.py --quick --json OUT                 # a minute on a quiet machine: generated rows
    python benchmarks/ranks.py --data-root MIRROR --json OUT      # rows of mnli

Both train one adapter on the embedded backbone with the same rows per step, and score the dev rows four times. What is timed is
the stage, as its card says: rows, tokens (from the cache), steps, dev scores and the entry, without the start of Python.

`ranks`: seconds of two processes divided by those of one (target: at most 1.1).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import median, write

from toolkit.zoo import Zoo

PROJECT = Path(__file__).resolve().parents[1]
ROWS_PER_STEP, SCORED = 32, 4


@dataclass(frozen=True)
class Work:
    """What both ways train.

    Attributes:
        task: whose rows are learnt.
        rows, dev: how many train, and how many choose the weights.
        data_root: mirror that holds them; None: they are generated.
        folder: for the cache and the zoos.
    """

    task: str
    rows: int
    dev: int
    data_root: Path | None
    folder: Path


def seconds(work: Work, *, processes: int) -> float:
    """Train in so many processes, on two threads in all; return the seconds of the stage."""
    with tempfile.TemporaryDirectory(dir=work.folder) as place:
        sets = {
            "train.batch_size": ROWS_PER_STEP // processes,
            "train.limit": work.rows,
            "train.epochs": 1,
            "train.eval_limit": work.dev,
            "train.eval_every": max(1, work.rows // ROWS_PER_STEP // SCORED),
            "tracking.enabled": "no",
            "run_dir": f"{place}/runs",
        }
        words = [
            str(PROJECT / "cli.py"),
            "train",
            work.task,
            "--backbone",
            "embedded",
            "--zoo",
            f"{place}/zoo",
            "--quiet",
        ]
        words += [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]
        words += ["--data-root", str(work.data_root)] if work.data_root else []
        several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        subprocess.run(
            [sys.executable, *(several if processes > 1 else []), *words],
            env={**os.environ, "OMP_NUM_THREADS": str(2 // processes), "XSTILTS_CACHE": str(work.folder / "cache")},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (card,) = Zoo(Path(place) / "zoo").list("embedded")
        return card.seconds


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rows and repetitions")
    parser.add_argument("--data-root", type=Path, help="mirror with mnli; default: generated rows")
    parser.add_argument("--repetitions", type=int, help="of each way; default: 1 if quick, else 5")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    asked = parser.parse_args()
    repetitions, rows, dev = (1, 64, 32) if asked.quick else (5, 1024, 256)
    repetitions = asked.repetitions or repetitions
    with tempfile.TemporaryDirectory() as place:
        work = Work("mnli" if asked.data_root else "micro-nli", rows, dev, asked.data_root, Path(place))
        found: dict[str, list[float]] = {"one": [], "two": []}
        seconds(work, processes=1)  # the converted backbone and the tokens are in the cache from here on
        for _ in range(repetitions):  # turn by turn, so that a noisy neighbour hits both
            for name, processes in (("one", 1), ("two", 2)):
                found[name].append(seconds(work, processes=processes))
    ratio = median(found["two"]) / median(found["one"])
    pairs = [two / one for one, two in zip(found["one"], found["two"], strict=True)]
    details: dict[str, Any] = {
        "seconds": found,
        "ratio_of_each_pair": pairs,
        "task": work.task,
        "rows": rows,
        "dev_rows": dev,
        "times_scored": SCORED,
        "rows_per_step": ROWS_PER_STEP,
        "repetitions": repetitions,
    }
    write(asked.json, ratios={"ranks": ratio}, details=details)
    print(f"ranks {ratio:.2f}: {median(found['two']):.1f} s in two processes, {median(found['one']):.1f} s in one")


if __name__ == "__main__":
    main()
