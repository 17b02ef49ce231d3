"""Disk of a sweep: whether a file is replaced in one step there, on which everything that a sweep keeps rests."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from toolkit.errors import ToolkitError, unwritable

_TIMES = 20


def require_atomic_rename(folder: Path) -> None:
    """Replace a file some times while it is read, as `status` reads what a sweep writes.

    Args:
        folder: where; it exists, and no other process tries it at the same time.

    Raises:
        ToolkitError: the file was missing or half written, or is not replaced at all.
    """
    path, new = folder / ".probe", folder / ".probe.new"  # always the same: the next sweep removes what a kill leaves
    faults: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set() and not faults:
            try:
                if path.read_bytes() not in (b"old\n", b"new\n"):
                    faults.append("was half written")
            except FileNotFoundError:
                faults.append("was missing")

    try:
        path.write_bytes(b"old\n")
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            for number in range(_TIMES):
                new.write_bytes((b"new\n", b"old\n")[number % 2])
                try:
                    os.replace(new, path)
                except OSError as error:
                    faults.append(f"was not replaced ({error.strerror})")
                    break
        finally:
            done.set()
            reader.join()
    except OSError as error:
        raise unwritable(folder, error, instead="name another with --out") from None
    finally:
        for each in (path, new):
            with suppress(OSError):
                each.unlink(missing_ok=True)
    if faults:
        raise ToolkitError(
            f"The file system of {folder} does not replace files in one step (one {faults[0]}), so a sweep cannot keep its "
            "results there; name a folder on another one with --out."
        )
