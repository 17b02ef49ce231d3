"""Peaks and times of the journeys at 24 layers: each is one command, as a user types it, on a checkpoint of XLM-R Large's shape.

    python benchmarks/journeys.py --quick --data-root MIRROR --json OUT     # 4 layers, without full fine-tuning
    python benchmarks/journeys.py --data-root MIRROR --json OUT             # all 24 layers, half an hour of two cores
    python benchmarks/journeys.py --data-root MIRROR --only full --json OUT # some, by name; what they need is run first

The checkpoint has random weights in the published layout, so that scores mean nothing; rows are few and real, so that most of
the time is that of the start. Measured are the peak resident memory of the largest process of a command, in which mapped pages of
the weights count; how much of it was the process's own, which no other program can have; and the processor and wall time from its
start to its end. The journeys share one zoo, as they would for a user.
The JSON file maps each journey to its numbers; a Markdown table is printed (docs/scale.md).
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from load import published
from measure import write

PROJECT = Path(__file__).resolve().parents[1]
LAYERS, QUICK = 24, 4
SETTINGS = {
    "train.limit": 8,
    "train.epochs": 1,
    "train.batch_size": 8,
    "train.eval_limit": 4,
    "eval.limit": 4,
    "retrieve.limit": 40,
    "similarity.examples": 8,
}
MEMBERS = ("mnli", "squad", "csqa", "rte", "pawsx", "hellaswag", "cosmosqa", "siqa", "tydiqa")
GRID = """axes:
  intermediates: [mnli]
  targets: [pawsx]
languages: [de]
settings:
  train: {limit: 8, epochs: 1, batch_size: 8, eval_limit: 4}
  eval: {limit: 4}
"""


@dataclass(frozen=True)
class Journey:
    """A command: its words, without the settings of few rows; `needs`: names of journeys that go before it."""

    name: str
    words: str
    needs: tuple[str, ...] = ()
    takes_settings: bool = True
    more: str = ""


FUSED, NINE = "'fuse[mnli,squad]/udpos'", f"'fuse[{','.join(MEMBERS)}]/udpos'"
JOURNEYS = (
    Journey("train", "train mnli"),
    Journey("train-span", "train squad"),
    Journey("stack", "train mnli/squad", ("train",)),
    Journey("fuse", "fuse mnli squad --target udpos", ("train", "train-span")),
    Journey("members", f"train 'avg[{','.join(MEMBERS)}]'", ("train", "train-span")),
    Journey("fuse-nine", f"fuse {' '.join(MEMBERS)} --target udpos", ("members",)),
    Journey("text", "train text"),
    Journey("text-mix", "train 'mix[mnli,text]'"),
    Journey("eval", "eval mnli --task xnli --languages de", ("train",)),
    Journey("eval-span", "eval mnli/squad --task xquad --languages de", ("stack",)),
    Journey("eval-fused", f"eval {FUSED} --task udpos --languages de", ("fuse",)),
    Journey("eval-nine", f"eval {NINE} --task udpos --languages de", ("fuse-nine",)),
    Journey("retrieve", "retrieve mnli --task tatoeba --languages de", ("train",)),
    Journey("mine", "mine de.txt en.txt --out pairs.tsv"),
    Journey("compare", "compare squad mnli/squad --task xquad --languages de", ("stack", "train-span")),
    Journey(
        "robust",
        "robust mnli --task xnli --languages de --perturb swap --attack characters --budget 20",
        ("train",),
    ),
    Journey("attention", f"attention {FUSED} --task udpos --languages de", ("fuse",)),
    Journey("predict", "predict mnli --task mnli pairs.jsonl --out answers.jsonl", ("train",)),
    Journey("embed", "embed mnli en.txt --out vectors.npy", ("train",)),
    Journey("similarity", "similarity mnli squad udpos --train --limit 8", ("train", "train-span")),
    Journey("rank", "rank udpos mnli squad --train", ("train", "train-span"), more="similarity.limit=8"),
    Journey("collapse", f"collapse {FUSED} --languages de", ("fuse",)),
    Journey("prune", f"prune {NINE} --keep 2 --languages de", ("fuse-nine",)),
    Journey("export-onnx", f"export {FUSED} saved-onnx --to onnx", ("fuse",)),
    Journey("export-int8", f"export {FUSED} saved-int8 --to onnx --int8", ("fuse",)),
    Journey("export-torch", f"export {FUSED} saved-torch --to torch", ("fuse",)),
    Journey("export", "export mnli saved", ("train",)),
    Journey("verify", "zoo verify", ("fuse",), takes_settings=False),
    Journey("push", f"zoo push {FUSED} shared", ("fuse",), takes_settings=False),
    Journey("pull", "zoo pull shared --zoo pulled", ("push",), takes_settings=False),
    Journey("sweep", "sweep run grid.yaml --workers 1", takes_settings=False),
    Journey("full", "train rte --as rte-full", more="adapter.kind=full"),
    Journey("full-eval", "eval rte-full --task rte", ("full",), more="adapter.kind=full"),
    Journey("full-push", "zoo push rte-full shared-full", ("full",), takes_settings=False),
    Journey("full-pull", "zoo pull shared-full --zoo pulled-full", ("full-push",), takes_settings=False),
)
FULL = ("full", "full-eval", "full-push", "full-pull")


def prepared(folder: Path) -> None:
    """Write the files that commands read."""
    for language, text in (("de", "Satz Nummer {} über das Wetter."), ("en", "Sentence number {} on the weather.")):
        (folder / f"{language}.txt").write_text("".join(text.format(i) + "\n" for i in range(40)), encoding="utf-8")
    row = '{{"premise": "There are {0} boats.", "hypothesis": "There are boats."}}\n'
    (folder / "pairs.jsonl").write_text("".join(row.format(i) for i in range(40)), encoding="utf-8")
    (folder / "grid.yaml").write_text(GRID, encoding="utf-8")


def chosen(only: list[str]) -> list[Journey]:
    """Return the journeys of some names, with what they need, in order."""
    wanted = set(only)
    for each in reversed(JOURNEYS):
        if each.name in wanted:
            wanted |= set(each.needs)
    return [each for each in JOURNEYS if each.name in wanted]


def memory_kib(process: int) -> tuple[int, int]:
    """Return the peak of a process so far, and what it holds now that is not mapped from a file, in KiB; 0 where it has ended.

    Of a process that has started others, such as workers of a sweep, the largest one counts. `ru_maxrss` is not read: a
    process that starts another one hands its own peak down to it.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
        below = [
            child for file in Path(f"/proc/{process}/task").glob("*/children") for child in file.read_text().split()
        ]
    except OSError:
        return 0, 0
    found = {name: int(value.split()[0]) for name, value in (line.split(":", 1) for line in lines) if "kB" in value}
    every = [(found.get("VmHWM", 0), found.get("RssAnon", 0) + found.get("RssShmem", 0))]
    every += [memory_kib(int(child)) for child in below]
    return max(peak for peak, _ in every), max(own for _, own in every)


