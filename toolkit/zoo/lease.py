"""Leases of names: whoever makes an entry holds its name from the start, so that a second one is refused before it trains.

A lease is a small file in `.leases/` of the zoo that says who holds it. A process that ended, by SIGKILL too, holds nothing:
on its own machine that is known at once; from another one a lease counts for `STALE_S` after its last sign of life, which its
holder gives every `BEAT_S` seconds. Ages are differences between times of one file system, whatever the clocks say.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from toolkit.composition import parse
from toolkit.errors import ZooError
from toolkit.tracking.alive import is_gone, is_running, this_process
from toolkit.zoo.files import locked, names, open_regular, refuse_link, unwritable
from toolkit.zoo.names import clean

LEASES = ".leases"
BEAT_S = 30.0
STALE_S = 300.0
_MAX_BYTES = 10_000


@dataclass(frozen=True)
class Holder:
    """Who holds a name.

    Attributes:
        process: `tracking.alive.this_process` of it.
        machine: id of the machine's current start; empty where there is none.
        since: when it began, local time.
        doing: what is done to the entry.
    """

    process: str
    machine: str
    since: str
    doing: str = "trained"

    @classmethod
    def here(cls, doing: str = "trained") -> Holder:
        """Return this process as a holder."""
        return cls(this_process(), _machine(), datetime.now().isoformat(" ", "seconds"), doing)

    @property
    def in_words(self) -> str:
        """`process 42 on HOST, since TIME`."""
        place, _, rest = self.process.partition(" ")
        return f"process {rest.partition(' ')[0]} on {place.partition('/')[0]}, since {self.since}"

    def has_ended(self, age_s: float) -> bool:
        """Return whether the process is gone, or, where that cannot be seen from here, gave no sign of life for too long."""
        if self.machine == _machine():
            if is_running(self.process):
                return False
            if is_gone(self.process):
                return True
        return age_s > STALE_S


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
                _write(path, own)
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
                if _read(path) == own:  # else it was taken over while this process was stopped
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
    found = _read(path)
    if found is None:  # half written by one that was killed, or not a lease
        return None
    return None if found.has_ended(age_s) else found


def _read(path: Path) -> Holder | None:
    with suppress(ZooError, ValueError, TypeError, KeyError):
        with open_regular(path, "The lease") as stream:
            held = json.loads(stream.read(_MAX_BYTES))
        texts = {key: str(held[key])[:300] for key in ("process", "machine", "since", "doing")}
        return Holder(**{key: "".join(c if c.isprintable() else "?" for c in text) for key, text in texts.items()})
    return None


def _write(path: Path, own: Holder) -> None:
    """Write a lease in one step; the caller holds the lock of the folder."""
    new = path.with_name(f".{path.name[:100]}.{os.getpid()}.new")
    try:
        new.write_text(json.dumps(asdict(own)) + "\n", encoding="utf-8")
        os.replace(new, path)
    except BaseException:  # a full disk, or Ctrl-C
        new.unlink(missing_ok=True)
        raise


def _clear_half_written(folder: Path) -> None:
    """Remove what processes that were killed under the lock have left; the caller holds it, so that nobody is writing."""
    for name in names(folder):
        if name.startswith(".now.") or (name.startswith(".") and name.endswith(".new")):
            (folder / name).unlink(missing_ok=True)


def _beat(paths: list[Path], own: Holder, done: threading.Event) -> None:
    """Give signs of life, of leases that are still this process's own."""
    while not done.wait(BEAT_S):
        for path in paths:
            with suppress(OSError):
                if _read(path) == own:
                    os.utime(path)


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


def _machine() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
