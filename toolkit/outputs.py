"""Output folders: a journey's files are written apart, and put into the folder together, one process at a time.

What is written apart is in a hidden folder of the output folder, which its process keeps locked. What a killed process
left, the next one clears: files that were not put into the folder yet are removed, and files that were being put into
it are put there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType

from toolkit.errors import ToolkitError, unwritable
from toolkit.files import not_a_file, remove_folder
from toolkit.space import Need, require_space

_WRITTEN, _MADE, _READY, _OLD = ".written", ".made", ".ready", ".old"
_ENDINGS = (_WRITTEN, _MADE, _READY, _OLD)
_KEPT: ContextVar[bool] = ContextVar("kept", default=False)
_LEAST = 256 * 2**10  # bytes: tables, a picture, and answers of a few hundred rows
_TRIES = 100  # to begin, while other processes take the folder back
_LOCK_S = 60.0  # the lock is held while some files are renamed


class Output:
    """Files of a journey on their way into its folder; where the block raises before `commit`, nothing is left of them.

    Args:
        folder: where they go; made if need be.
        replaced: names of files and folders of earlier outputs that go where this one does not have them; everything else
            that is in the folder stays. A folder takes the place of an earlier one whole.
        instead: what the user can do where the folder cannot be written.

    Attributes:
        stage: where they are written; removed by `release`, or with this value.

    Raises:
        ToolkitError: the folder cannot be written.
    """

    def __init__(self, folder: Path, *, replaced: Sequence[str] = (), instead: str = "name another folder") -> None:
        self.folder, self._replaced, self._instead = Path(folder), tuple(replaced), instead
        self._missing = [each for each in (self.folder, *self.folder.parents) if not each.exists()]
        self.stage = self.folder / f".{secrets.token_hex(6)}{_WRITTEN}"
        try:
            self._descriptor = self._begin()
        except OSError as fault:
            self._take_back()
            raise unwritable(self.folder, fault, instead=self._instead) from None
        self._finalizer = weakref.finalize(self, _drop_quietly, self.stage, self._descriptor, os.getpid())

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            return
        self._drop()
        self._take_back()
        if isinstance(error, ToolkitError) and str(self.stage) in str(error):  # the user knows the folder
            raise type(error)(str(error).replace(str(self.stage), str(self.folder))) from None

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Leave a copy for another process without it: what is written apart is this process's own."""
        return (type(None), ())

    def commit(self) -> None:
        """Put what was written into the folder, all of it together.

        Raises:
            ToolkitError: the folder cannot be written; what was there stays.
        """
        made = self.stage.with_suffix(_MADE)
        ready = self.stage.with_suffix(_READY)
        try:
            try:
                with _locked(self.folder):
                    _copy(self.stage, made)
                    os.rename(made, ready)  # from here on a clean-up completes it
                    for name in self._replaced:
                        if not os.path.lexists(ready / name):
                            _remove(self.folder / name, ready)
                    _put(ready, self.folder)
            finally:
                remove_folder(made)
        except OSError as fault:
            raise unwritable(self.folder, fault, instead=self._instead) from None
        self._missing = []

    def release(self) -> None:
        """Remove what was written apart, after `commit`; in the block of `kept` it stays."""
        if not _KEPT.get():
            self._drop()

    def _drop(self) -> None:
        if (held := self._finalizer.detach()) is not None:
            _drop(*held[2])

    def _begin(self) -> int:
        require_space([Need("the results", self.folder, _LEAST, 0, self._instead)])
        for _ in range(_TRIES):
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with _locked(self.folder):
                    _clear(self.folder)
                    self.stage.mkdir()
                    descriptor = os.open(self.stage, os.O_RDONLY | os.O_CLOEXEC)
                    with suppress(OSError):  # a file system without locks: nothing of it is ever cleared
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except (FileNotFoundError, FileExistsError):
                # Another process that had made the folder for nothing took it back meanwhile.
                if not all(each.is_dir() for each in self.folder.parents if each.exists()):
                    raise
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _take_back(self) -> None:
        """Remove the folders that were made for the output; one that holds something stays."""
        with suppress(OSError):
            for each in self._missing:
                each.rmdir()


def require_replaceable(path: Path) -> None:
    """Raise, before the work that is to be written, unless a file can take the place of a path.

    Raises:
        ToolkitError: it is a folder, a device or a pipe.
    """
    try:
        kind = "a folder" if Path(path).is_dir() or not Path(path).name else not_a_file(path)
    except OSError:
        return  # nothing is there; what else is wrong, the writing says
    if kind:
        raise ToolkitError(f"{path} is {kind}; name a file to write.")


@contextmanager
def kept() -> Iterator[None]:
    """Keep what is written in the block apart as well: who copies it later copies this, not what others wrote meanwhile."""
    token = _KEPT.set(True)
    try:
        yield
    finally:
        _KEPT.reset(token)


def settle(folder: Path) -> None:
    """Complete or clear what a killed process left in an output folder; one that is missing or cannot be written stays."""
    with suppress(OSError):
        if any(name.endswith(_ENDINGS) for name in os.listdir(folder)):
            with _locked(folder):
                _clear(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which needs no file of its own; a file system without locks goes without."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        end = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise ToolkitError(
                        f"Another process has been writing into {folder} for more than {_LOCK_S:.0f} s; wait for it or end "
                        "it, then run the same command again."
                    ) from None
                time.sleep(0.01)
            except OSError:
                break
        yield
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> None:
    """Complete what was being put into a folder, and remove what dead processes left; only the holder of its lock calls it."""
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if not name.startswith(".") or not name.endswith(_ENDINGS):
            continue
        if name.endswith(_READY):
            _put(path, folder)
        elif not name.endswith(_WRITTEN) or _is_dead(path):
            remove_folder(path)


def _is_dead(stage: Path) -> bool:
    try:
        descriptor = os.open(stage, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _put(ready: Path, folder: Path) -> None:
    """Rename what is ready into a folder, each file and folder in place of an older one."""
    for name in sorted(os.listdir(ready)):
        place = folder / name
        if (ready / name).is_dir() or place.is_dir():
            _remove(place, ready)
        os.replace(ready / name, place)
    remove_folder(ready)
    remove_folder(ready.with_suffix(_OLD))


def _remove(place: Path, ready: Path) -> None:
    """Take a file or folder out of its place at once."""
    if os.path.lexists(place):
        old = ready.with_suffix(_OLD)
        old.mkdir(exist_ok=True)
        os.rename(place, old / f"{secrets.token_hex(4)}.{place.name}")


def _copy(source: Path, target: Path) -> None:
    """Give the files of a folder second names in another one; where the file system has no such links, copy them."""
    target.mkdir()
    for entry in os.scandir(source):
        if entry.is_dir():
            _copy(Path(entry.path), target / entry.name)
            continue
        try:
            os.link(entry.path, target / entry.name)
        except OSError:
            shutil.copy2(entry.path, target / entry.name)


def _drop(stage: Path, descriptor: int, process: int) -> None:
    if process != os.getpid():  # in a fork
        return
    try:
        remove_folder(stage)
    finally:
        with suppress(OSError):
            os.close(descriptor)


def _drop_quietly(stage: Path, descriptor: int, process: int) -> None:
    """Do it while Python clears up behind the work, where Ctrl-C can end nothing any more and would print a traceback."""
    with suppress(KeyboardInterrupt):
        _drop(stage, descriptor, process)
