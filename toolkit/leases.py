"""Leases: small files that say who holds something, so that a second process is refused, on this machine and on others.

A process that ended, by SIGKILL too, holds nothing: on its own machine that is known at once. From another one only signs of
life are seen, which a holder gives by setting the time of its file. `hold` never compares clocks: whoever wants what another
machine holds watches the file, and takes it where no sign of life comes for `STALE_S` seconds of the watcher's own clock.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from toolkit.tracking.alive import is_gone, is_running, this_process

BEAT_S = 5.0
STALE_S = 60.0
_LOOK_S = 0.1
_GLANCE_S = 3 * BEAT_S
_MAX_BYTES = 10_000

Mark = tuple[bytes, int, int]
"""Bytes, number and time of a file: they differ after a sign of life, and in another holder's file."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        process: `tracking.alive.this_process` of it.
        machine: id of the machine's current start; empty where there is none.
        since: when it began, local time.
        doing: what is done to the thing that is held.
        token: differs between two leases of one process.
    """

    process: str
    machine: str
    since: str
    doing: str = "trained"
    token: str = ""

    @classmethod
    def here(cls, doing: str = "trained", token: str = "") -> Holder:
        """Return this process as a holder."""
        return cls(this_process(), _machine(), datetime.now().isoformat(" ", "seconds"), doing, token)

    @property
    def in_words(self) -> str:
        """`process 42 on HOST, since TIME`."""
        place, _, rest = self.process.partition(" ")
        return f"process {rest.partition(' ')[0]} on {place.partition('/')[0]}, since {self.since}"

    @property
    def is_here(self) -> bool | None:
        """Whether its process runs on this machine: True, False where it has ended, None where that cannot be seen."""
        if self.machine == _machine():
            if is_running(self.process):
                return True
            if is_gone(self.process):
                return False
        return None

    def has_ended(self, age_s: float, stale_s: float) -> bool:
        """Return whether the process is gone, or, where that cannot be seen from here, gave no sign of life for too long."""
        return age_s > stale_s if self.is_here is None else not self.is_here


class TakenError(Exception):
    """Another process holds the lease; `holder` is who, None where the file does not say it."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__("its lease does not say which" if holder is None else holder.in_words)
        self.holder = holder


class Lease:
    """A lease that this process holds, and keeps until `close`.

    Attributes:
        path: its file.
        own: this process as its holder.
        descriptor: of the file; processes that inherit it keep the lease taken on this machine until they end as well.
        is_lost: whether another process has taken it while this one gave no sign of life.
    """

    def __init__(self, path: Path, own: Holder, descriptor: int) -> None:
        self.path, self.own, self.descriptor, self.is_lost = path, own, descriptor, False
        self._done = threading.Event()
        self._beat = threading.Thread(target=self._give_signs, name="lease", daemon=True)
        self._beat.start()

    def close(self) -> None:
        """Give it back."""
        self._done.set()
        self._beat.join(timeout=1.0)
        with suppress(OSError):
            if read(self.path) == self.own:
                self.path.unlink()
        os.close(self.descriptor)

    def _give_signs(self) -> None:
        while not self._done.wait(BEAT_S):
            with suppress(OSError):
                self.is_lost = not renew([self.path], self.own)
                if self.is_lost:
                    return


def hold(path: Path, *, wait_s: float, doing: str = "used", stale_s: float = STALE_S) -> Lease:
    """Take a lease.

    Args:
        path: its file, in a folder that exists.
        wait_s: seconds to wait for a process of this machine that holds it or is ending.
        doing: what is done to the thing that is held.
        stale_s: seconds without a sign of life after which a process of another machine holds nothing.

    Raises:
        TakenError: another process holds it.
        OSError: the folder cannot be written.
    """
    own = Holder.here(doing, secrets.token_hex(4))
    began = time.monotonic()
    first: Mark | None = None
    while (descriptor := _make(path, own)) is None:
        waited = time.monotonic() - began
        mark = _look(path)
        if mark is None:
            if waited > wait_s:  # a link, or a file that only its owner may read
                raise TakenError(None)
            continue  # it was given back this moment
        holder = _holder(mark[0])
        is_here = None if holder is None else holder.is_here
        if is_here is None:
            if first is not None and mark != first:
                raise TakenError(holder)
            first = mark
            if waited > stale_s:
                _end(path, mark)
        elif is_here or not _is_free(path):
            first = None
            if waited > wait_s:
                raise TakenError(holder)
        else:
            _end(path, mark)
            continue
        time.sleep(_LOOK_S)
    return Lease(path, own, descriptor)


