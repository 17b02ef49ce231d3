"""Measurements of this processor that were made before, read without torch."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path
from typing import get_args

from toolkit.cache import cache_root
from toolkit.config.words import Kernel
from toolkit.files import load_json

_LIKELY: Kernel = (
    "products-bf16"  # the fastest on processors that multiply bf16 (docs/decisions/0080-frozen-layers-in-one-piece.md)
)


def processor() -> str:
    """Return the name of this machine's processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def kernels_folder() -> Path:
    """Return the folder of the kernels that were found fastest."""
    return cache_root() / "kernels"


def likely_kernel(size: int) -> Kernel:
    """Return the way of attention in bf16 that was found fastest here for heads of a width, last; else the one that is likely."""
    name, dated = processor(), []
    for path in kernels_folder().glob("*.json"):
        with suppress(OSError, ValueError):
            found = load_json(path)
            if isinstance(found, dict) and (found.get("processor"), found.get("head_size")) == (name, size):
                dated.append((path.stat().st_mtime, found.get("kernel")))
    known = [kernel for _, kernel in sorted(dated, key=lambda one: one[0])]
    return next((one for one in get_args(Kernel) if known and one == known[-1]), _LIKELY)
