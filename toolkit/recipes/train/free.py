"""Memory that this process may still take: of the machine, of its container, and by its own limit."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

import psutil

_GROUP = Path("/sys/fs/cgroup")  # of version 2; the one of version 1 keeps its own names
_FILES = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def free_memory() -> int:
    """Return the bytes of memory that are free for this process."""
    found = [int(psutil.virtual_memory().available)]
    for limit, used in _FILES:
        with suppress(OSError, ValueError):  # no such limit, or the word `max`
            found.append(int((_GROUP / limit).read_text()) - int((_GROUP / used).read_text()))
    own, _ = resource.getrlimit(resource.RLIMIT_AS)
    if own != resource.RLIM_INFINITY:
        found.append(own - int(psutil.Process().memory_info().vms))
    return max(0, min(found))
