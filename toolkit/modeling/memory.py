"""Errors of memory, in one sentence that names the setting that helps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from toolkit.errors import ToolkitError, is_out_of_memory


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
    except (RuntimeError, MemoryError, OSError) as fault:
        if not is_out_of_memory(fault):
            raise
        where = "This GPU's memory" if device.type == "cuda" else "The memory of this machine"
        raise ToolkitError(f"{where} does not hold {what}; {instead}.") from fault


SMALLER_PASSES = "lower --set eval.batch_size, or a longest text's --set eval.max_length"
"""What to do where a pass without gradients does not fit."""
