"""Files of a zoo: opened without following links, pushed to the disk, locked against other writers."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ZooError

if TYPE_CHECKING:
    import numpy as np


class Unwritable(ZooError):
    """A folder of this machine takes no more writes: full, without rights, or gone; no entry is to blame."""


REPLACE_IT = "remove the entry (`xstilts zoo remove NAME` with its --backbone and --zoo) and train or pull it again"
LOCK_TIMEOUT_S = (
    300.0  # a writer holds the lock while it writes: seconds for an adapter, a minute or two for a checkpoint
)


def open_regular(path: str | Path, what: str) -> io.BufferedReader:
    """Open a regular file for reading; a link, a pipe or a folder is refused.

    Args:
        path: the file.
        what: how to call it in a fault.

    Raises:
        ZooError: it is missing, cannot be read, or is not a regular file.
    """
    try:
        # O_NONBLOCK: opening a pipe would otherwise wait for its writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ZooError(f"{what} is missing; expected it at {path}; {REPLACE_IT}.") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ZooError(f"{what} is a symbolic link, expected a file of its own; copy the file to {path}.") from None
        raise ZooError(f"{what} cannot be read ({error.strerror}); check {path}.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ZooError(f"{what} is not a regular file; {REPLACE_IT}.")
    return os.fdopen(descriptor, "rb")


def refuse_link(folder: str | Path) -> None:
    """Raise ZooError where `folder` is a symbolic link or no folder; a missing one passes."""
    try:
        mode = os.lstat(folder).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ZooError(f"{folder} cannot be read ({error.strerror}); check its permissions.") from None
    if stat.S_ISLNK(mode):
        raise ZooError(f"{folder} is a symbolic link, expected a folder inside the zoo; copy what it points to.")
    if not stat.S_ISDIR(mode):
        raise ZooError(f"{folder} is not a folder; move it out of the zoo.")


def names(folder: Path) -> list[str]:
    """Return the sorted names in a folder; none where it does not exist.

    Raises:
        ZooError: it cannot be read.
    """
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from None


def unreadable(folder: Path, error: OSError) -> ZooError:
    """Return the sentence for a folder whose names cannot be listed."""
    return ZooError(f"The folder {folder} cannot be read ({error.strerror}); check the path and its rights.")


def subfolders(folder: Path) -> list[Path]:
    """Return what could be an entry or a backbone: everything but files and names with a leading dot."""
    try:
        with os.scandir(folder) as found:
            paths = sorted(
                one.name for one in found if not one.name.startswith(".") and (one.is_symlink() or one.is_dir())
            )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from None
    return [folder / name for name in paths]


def sha256(stream: io.BufferedReader) -> str:
    """Return the SHA-256 of a stream, read from its start in pieces."""
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a new file and push it to the disk."""
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def sync(path: Path) -> None:
    """Push a written file, or the list of names of a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot sync a folder
            raise
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold the one writer's lock of a folder; the system drops it when a process dies.

    Raises:
        ZooError: the folder cannot be written, or another process holds the lock for longer than `timeout_s` seconds.
    """
    try:
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        end = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise ZooError(
                        f"Another process has been writing to {folder} for more than {timeout_s:.0f} s; "
                        "wait for it or end it, then run the same command again."
                    ) from None
                time.sleep(0.02)
            except OSError as error:  # a network folder without locks
                raise unwritable(folder, error) from None
        yield
    finally:
        os.close(descriptor)


def unwritable(folder: Path, error: OSError) -> Unwritable:
    """Return the sentence for a folder that takes no more writes."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        why, mend = "the disk or its quota is full", "free some space"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        why, mend = "it is not writable", "make it writable or name another zoo (`--set zoo=DIR`)"
    else:
        why, mend = error.strerror or str(error), "check the disk or name another zoo (`--set zoo=DIR`)"
    return Unwritable(
        f"Cannot write to {folder}: {why}; {mend} and run the same command again: what was there is unchanged."
    )


def save_tensors(tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """Write tensors in safetensors' format.

    Raises:
        OSError: the system's own fault, which the library wraps in a text.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        save_file(dict(tensors), path)
    except SafetensorError as error:
        found = re.search(r"os error (\d+)", str(error))
        if not found:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1]))) from error
