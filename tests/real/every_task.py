"""A short training and evaluation on the embedded backbone for every task that a mirror holds, with the time each takes.

    python -m tests.real.every_task MIRROR --folder OUT [--tasks mnli,udpos,...] [--limit 200] [--eval-limit 20]

It shows that each task's rows are read, learnt from and scored in every language that is there. The numbers are of a few
steps on a few rows and say nothing about a task.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import toolkit
from toolkit.errors import ToolkitError
from toolkit.metrics import MAIN
from toolkit.results.summary import mean
from toolkit.tasks import BUILT_IN, Task
from toolkit.tasks.kinds import RETRIEVED


@dataclass(frozen=True)
class Seen:
    """What was seen of a task: where `fault` is empty, the mean over the languages of its main measure."""

    task: str
    composition: str = ""
    languages: int = 0
    rows: int = 0
    measure: str = ""
    mean: float = 0.0
    train_s: float = 0.0
    eval_s: float = 0.0
    fault: str = ""


def held_tasks(mirror: Path) -> list[str]:
    """Return the catalogue's tasks, generated ones left out, that a mirror has rows to score of."""
    return [
        task.name
        for task in BUILT_IN.held.values()
        if not task.is_generated and task.reachable("score", data_root=mirror) and _is_mirrored(task, mirror)
    ]


def _is_mirrored(task: Task, mirror: Path) -> bool:
    # Without a dataset in the mirror `reachable` counts on the hub.
    try:
        language = task.reachable("score", data_root=mirror)[0]
        return bool(len(task.rows("score", language, data_root=mirror)))
    except ToolkitError:
        return False


def try_task(name: str, mirror: Path, folder: Path, *, limit: int = 200, eval_limit: int = 20) -> Seen:
    """Train on a task's rows, score all its languages, and say what was seen."""
    config = toolkit.configure(
        f"train.limit={limit}",
        "train.epochs=1",
        f"train.eval_limit={eval_limit}",
        f"eval.limit={eval_limit}",
        f"retrieve.limit={max(eval_limit, 100)}",
        "tracking.enabled=no",
        backbone="embedded",
        data_root=mirror,
        zoo=folder / "zoo",
        run_dir=folder / "runs",
    )
    task = BUILT_IN.get(name)
    is_retrieved = task.kind in RETRIEVED
    composition = "backbone" if is_retrieved else task.trains_on or name
    began = time.perf_counter()
    try:
        if not is_retrieved:
            toolkit.train(composition, config)
        trained = time.perf_counter()
        journey = toolkit.retrieve if is_retrieved else toolkit.evaluate
        scores = [s for s in journey(composition, config, task=name).scores if s.metric == MAIN[task.metric]]
    except ToolkitError as fault:
        return Seen(name, composition, fault=str(fault))
    return Seen(
        name,
        composition,
        languages=len(scores),
        rows=sum(score.n for score in scores),
        measure=MAIN[task.metric],
        mean=round(mean(score.value for score in scores) or 0.0, 4),
        train_s=round(trained - began, 1),
        eval_s=round(time.perf_counter() - trained, 1),
    )


def main() -> None:
    """Try the tasks one after the other and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="zoo, runs and every_task.jsonl go here")
    parser.add_argument("--tasks", default="", help="names with commas; default: all that the mirror holds")
    parser.add_argument("--limit", type=int, default=200, help="training rows")
    parser.add_argument("--eval-limit", type=int, default=20, help="rows scored a language")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    names = options.tasks.split(",") if options.tasks else held_tasks(options.mirror)
    for name in names:
        seen = try_task(name, options.mirror, options.folder, limit=options.limit, eval_limit=options.eval_limit)
        with open(options.folder / "every_task.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(seen)) + "\n")
        print(
            f"{seen.task:<10} {seen.composition:<8} {seen.languages:>3} languages {seen.rows:>6} rows  {seen.measure} "
            f"{100 * seen.mean:5.1f}  train {seen.train_s:6.1f} s  eval {seen.eval_s:6.1f} s  {seen.fault}",
            flush=True,
        )


if __name__ == "__main__":
    main()
