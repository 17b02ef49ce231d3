"""Shared parts of all benchmarks: description of the machine, medians, processes of a tree, the JSON file.

`python benchmarks/measure.py` prints the folder of results of this family of processors.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Child:
    """A process that has ended well.

    Attributes:
        processor_s: seconds of the processor, with those of the processes that it started and waited for.
        lines: what it printed.
    """

    processor_s: float
    lines: tuple[str, ...]

    @property
    def found(self) -> Any:
        """What its last line says, in JSON."""
        return json.loads(self.lines[-1])


def child(words: Sequence[str], folder: Path, *, tree: Path = PROJECT, **environment: str) -> Child:
    """Run Python in a folder with the toolkit of a tree, and return what it printed and what it took.

    Args:
        words: what Python is started with.
        folder: the process's working folder.
        tree: that the toolkit is imported from.
        environment: variables beyond those of this process, in which OMP_NUM_THREADS is 1 where nothing is said.

    Raises:
        SystemExit: it failed; the end of what it said is in the message.
    """
    own = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", **environment}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *words], cwd=folder, env=own, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"A process with the toolkit of {tree} failed:\n{done.stderr[-2000:]}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Child(seconds, tuple(done.stdout.splitlines()))


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    import torch

    from toolkit.modeling.measured import processor

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "has_avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "adapters", "transformers")},
    }


def family(processor: str) -> str:
    """Return the family of a processor or GPU as the name of a folder: what differs between machines of one kind is left out.

    Example:
        >>> family("AMD EPYC 9B14 96-Core Processor"), family("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz")
        ('amd-epyc', 'intel-xeon')
        >>> family("NVIDIA H200")
        'nvidia-h200'
    """
    plain = re.sub(r"\((R|TM)\)|\bCPU\b|@.*", "", processor)
    return "-".join(plain.lower().split()[:2])


def results() -> Path:
    """Return the folder of the results of machines like this one."""
    found = machine()
    return PROJECT / "benchmarks" / "results" / family(found["gpu"] or found["processor"])


def interleaved(ways: Mapping[str, Callable[[], Any]], repetitions: int) -> dict[str, list[float]]:
    """Time each way `repetitions` times, turn by turn, so that a noisy neighbour hits all of them: seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def write(path: Path, *, ratios: Mapping[str, float], details: Mapping[str, Any]) -> None:
    """Write the ratios against the other library, with machine, versions and repetitions."""
    found = {**ratios, "machine": machine(), "measured": datetime.now(UTC).isoformat(timespec="seconds"), **details}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    print(results())
