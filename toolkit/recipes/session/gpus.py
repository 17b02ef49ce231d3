"""GPUs of processes that work next to each other."""

from __future__ import annotations

from toolkit.modeling.precision import take_gpu
from toolkit.progress import Say


def take_own_gpu(number: int, say: Say) -> None:
    """Take a GPU of this process's own, if there is one for it, else one that it shares, which is said.

    Args:
        number: of the process, from 0.
    """
    if shared := take_gpu(number):
        say(f"There are more workers than GPUs: worker {number + 1} shares {shared}.")
