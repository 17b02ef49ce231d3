"""Errors of the user: each is reported as one sentence with exit code 2, or 1 where the rest of the work was done."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path


class ToolkitError(Exception):
    """An error that the user can fix.

    The message is one sentence: what was found, what was expected, what to do. The command line prints it and
    exits with code 2; every other exception keeps its traceback, because it is a bug in this package.
    """


class PartlyDone(ToolkitError):
    """Work on many things of which some failed: a sentence for each of those; the rest was done, so the exit code is 1.

    Args:
        faults: the sentences.
        done: the result of the rest.
    """

    def __init__(self, faults: Sequence[str], done: object = None) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)
        self.done = done

    def __reduce__(self) -> tuple[type[PartlyDone], tuple[tuple[str, ...]]]:
        """Let another process have the sentences; the result stays here."""
        return type(self), (self.faults,)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during work that can be continued; the message says, in one sentence, where it stopped and what is kept."""


class ConfigError(ToolkitError):
    """Faults in a configuration, all reported at once."""


class DataError(ToolkitError):
    """Rows that do not hold what their task promises: names the file, the row and what was expected."""


class SourceError(ToolkitError):
    """Rows or weights that cannot be reached: neither mirror, nor cache, nor hub."""


class ZooError(ToolkitError):
    """An adapter that is missing, damaged, or made for something else."""


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of a disk, of a quota, of what the system allows a file


def unwritable(path: Path, fault: OSError, *, instead: str = "name another folder") -> ToolkitError:
    """Return the sentence for a file or folder that cannot be written; `instead`: what to do, or free space.

    Example:
        >>> print(unwritable(Path("runs"), OSError(errno.EDQUOT, "Disk quota exceeded")))
        Cannot write runs: Disk quota exceeded; free space or name another folder.
    """
    why = fault.strerror or str(fault)
    if fault.errno == errno.EFBIG:
        why += ", above the limit that the system sets (`ulimit -f`)"
    return ToolkitError(f"Cannot write {path}: {why}; free space or {instead}.")


_USED_UP = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "std::bad_alloc")


def is_out_of_memory(fault: BaseException) -> bool:
    """Return whether an error says that memory is used up: torch's own, an allocator's, Python's or the system's.

    Example:
        >>> is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")), is_out_of_memory(OSError())
        (True, False)
    """
    if isinstance(fault, MemoryError) or type(fault).__name__ == "OutOfMemoryError":
        return True
    if isinstance(fault, OSError):
        return fault.errno == errno.ENOMEM
    return isinstance(fault, RuntimeError) and any(mark in str(fault) for mark in _USED_UP)
