"""Atomic writes: a file is written next to its place and renamed, so a reader sees the old file or the new one."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from toolkit.errors import ToolkitError


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
