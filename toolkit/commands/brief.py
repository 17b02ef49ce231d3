"""Short commands: a process that ends soon spends little on garbage, of which starting makes none."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Python's own first number is 700: half a million objects of imported modules would be looked through hundreds of times.
SELDOM = (50_000, 20, 20)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Collect garbage less often in the block, and none when the process ends, whose memory is freed whole."""
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.set_threshold(*before)
