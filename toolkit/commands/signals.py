"""SIGTERM, by which schedulers end a job: it is handled like Ctrl-C, with an exit code of its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATED = 128 + signal.SIGTERM
_CODES_OF_CTRL_C = (1, 130)


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Handle SIGTERM in the block as Ctrl-C: a checkpoint is written, runs are closed, and what continues is said.

    Raises:
        SystemExit: with 143 where SIGTERM has ended the block, in place of the code of Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        arrived.append(number)
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # of a job in the background of a script
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield
    except SystemExit as end:
        if arrived and end.code in _CODES_OF_CTRL_C:
            raise SystemExit(TERMINATED) from None
        raise
    except KeyboardInterrupt:
        if arrived:
            raise SystemExit(TERMINATED) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
