"""Benchmark of `xstilts predict`: rows per second over those of `xstilts eval` on the same rows, and the memory of long files.

    python benchmarks/stream.py --quick --json OUT                    # 4,000 generated pairs on the tiny backbone
    python benchmarks/stream.py --data-root MIRROR --json OUT         # 20,000 pairs of xnli on the embedded backbone

`stream`: rows per processor second of `toolkit.predict` from a jsonl file into a jsonl file, over those of `toolkit.evaluate`
on the same rows, language by language in turn (target: at least 0.95). Answers are compared; nothing is cached.
`memory`: peak memory of the same on a file of 1,000,000 generated lines over that of 100,000, tiny backbone (`--lines N` for
another size, 0 to leave it out; target: at most 1.1).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import write

import toolkit
from toolkit.results.predictions import read_predictions


def timed(way: Callable[[], object]) -> tuple[float, float]:
    """Return the processor and the wall seconds of a call."""
    began, clock = time.process_time(), time.perf_counter()
    way()
    return time.process_time() - began, time.perf_counter() - clock


def streamed(folder: Path, n: int, backbone: str, data_root: Path | None) -> dict[str, object]:
    """Return seconds of both ways over n rows, and how many answers differ."""
    each = max(1, n // 4)  # rows of a language
    source, target = ("mnli", "xnli") if data_root is not None else ("micro-nli", "micro-nli")
    config = toolkit.configure(
        "train.limit=64",
        "train.epochs=1",
        "train.eval_limit=16",
        "tracking.enabled=no",
        "cache_gib=0",
        f"eval.limit={each}",
        backbone=backbone,
        zoo=folder / "zoo",
        run_dir=folder / "runs",
        **({} if data_root is None else {"data_root": data_root}),
    )
    toolkit.train(source, config)
    task = toolkit.get_task(target)
    seconds: dict[str, list[tuple[float, float]]] = {"eval": [], "predict": []}
    done = differing = 0
    for code in task.reachable("score", data_root=data_root):
        if done >= n:
            break
        rows = list(task.rows("score", code, data_root=data_root, limit=min(each, n - done)))
        file, out = folder / f"{code}.jsonl", folder / f"{code}.answers.jsonl"
        with file.open("w") as lines:
            lines.writelines(json.dumps({"first": row.first, "second": row.second}) + "\n" for row in rows)  # type: ignore[union-attr]
        seconds["eval"].append(timed(lambda code=code: toolkit.evaluate(source, config, task=target, languages=code)))
        (folder_of,) = folder.glob(f"runs/eval/*/{target}")
        seconds["predict"].append(
            timed(lambda file=file, out=out: toolkit.predict(source, config, task=target, source=file, out=out))
        )
        wanted = [one.prediction for one in read_predictions(folder_of / "predictions" / f"{target}.{code}.jsonl")]
        with out.open() as lines:
            found = [json.loads(line)["prediction"] for line in lines]
        differing += sum(a != b for a, b in zip(found, wanted, strict=True))
        done += len(rows)
        print(code, done, {name: pairs[-1] for name, pairs in seconds.items()}, flush=True)
    sums = {name: [sum(column) for column in zip(*pairs, strict=True)] for name, pairs in seconds.items()}
    return {
        "rows": done,
        "backbone": backbone,
        "differing": differing,
        "processor_s": {name: both[0] for name, both in sums.items()},
        "wall_s": {name: both[1] for name, both in sums.items()},
    }


def long_file(folder: Path, n: int) -> float:
    """Return the peak memory in MiB of a process that answers a file of n lines."""
    file = folder / f"{n}.jsonl"
    with file.open("w") as lines:
        for number in range(n):
            lines.write(f'{{"first": "It rains {number}.", "second": "It is dry."}}\n')
    program = (
        "import sys, toolkit\nfrom pathlib import Path\n"
        "zoo, source = map(Path, sys.argv[1:])\n"
        "config = toolkit.configure('tracking.enabled=no', backbone='tiny', zoo=zoo)\n"
        "toolkit.predict('micro-nli', config, task='micro-nli', source=source, out=source.with_suffix('.csv'))\n"
        "print(Path('/proc/self/status').read_text())\n"
    )
    words = [sys.executable, "-c", program, str(folder / "zoo"), str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[1])
    found = re.search(r"VmHWM:\s+(\d+)", done.stdout)
    assert found is not None
    file.unlink()
    return int(found[1]) / 1024


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4,000 generated pairs on the tiny backbone")
    parser.add_argument("--rows", type=int, default=20_000, help="pairs; default: 20,000")
    parser.add_argument("--data-root", type=Path, help="mirror that has mnli and xnli")
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the long file; 0: none")
    parser.add_argument("--json", type=Path, help="where the ratios go")
    asked = parser.parse_args()
    if not asked.quick and asked.data_root is None:
        parser.error("--data-root MIRROR is needed, or --quick")
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        rows, backbone, mirror = (
            (4000, "tiny", None) if asked.quick else (asked.rows, asked.backbone, asked.data_root.resolve())
        )
        details = streamed(folder / "stream", rows, backbone, mirror)
        took = details["processor_s"]
        assert isinstance(took, dict)
        ratios = {"stream": took["eval"] / took["predict"]}
        if asked.lines and not asked.quick:
            few = ("train.limit=64", "train.epochs=1", "tracking.enabled=no")
            toolkit.train(
                "micro-nli", toolkit.configure(*few, backbone="tiny", zoo=folder / "zoo", run_dir=folder / "runs")
            )
            peaks = {n: long_file(folder, n) for n in (asked.lines // 10, asked.lines)}
            details["peak_mib"] = peaks
            ratios["memory"] = peaks[asked.lines] / peaks[asked.lines // 10]
    print(json.dumps({**ratios, **details}, indent=1))
    if asked.json:
        write(asked.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
