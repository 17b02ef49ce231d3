"""Errors of memory, in one sentence that names the setting that helps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from toolkit.errors import ToolkitError

_MARKS = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")


def is_out_of_memory(fault: BaseException) -> bool:
    """Return whether an error says that memory is used up: torch's own, an allocator's, or Python's.

    Example:
        >>> is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")), is_out_of_memory(OSError())
        (True, False)
    """
    if isinstance(fault, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(fault, RuntimeError) and any(mark in str(fault) for mark in _MARKS)


@contextmanager
def within_memory(what: str, instead: str, device: torch.device) -> Iterator[None]:
    """Raise one sentence where the memory of a device is used up in the block.

    Args:
        what: is done in the block, for example `step 3 of mnli`.
        instead: what to do, with the settings that help.

    Raises:
        ToolkitError: the memory is used up.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as fault:
        if not is_out_of_memory(fault):
            raise
        where = "This GPU's memory" if device.type == "cuda" else "The memory of this machine"
        raise ToolkitError(f"{where} does not hold {what}; {instead}.") from fault


SMALLER_PASSES = "lower --set eval.batch_size, or a longest text's --set eval.max_length"
"""What to do where a pass without gradients does not fit."""