def is_held(path: Path) -> bool:
    """Return whether a process holds a lease; of another machine's process this may take some seconds."""
    first = _look(path)
    if first is None:
        return False
    holder = _holder(first[0])
    if holder is not None and (is_here := holder.is_here) is not None:
        return is_here or not _is_free(path)
    if abs(time.time() - first[2] / 1e9) < _GLANCE_S:
        return True
    end = time.monotonic() + _GLANCE_S
    while time.monotonic() < end:
        time.sleep(_LOOK_S)
        if (found := _look(path)) != first:
            return found is not None
    return False


def read(path: Path) -> Holder | None:
    """Return who a file says holds a lease; None where there is none, or it is half written or not a lease."""
    found = _look(path)
    return None if found is None else _holder(found[0])


def write(path: Path, own: Holder) -> None:
    """Write a lease in one step; the caller sees to it that nobody else does."""
    new = path.with_name(f".{path.name[:100]}.{os.getpid()}.new")
    try:
        new.write_text(_text(own), encoding="utf-8")
        os.replace(new, path)
    except BaseException:  # a full disk, or Ctrl-C
        new.unlink(missing_ok=True)
        raise


def renew(paths: Iterable[Path], own: Holder) -> bool:
    """Give a sign of life of leases that are still a holder's own; return whether all of them are."""
    are_own = True
    for path in paths:
        if (found := _look(path)) is not None and _holder(found[0]) == own:
            with suppress(OSError):
                os.utime(path)
        else:
            are_own = False
    return are_own


def _make(path: Path, own: Holder) -> int | None:
    """Make the file of a lease and return its descriptor; None where there is one."""
    new = path.with_name(f"{path.name}.{own.token}.new")
    try:
        new.write_text(_text(own), encoding="utf-8")
        try:
            os.link(new, path)
        except FileExistsError:
            return None
        except OSError:  # a file system without links
            with suppress(FileExistsError), open(path, "x", encoding="utf-8") as file:
                file.write(_text(own))
            if read(path) != own:
                return None
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return descriptor
    finally:
        new.unlink(missing_ok=True)


def _is_free(path: Path) -> bool:
    """Return whether no process that has inherited a lease of this machine is left; its holder has ended."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return True


def _end(path: Path, mark: Mark) -> None:
    """Remove the lease of a holder that has ended, if it is still the one that was seen."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.ended")
    with suppress(FileNotFoundError):  # another process was faster
        os.rename(path, aside)
        if _look(aside) != mark:
            with suppress(OSError):
                os.link(aside, path)
        aside.unlink()


def _look(path: Path) -> Mark | None:
    try:
        # A file that is opened is looked up anew, also on a network file system that keeps what it has seen.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        data = os.read(descriptor, _MAX_BYTES) if stat.S_ISREG(found.st_mode) else b""
        return data, found.st_ino, found.st_mtime_ns
    finally:
        os.close(descriptor)


def _holder(data: bytes) -> Holder | None:
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
        held = json.loads(data)
        texts = {key: str(held[key])[:300] for key in ("process", "machine", "since", "doing")}
        texts["token"] = str(held.get("token", ""))[:300]
        return Holder(**{key: "".join(c if c.isprintable() else "?" for c in text) for key, text in texts.items()})
    return None


def _text(own: Holder) -> str:
    return json.dumps(asdict(own)) + "\n"


def _machine() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
