"""Waiting for other processes, with a limit that a busy or slow machine does not reach."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil

# What it took this process to come from its start to here: on a quiet machine about half a second.
_START_S = max(0.0, time.time() - psutil.Process().create_time())
# Nothing that a test waits for takes more than some dozens of such starts.
LIMIT_S = max(600.0, 600.0 * _START_S)
# Above what is done at once, below every limit of the toolkit that is raised to LIMIT_S meanwhile.
SOON_S = LIMIT_S / 10


class Process(Protocol):
    """What `subprocess.Popen` and its kin have."""

    def poll(self) -> int | None: ...


def wait_until(
    holds: Callable[[], object], what: str, *, process: Process | None = None, every_s: float = 0.01
) -> None:
    """Return as soon as `holds()`.

    Args:
        what: what is waited for, for the message.
        process: who brings it about; where it ends before, waiting ends too.
        every_s: seconds between two looks.

    Raises:
        AssertionError: the process ended or the limit passed first.
    """
    end = time.monotonic() + LIMIT_S
    while not holds():
        if process is not None and process.poll() is not None:
            assert holds(), f"the process ended with {process.poll()} before {what}"
            return
        assert time.monotonic() < end, f"{what}: not within {LIMIT_S:.0f} s"
        time.sleep(every_s)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Let one process at a time into the block."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
