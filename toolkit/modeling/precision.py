"""Device and precision of a run: the arithmetic at which this processor is fast."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch

from toolkit.config.words import AskedPrecision
from toolkit.errors import ToolkitError

Precision = Literal["fp32", "bf16"]
PRECISIONS: tuple[AskedPrecision, ...] = get_args(AskedPrecision)


def pick_device() -> torch.device:
    """Return this process's GPU (the first, where one process runs alone), or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def resolve_precision(asked: AskedPrecision, device: torch.device) -> Precision:
    """Turn `auto` into `bf16` where the processor multiplies it natively, else into `fp32`.

    Args:
        asked: `auto`, `fp32` or `bf16`.
        device: where the model will run.

    Raises:
        ToolkitError: unknown precision, or bf16 on a processor that does not have it.
    """
    if asked not in PRECISIONS:
        raise ToolkitError(f"No precision named '{asked}'. Known: {', '.join(PRECISIONS)}.")
    if asked == "fp32":
        return "fp32"
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # AVX-512 without the BF16 extension emulates it, slower than fp32.
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if asked == "bf16" and not native:
        raise ToolkitError(f"This {device.type} has no native bf16 arithmetic; use precision fp32 or auto.")
    return "bf16" if native else "fp32"


@contextmanager
def products_in(precision: Precision, device: str) -> Iterator[None]:
    """Compute products in a precision inside this block; a traced program, which is always of fp32, has no such block."""
    if torch.compiler.is_exporting():
        yield
        return
    with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"):
        yield
