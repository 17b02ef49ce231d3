"""Train some steps with the toolkit of a tree, and print what they took: `train_adapter.py` runs this in a process of its own.

The tree's own `benchmarks/train_adapter.py` is what trains, so that an older build runs as it was.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any


def status(field: str) -> float:
    """Return a field of this process's memory, `VmRSS` or `VmHWM`, in MiB."""
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Train, and print examples per second and the peak of memory above the loaded model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    asked = parser.parse_args()
    sys.path.insert(0, str(asked.tree / "benchmarks"))
    import train_adapter as tree

    from toolkit.features import features_of
    from toolkit.tasks import get_task

    loads = tree.load_backbone
    task = get_task(asked.task)
    tokenizer = loads("embedded", precision="fp32").tokenizer
    rows = list(task.rows("train", data_root=asked.data_root, limit=asked.limit))
    features = features_of(rows, task.kind, tokenizer)
    loaded: list[float] = []

    def load(*names: Any, **settings: Any) -> Any:
        backbone = loads(*names, **settings)
        loaded.append(status("VmRSS"))
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        return backbone

    setattr(tree, "load_backbone", load)  # noqa: B010  a name of the tree's benchmark is replaced
    job = tree.Job(task, rows, [], features, features, 1.0, 5e-4, asked.batch_size, seed=0)
    done = tree.ours(job, steps=asked.steps)
    found = {"examples_per_s": done["examples_per_s"], "loaded_mib": loaded[-1], "peak_mib": status("VmHWM")}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