def measured(journey: Journey, folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Run a journey; return its peak and its own memory in GiB, its processor seconds and its wall seconds."""
    words = [sys.executable, str(PROJECT / "cli.py"), *shlex.split(journey.words)]
    if journey.takes_settings:
        given = [f"{key}={value}" for key, value in SETTINGS.items()] + journey.more.split()
        words += ["--no-track", *(word for each in given for word in ("--set", each))]
    began = time.perf_counter()
    with (folder / f"{journey.name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        peak = own = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak, own = (max(pair) for pair in zip((peak, own), memory_kib(process.pid), strict=True))
            time.sleep(0.05)
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = (folder / f"{journey.name}.log").read_text(encoding="utf-8")
        raise SystemExit(f"`{journey.words}` ended with exit code {process.returncode}:\n{said[-3000:]}")
    return {
        "peak_gib": round(peak / 2**20, 2),
        "own_gib": round(own / 2**20, 2),
        "processor_s": round(used.ru_utime + used.ru_stime, 1),
        "wall_s": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} layers, without full fine-tuning")
    parser.add_argument("--data-root", type=Path, required=True, help="mirror of hub data sets")
    parser.add_argument("--folder", type=Path, help="where checkpoint and zoo are kept; default: a temporary folder")
    parser.add_argument("--only", nargs="*", choices=[each.name for each in JOURNEYS], help="default: all")
    parser.add_argument("--no-needs", action="store_true", help="what --only needs is in the zoo of --folder already")
    parser.add_argument("--json", type=Path, help="file to write")
    asked = parser.parse_args()
    names = asked.only or [each.name for each in JOURNEYS if not (asked.quick and each.name in FULL)]
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as place:
        root = (asked.folder or Path(place)).resolve()
        root.mkdir(parents=True, exist_ok=True)
        backbone = published(root / "large", QUICK if asked.quick else LAYERS)
        prepared(root)
        environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "XSTILTS_BACKBONE": str(backbone),
            "XSTILTS_DATA": str(asked.data_root.resolve()),
            "XSTILTS_CACHE": str(root / "cache"),
        }
        print("| journey | peak, GiB | of it own | processor, s |\n|---|---|---|---|")
        for each in (one for one in chosen(names) if not asked.no_needs or one.name in names):
            found[each.name] = now = measured(each, root, environment)
            row = (f"`{each.words}`", f"{now['peak_gib']:.1f}", f"{now['own_gib']:.1f}", f"{now['processor_s']:.0f}")
            print(f"| {' | '.join(row)} |", flush=True)
            if asked.json:
                details = {"layers": QUICK if asked.quick else LAYERS, "weights": "random", "journeys": found}
                write(asked.json, ratios={}, details=details)


if __name__ == "__main__":
    main()
