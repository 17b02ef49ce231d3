"""Signals by which schedulers, service managers and terminals end a command: handled like Ctrl-C, with codes of their own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATED = 128 + signal.SIGTERM
_OTHERS = [getattr(signal, name) for name in ("SIGHUP", "SIGUSR1") if hasattr(signal, name)]
_CODES_OF_CTRL_C = (0, 1, 130)  # 0: of a server that ends well with it


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP in the block as Ctrl-C: a checkpoint is written, runs are closed, what continues is said.

    The first one counts: what it has begun to end is not interrupted by another. SIGHUP stays ignored under `nohup`.

    Raises:
        SystemExit: with 143 where SIGTERM has ended the block, with 129 where SIGHUP has, in place of the code of Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    code: int = TERMINATED

    def hear(number: int, _: FrameType | None) -> None:
        if arrived:
            return
        arrived.append(number)
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # of a job in the background of a script
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    def hang_up(number: int, frame: FrameType | None) -> None:
        nonlocal code
        if not arrived:
            code = 128 + number
        _as_sigterm(number, frame)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, *_OTHERS)}
    signal.signal(signal.SIGTERM, hear)
    if before.get(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    except SystemExit as end:
        if arrived and (end.code or 0) in _CODES_OF_CTRL_C:
            raise SystemExit(code) from None
        raise
    except KeyboardInterrupt:
        if arrived:
            raise SystemExit(code) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def hear_requeue_signal() -> None:
    """Handle SIGUSR1, which Slurm sends ahead of the end of a job's time, as SIGTERM until `ended_like_ctrl_c` ends."""
    if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGTERM)):
        signal.signal(signal.SIGUSR1, _as_sigterm)


def _as_sigterm(number: int, _: FrameType | None) -> None:
    signal.raise_signal(signal.SIGTERM)  # whoever handles that at the moment, such as a training within a step
