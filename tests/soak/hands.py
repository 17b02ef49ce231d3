"""Hands from outside: one lets stopped commands continue, one presses Ctrl-C where a server has begun to serve."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests import zygote
from tests.soak.traces import processes_in


def wake(folder: Path, is_over: threading.Event, after_s: float) -> None:
    """Let processes that have stopped in a folder continue after a time, until it is over."""
    while not is_over.wait(0.05):
        stopped = [one for one in processes_in(folder) if _has_stopped(one)]
        if stopped:
            time.sleep(after_s)
        for one in stopped:
            with suppress(psutil.Error):
                one.resume()


def _has_stopped(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() == psutil.STATUS_STOPPED)
    return False  # it has ended in between


def interrupt_when_it_serves(process: zygote.Popen, out: Path, *, within_s: float) -> None:
    """Press Ctrl-C when a command says what ends it; return then, or when it has ended."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        with suppress(zygote.subprocess.TimeoutExpired):
            process.wait(0.05)
            return
        if b"Ctrl-C ends the " in out.read_bytes():
            process.send_signal(signal.SIGINT)
            return
