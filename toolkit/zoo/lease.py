"""Leases of names: whoever makes an entry holds its name from the start, so that a second one is refused before it trains.

A lease is a small file in `.leases/` of the zoo that says who holds it. A process that ended, by SIGKILL too, holds nothing:
on its own machine that is known at once; from another one a lease counts for `STALE_S` after its last sign of life, which its
holder gives every `BEAT_S` seconds. Ages are differences between times of one file system, whatever the clocks say.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from toolkit.composition import parse
from toolkit.errors import ZooError
from toolkit.leases import Holder, read, renew, write
from toolkit.zoo.files import locked, names, refuse_link, unwritable
from toolkit.zoo.names import clean

LEASES = ".leases"
BEAT_S = 30.0
STALE_S = 300.0


@contextmanager
def leased(root: Path, backbone: str, entries: Iterable[str], doing: str = "trained") -> Iterator[None]:
    """Hold the names of some entries while they are made.

    Args:
        root: the zoo's folder, made if need be.
        backbone: name of the backbone in the zoo.
        entries: their names.
        doing: what is done to them, for the sentence that a second one gets.

    Raises:
        ZooError: another process holds one of them; the folder is not writable.
    """
    folder, own = root / LEASES, Holder.here(doing)
    paths = {_path(folder, backbone, entry): entry for entry in entries}
    try:
        refuse_link(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            _clear_half_written(folder)
            now = _now(folder)
            for path, entry in paths.items():
                _require_free(path, entry, backbone, now)
            for path in paths:
                write(path, own)
    except OSError as error:
        raise unwritable(folder, error) from None
    done = threading.Event()
    beat = threading.Thread(target=_beat, args=(list(paths), own, done), name="lease", daemon=True)
    beat.start()
    try:
        yield
    finally:
        done.set()
        beat.join(timeout=1.0)
        with suppress(ZooError, OSError), locked(folder):
            for path in paths:
                if read(path) == own:  # else it was taken over while this process was stopped
                    path.unlink()


def ended(root: Path) -> list[Path]:
    """Return the leases whose holders have ended."""
    folder = root / LEASES
    if not folder.is_dir() or folder.is_symlink():
        return []
    found = [folder / name for name in names(folder) if not name.startswith(".")]
    if not found:
        return []
    with suppress(ZooError, OSError), locked(folder, timeout_s=1.0):
        now = _now(folder)
        return [path for path in found if _holder_of(path, now) is None]
    return []


def clear_ended(path: Path) -> bool:
    """Remove a lease whose holder has ended; return whether that was so."""
    with suppress(ZooError, OSError), locked(path.parent, timeout_s=1.0):
        if _holder_of(path, _now(path.parent)) is None:
            path.unlink(missing_ok=True)
            return True
    return False


def _require_free(path: Path, entry: str, backbone: str, now: float) -> None:
    found = _holder_of(path, now)
    if found is not None:
        raise ZooError(
            f"'{entry}' is being {found.doing} for {backbone} by {found.in_words}; wait for it and run the same command again, "
            "or make yours under a name of its own (`--as NAME`)."
        )


def _holder_of(path: Path, now: float) -> Holder | None:
    """Return who holds a lease; None where there is none, or whoever held it has ended."""
    try:
        age_s = now - os.lstat(path).st_mtime
    except FileNotFoundError:
        return None
    found = read(path)
    if found is None:  # half written by one that was killed, or not a lease
        return None
    return None if found.has_ended(age_s, STALE_S) else found


def _clear_half_written(folder: Path) -> None:
    """Remove what processes that were killed under the lock have left; the caller holds it, so that nobody is writing."""
    for name in names(folder):
        if name.startswith(".now.") or (name.startswith(".") and name.endswith(".new")):
            (folder / name).unlink(missing_ok=True)


def _beat(paths: list[Path], own: Holder, done: threading.Event) -> None:
    """Give signs of life, of leases that are still this process's own."""
    while not done.wait(BEAT_S):
        renew(paths, own)


def _now(folder: Path) -> float:
    """Return the time as the file system has it: another machine's clock may differ from this one's."""
    probe = folder / f".now.{os.getpid()}"
    probe.write_text("")
    os.utime(probe)
    try:
        return os.lstat(probe).st_mtime
    finally:
        probe.unlink()


def _path(folder: Path, backbone: str, entry: str) -> Path:
    return folder / f"{clean(backbone)}~{parse(entry).slug}"
