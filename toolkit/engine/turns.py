"""Turns of processes at the GPUs of a machine, where nobody else numbers them."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import tempfile
from pathlib import Path


def take_turn(worker: str, place: int) -> int:
    """Return the lowest number that no process has which sees the same GPUs of this machine; it is kept until this process ends.

    Args:
        worker: whose number it is; the same worker and place have the same number again.
        place: of the worker's processes.
    """
    seen = hashlib.sha256(os.environ.get("CUDA_VISIBLE_DEVICES", "").encode()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"xstilts-turns-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            return place
    except OSError:
        return place
    try:
        return _lowest(folder / seen, f"{os.getpid()} {worker} {place}")
    except OSError:  # a full disk
        return place


def _lowest(stem: Path, owner: str) -> int:
    for number in itertools.count():
        path = stem.with_name(f"{stem.name}-{number}")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = os.pread(descriptor, 200, 0).decode("utf-8", "replace")
            os.close(descriptor)
            if held == owner:
                return number
            continue
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, owner.encode(), 0)
        return number  # the descriptor stays open
    raise AssertionError("numbers do not end")
