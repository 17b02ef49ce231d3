"""Processes by a name that holds on one machine: whether the one that opened a run is still there."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from pathlib import Path


def here() -> str:
    """Return the machine with its space of process ids: two containers may share a name, or a machine."""
    space = ""
    with suppress(OSError):  # Linux has it
        space = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{space}"


def this_process() -> str:
    """Return a name of this process that no later one has: a process id is used again."""
    return f"{here()} {os.getpid()} {_began(os.getpid())}"


def is_gone(process: str) -> bool:
    """Return whether a process of this machine, as `this_process` named it, has ended; False for one elsewhere."""
    place, _, rest = process.partition(" ")
    number, _, began = rest.partition(" ")
    return place == here() and number.isdigit() and _began(int(number)) != began


def is_running(process: str) -> bool:
    """Return whether a process, as `this_process` named it, is one of this machine and at work."""
    return process.startswith(f"{here()} ") and not is_gone(process)


def process_mark() -> str:
    """Return a name of this process that says nothing of its machine to others: `PLACE-PID-BEGAN`, hashes but for the number."""
    return f"{_hash(here())}-{os.getpid()}-{_hash(_began(os.getpid()))}"


def has_mark_ended(mark: str) -> bool:
    """Return whether a process of this machine, as `process_mark` named it, has ended; False for one elsewhere."""
    place, number, began = mark.split("-")
    return place == _hash(here()) and _hash(_began(int(number))) != began


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _began(number: int) -> str:
    """Return when a process began, in words that a clock which is set does not change; empty where there is none."""
    import psutil

    try:
        process = psutil.Process(number)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        with suppress(OSError):  # Linux: ticks since the machine started, and which start that was
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            # The name of the program, in parentheses, may hold blanks; the 22nd field is the 20th after it.
            return f"{boot}+{Path(f'/proc/{number}/stat').read_bytes().rpartition(b')')[2].split()[19].decode()}"
        return f"{process.create_time():.2f}"
    except psutil.Error:
        return ""
