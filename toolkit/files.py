"""Files: why one cannot be read, and atomic writes, so that a reader sees the old file or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from toolkit.errors import ToolkitError

# What a path may be in place of a file; opening a pipe without a writer would wait for ever.
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def file_fault(path: Path) -> str:
    """Return why a path is not a file that can be read, as the rest of a sentence about it; empty where it is one.

    Nothing is opened, so that this never waits.

    Example:
        >>> file_fault(Path("/nowhere/rows.csv")), file_fault(Path("/"))
        ('is not there', 'is a folder')
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as fault:
        if isinstance(fault, ValueError):
            return "has a name that no file can have (it holds a NUL)"
        if fault.errno == errno.ELOOP:
            return "is a link that leads to itself"
        if fault.errno in (errno.ENOENT, errno.ENOTDIR):
            return "is a link to a file that is not there" if os.path.islink(path) else "is not there"
        return f"cannot be read ({fault.strerror})"
    if not stat.S_ISREG(mode):
        return f"is {_KINDS.get(stat.S_IFMT(mode), 'not a file')}"
    return "" if os.access(path, os.R_OK) else f"cannot be read ({os.strerror(errno.EACCES)})"


def at_home(path: str | Path) -> Path:
    """Return a path with the user's folder in place of `~`; a name that begins with `~` without such a user stays as it is.

    Example:
        >>> at_home("~nobody-of-this-name/rows.csv").as_posix()
        '~nobody-of-this-name/rows.csv'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@contextlib.contextmanager
def replacing(path: Path, *, is_synced: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file next to `path` and rename it to `path` when the block ends; remove it if the block raises.

    The temporary file is called `.NAME.RANDOM.PID.tmp`: by the process id a clean-up sees whether its writer is still
    running, and two threads never share one.

    Args:
        path: the file to replace; its folder is made if need be.
        is_synced: whether the bytes are flushed to the disk before the file is renamed.

    Raises:
        OSError: the folder cannot be written, or the disk is full; the old file is still there.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the parent may be no folder at all; the first fault is the one to report
            temporary.unlink(missing_ok=True)
        raise


def replace_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8 in place of `path`, atomically.

    Raises:
        ToolkitError: the folder cannot be written, or the disk is full; the old file is still there.
    """
    try:
        with replacing(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as fault:
        raise ToolkitError(f"Cannot write {path}: {fault.strerror}; free space or name another folder.") from None
