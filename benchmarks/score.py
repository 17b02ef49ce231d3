"""Benchmark of `xstilts eval`: rows per second over those of an older build, on the same adapter and the same rows.

    python benchmarks/score.py --data-root MIRROR --old TREE --json OUT            # xnli and xquad
    python benchmarks/score.py --data-root MIRROR --old TREE --quick --json OUT    # 20 rows of a language

`xnli`: 15 languages, 500 rows each, with an adapter of mnli; `xquad`: 4 languages, 200 rows each, with an adapter of squad.
Both are trained for a few steps by the older build, whose zoo the newer one opens; what they answer matters little here, and
how long it takes does not depend on it. Embedded backbone. Each command is a process of its own with all the cores, by one
build and the other in turn. From its time that of the same command on one row a language is taken off, which is what
starting, loading and folding cost. Target: at least 1.8 each.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from measure import PROJECT, child, median, write

TARGETS = {"xnli": 1.8, "xquad": 1.8}
SOURCES = {"xnli": "mnli", "xquad": "squad"}
LANGUAGES = {"xnli": None, "xquad": "en,de,zh,ar"}  # None: all
ROWS = {"xnli": 500, "xquad": 200}
LEAST = 1  # rows of a language in the command whose time is taken off
FEW = ("--set", "train.limit=200", "--set", "train.total_steps=6", "--set", "train.eval_limit=20")


def command(tree: Path, words: list[str], folder: Path, mirror: Path) -> tuple[float, float]:
    """Run a command of a build in a folder, and return its seconds and those of the processor."""
    common = ["--backbone", "embedded", "--data-root", str(mirror), "--zoo", "zoo"]
    threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
    began = time.perf_counter()
    quiet = ["--set", "tracking.enabled=no", "--set", "cache_gib=0"]
    done = child([str(tree / "cli.py"), *words, *common, *quiet], folder, tree=tree, OMP_NUM_THREADS=threads)
    return time.perf_counter() - began, done.processor_s


def measured(task: str, args: argparse.Namespace, folder: Path) -> tuple[float, dict[str, object]]:
    """Return the rows per second of this build over those of the older one, and the seconds behind it."""
    trees = {"now": PROJECT, "older": args.old.resolve()}
    mirror, source = args.data_root.resolve(), SOURCES[task]
    command(trees["older"], ["train", source, *FEW], folder, mirror)
    rows, seconds = (20 if args.quick else ROWS[task]), {}
    chosen = LANGUAGES[task]
    for limit in (LEAST, rows):
        words = ["eval", source, "--task", task, "--set", f"eval.limit={limit}"]
        words += ["--languages", chosen] if chosen else []
        for _ in range(1 if args.quick else args.repetitions):
            for name, tree in trees.items():
                seconds.setdefault((name, limit), []).append(command(tree, words, folder, mirror))
    took = {}  # of the rows alone, by build: seconds, and those of the processor
    for name in trees:
        of_all, of_least = (zip(*seconds[name, limit], strict=True) for limit in (rows, LEAST))
        took[name] = [median(list(a)) - median(list(b)) for a, b in zip(of_all, of_least, strict=True)]
    details = {f"{name}, {limit} rows a language": values for (name, limit), values in seconds.items()}
    processor = took["older"][1] / took["now"][1]
    return took["older"][0] / took["now"][0], {"by_processor_s": processor, "seconds": details, "of_rows": took}


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="mirror that has mnli, squad, xnli and xquad")
    parser.add_argument("--old", type=Path, required=True, help="a tree of an older build")
    parser.add_argument("--only", nargs="*", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--quick", action="store_true", help="20 rows of a language, once")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    ratios, details = {}, {}
    for task in args.only:
        with tempfile.TemporaryDirectory() as root:
            ratios[task], details[f"{task}_details"] = measured(task, args, Path(root))
        print(f"{task}: {ratios[task]:.2f} (target: at least {TARGETS[task]})", flush=True)
    if args.json:
        write(args.json, ratios=ratios, details={"is_quick": args.quick, **details})


if __name__ == "__main__":
    main()
