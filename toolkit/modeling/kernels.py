"""Kernels of frozen layers: which are known, and which is fastest on this processor.

`auto` measures the ways of attention for some milliseconds, once for each processor, version of torch and number of threads, and
keeps the answer in the cache folder. Of several processes that measure at once, all take the answer that was written first.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from toolkit.config.words import AskedKernel, Kernel, UsedKernel
from toolkit.errors import ToolkitError
from toolkit.files import load_json, replace_text
from toolkit.modeling.attending import WAYS, Way
from toolkit.modeling.measured import kernels_folder, processor
from toolkit.modeling.precision import Precision
from toolkit.registry import unknown

KERNELS: tuple[AskedKernel, ...] = get_args(AskedKernel)
_SHAPES = ((16, 40), (4, 160))  # rows and tokens of the batches that are measured
_HEADS = 4
_TIMES = 3


def resolve_kernel(asked: AskedKernel, precision: Precision, device: torch.device, size: int) -> UsedKernel:
    """Return how frozen layers are computed: `plain`, or the name of a way of attention.

    Args:
        asked: `auto` is what was fastest here in bf16 on a processor, and `plain` elsewhere: fp32 is what repeats runs to the bit,
            and a GPU has kernels of its own.
        precision: of the backbone.
        device: where it runs.
        size: D, of its heads.

    Raises:
        ToolkitError: unknown name, or a way that this device or precision lacks.
    """
    if asked not in KERNELS:
        raise unknown("kernel", asked, KERNELS)
    if asked == "plain" or (asked == "auto" and (precision != "bf16" or device.type != "cpu")):
        return "plain"
    if asked == "auto":
        return fastest(size)
    if device.type != "cpu":
        raise ToolkitError(
            f"Kernel '{asked}' is for processors, and this is a {device.type}; use --set backbone.kernels=auto."
        )
    if precision == "fp16" or (precision == "fp32" and asked.endswith("bf16")):
        raise ToolkitError(
            f"Kernel '{asked}' does not compute in {precision}; use --set backbone.kernels=auto"
            + (", or --precision bf16 where the processor has it." if precision == "fp32" else ".")
        )
    return asked


def fastest(size: int) -> Kernel:
    """Return the way of attention in bf16 that is fastest on this processor, measured here once."""
    about = {
        "processor": processor(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "head_size": size,
    }
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    path = kernels_folder() / f"{name}.json"
    if (held := _held(path, about)) is not None:
        return held
    seconds = {name: _seconds(way, size) for name, way in WAYS.items()}
    best = min(seconds, key=lambda name: seconds[name])
    with suppress(OSError):  # a cache that cannot be written is measured again
        path.parent.mkdir(parents=True, exist_ok=True)
        _keep(path, {**about, "kernel": best, "seconds": seconds}, is_damaged=path.exists())
    return _held(path, about) or best


def _held(path: Path, about: dict[str, Any]) -> Kernel | None:
    """Return the kernel that was found fastest under the same circumstances, or None."""
    with suppress(OSError, ValueError):
        found = load_json(path)
        if isinstance(found, dict) and all(found.get(key) == value for key, value in about.items()):
            return next((name for name in WAYS if name == found.get("kernel")), None)
    return None


def _keep(path: Path, found: dict[str, Any], *, is_damaged: bool) -> None:
    text = json.dumps(found, indent=1) + "\n"
    if is_damaged:
        replace_text(path, text)
        return
    own = path.with_name(f"{path.name}.{os.getpid()}")
    own.write_text(text, encoding="utf-8")
    try:
        with suppress(FileExistsError):  # another process was first
            os.link(own, path)
    finally:
        own.unlink(missing_ok=True)


@torch.no_grad()
def _seconds(way: Way, size: int) -> float:
    """Return the seconds of attention and its gradient, of some shapes together, the best of several tries each."""
    total = 0.0
    for rows, length in _SHAPES:
        joined = torch.zeros(rows, length, 3, _HEADS, size, dtype=torch.bfloat16)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        bias = torch.zeros(rows, 1, 1, length, dtype=torch.bfloat16)
        total += min(_once(way, query, key, value, bias) for _ in range(_TIMES + 1))
    return total


def _once(way: Way, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> float:
    began = time.perf_counter()
    found, kept = way.forward(query, key, value, bias)
    way.backward(found, kept, bias)
    return time.perf_counter() - began
