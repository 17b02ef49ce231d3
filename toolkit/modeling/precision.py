"""Device and precision of a run: the arithmetic at which this processor is fast."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, get_args

import torch

from toolkit.config.words import AskedPrecision
from toolkit.errors import ToolkitError

Precision = Literal["fp32", "bf16", "fp16"]
DTYPES: Mapping[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Number format of each precision: of frozen weights, and of products."""
PRECISIONS: tuple[AskedPrecision, ...] = get_args(AskedPrecision)
_TENSOR_CORES = (7, 0)  # compute capability from which a GPU multiplies fp16 faster than fp32


def pick_device() -> torch.device:
    """Return this process's GPU, or the CPU: of `torchrun` the one of its local rank, else the one that it took, or the first.

    Raises:
        ToolkitError: more processes were started on this machine than it has GPUs.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if "LOCAL_RANK" not in os.environ:
        return torch.device("cuda", torch.cuda.current_device())
    place, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if place >= count:
        raise ToolkitError(
            f"Process {place + 1} of this machine has no GPU: there {'is 1' if count == 1 else f'are {count}'}; start one "
            f"process for each (`torchrun --nproc-per-node {count}`)."
        )
    return torch.device("cuda", place)


def take_gpu(number: int) -> str:
    """Take one of the GPUs that this process may see, and see no other from then on; call it before CUDA is used.

    Args:
        number: of this process, from 0, among those that share the GPUs: where it is the higher number, they take turns.

    Returns:
        The GPU that another process has taken as well, in words; empty where it is this one's alone, or there is none.
    """
    if not torch.cuda.is_available():
        return ""
    count = torch.cuda.device_count()
    place = number % count
    named = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each.strip()]
    os.environ["CUDA_VISIBLE_DEVICES"] = named[place].strip() if place < len(named) else str(place)
    if torch.cuda.device_count() > 1:  # the driver had read the variable before
        torch.cuda.set_device(place)
    return f"GPU {place} of {count}" if number >= count else ""


def resolve_precision(asked: AskedPrecision, device: torch.device) -> Precision:
    """Turn `auto` into `bf16` where the processor multiplies it natively, else into `fp16` on a GPU that is fast in it.

    Volta and Turing (compute capability 7.0 to 7.5) have fp16 and no bf16. On a CPU fp16 is computed where it is asked for.

    Args:
        asked: `auto`, `fp32`, `bf16` or `fp16`.
        device: where the model will run.

    Raises:
        ToolkitError: unknown precision, or bf16 on a processor that does not have it.
    """
    if asked not in PRECISIONS:
        raise ToolkitError(f"No precision named '{asked}'. Known: {', '.join(PRECISIONS)}.")
    if asked in ("fp32", "fp16"):
        return asked
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        is_half = torch.cuda.get_device_capability(device) >= _TENSOR_CORES
    else:
        is_half = False
        # AVX-512 without the BF16 extension emulates it, slower than fp32.
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if asked == "bf16" and not native:
        raise ToolkitError(
            f"This {device.type} has no native bf16 arithmetic; use precision {'fp16, ' * is_half}fp32 or auto."
        )
    return "bf16" if native else "fp16" if is_half else "fp32"


@contextmanager
def products_in(precision: Precision, device: str) -> Iterator[None]:
    """Compute products in a precision inside this block; a traced program, which is always of fp32, has no such block."""
    if torch.compiler.is_exporting():
        yield
        return
    is_narrow = precision != "fp32"
    with torch.autocast(device, dtype=DTYPES[precision] if is_narrow else None, enabled=is_narrow):
        yield
