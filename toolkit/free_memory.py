"""Memory that this process may still take: of the machine, of its control groups (containers, jobs), and of `ulimit -v`."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def free_memory() -> int | None:
    """Return the bytes of memory that this process may still take; None where the system does not say."""
    import psutil

    found = list(_free_in_groups(_GROUPS, _OWN))
    with suppress(psutil.Error, OSError, RuntimeError):
        found.append(psutil.virtual_memory().available)
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        with suppress(psutil.Error, OSError):
            found.append(max(0, limit - psutil.Process().memory_info().vms))
    return min(found, default=None)


def freed_since_peak() -> int:
    """Return the bytes that this process once held and gave back: what it may need again for the same work."""
    import psutil

    unit = 1 if sys.platform == "darwin" else 1024
    with suppress(psutil.Error, OSError):
        return max(
            0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - int(psutil.Process().memory_info().rss)
        )
    return 0


def _free_in_groups(groups: Path, own: Path) -> Iterator[int]:
    """Yield what is left of each limit that a control group of this process has, and those above it.

    Pages of files that were not used lately count as free: the system gives them up before it ends a process.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "memory":
            root, limit, used, cache = (
                groups / "memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )
        elif not controllers:
            root, limit, used, cache = groups, "memory.max", "memory.current", "inactive_file"
        else:
            continue
        folder = root / path.strip("/")
        for group in (folder, *(above for above in folder.parents if above.is_relative_to(root))):
            # A group without a limit says `max`, which is not a number.
            with suppress(OSError, ValueError):
                left = int((group / limit).read_text()) - int((group / used).read_text())
                yield max(0, left + _of_stat(group / "memory.stat", cache))


def _of_stat(path: Path, name: str) -> int:
    with suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
