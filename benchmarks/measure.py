"""Shared parts of all benchmarks: description of the machine, medians of interleaved repetitions, the JSON file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    import torch

    model = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "has_avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "adapters", "transformers")},
    }


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


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
