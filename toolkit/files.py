"""Files: why one cannot be read, and atomic writes, so that a reader sees the old file or the new one."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, BinaryIO

from toolkit.errors import ToolkitError, unwritable

try:
    import fcntl
except ImportError:  # not on Windows: there, the process id alone says whether a writer is gone
    fcntl = None  # type: ignore[assignment]

# What a path may be in place of a file; opening a pipe without a writer would wait for ever.
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Some files of the kernel wait as well.
_KERNEL = {os.stat(each).st_dev for each in ("/proc", "/sys") if os.path.ismount(each)}


def file_fault(path: Path) -> str:
    """Return why a path is not a file that can be read, as the rest of a sentence about it; empty where it is one.

    Nothing is opened, so that this never waits.

    Example:
        >>> file_fault(Path("/nowhere/rows.csv")), file_fault(Path("/"))
        ('is not there', 'is a folder')
    """
    try:
        status = os.stat(path)
    except ValueError:
        return "has a name that no file can have (it holds a NUL)"
    except OSError as fault:
        if fault.errno == errno.ELOOP:
            return "is a link that leads to itself"
        if fault.errno in (errno.ENOENT, errno.ENOTDIR):
            return "is a link to a file that is not there" if os.path.islink(path) else "is not there"
        return f"cannot be read ({fault.strerror})"
    if kind := _kind_of(status):
        return f"is {kind}"
    return "" if os.access(path, os.R_OK) else f"cannot be read ({os.strerror(errno.EACCES)})"


def _kind_of(status: os.stat_result) -> str:
    """Return what a path is in place of a file; empty for a file."""
    if stat.S_ISREG(status.st_mode):
        return "a file of the system's kernel" if status.st_dev in _KERNEL else ""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "not a file")


def read_regular(path: Path) -> bytes:
    """Return the bytes of a file; OSError where it is none, or cannot be read: a pipe would wait, a device has no end."""
    if fault := not_a_file(path):
        raise OSError(errno.EINVAL, f"it is {fault}", os.fspath(path))
    return Path(path).read_bytes()


def not_a_file(path: Path) -> str:
    """Return what a path is in place of a file: a pipe or a device, which would be read for ever; empty where it is none.

    Raises:
        OSError: there is nothing.
    """
    return "" if stat.S_ISDIR((status := os.stat(path)).st_mode) else _kind_of(status)


def load_json(path: Path) -> object:
    """Return what a JSON file in UTF-8 says.

    Raises:
        OSError: it is not a file, or cannot be read.
        ValueError: it is not JSON in UTF-8, or nested too deep.
    """
    return json_of(read_regular(path).decode("utf-8"))


def json_of(text: str | bytes) -> object:
    """Return what a JSON text says.

    Raises:
        ValueError: it is not JSON, or nested too deep.

    Example:
        >>> json_of('{"a": [1, 2]}')
        {'a': [1, 2]}
    """
    try:
        found: object = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return found


@contextlib.contextmanager
def replacing(path: Path, *, is_synced: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file next to `path` and rename it to `path` when the block ends; remove it if the block raises.

    The temporary file is called `.NAME.RANDOM.PID.tmp`, and two threads never share one. It is locked while it is written.
    Those that killed processes have left in the folder are removed the first time that a process writes there.

    Args:
        path: the file to replace; its folder is made if need be.
        is_synced: whether the bytes are flushed to the disk before the file is renamed.

    Raises:
        OSError: the folder cannot be written, or the disk is full; the old file is still there. Or a device or a pipe is
            there: a rename by root would take /dev/null away.
    """
    path = Path(path)
    if not path.name:  # of `/`
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.is_symlink() and path.exists() and (fault := not_a_file(path)):
        raise OSError(errno.EINVAL, f"it is {fault}", str(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_once(path.parent)
        with open(temporary, "wb") as file:
            _lock(file)
            yield file
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the parent may be no folder at all; the first fault is the one to report
            temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Give an empty folder next to `path`, to be renamed to it when it is whole; removed at the end where it was not.

    It is called and locked as the temporary file of `replacing`, and removed by the next process after a kill.

    Raises:
        OSError: the folder cannot be made.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.{os.getpid()}.tmp")
    beside.parent.mkdir(parents=True, exist_ok=True)
    _clear_once(beside.parent)
    beside.mkdir()
    handle = os.open(beside, os.O_RDONLY)
    try:
        _lock(handle)
        yield beside
    finally:
        os.close(handle)
        remove_folder(beside)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder for what is needed for a moment, where the system keeps such things (TMPDIR).

    Raises:
        ToolkitError: there is no such place, or it is full.
    """
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(folder_beside(Path(tempfile.gettempdir()) / "xstilts"))
        except OSError as fault:
            raise ToolkitError(
                f"No temporary folder can be made ({fault.strerror}); free space, or name another place: `TMPDIR=DIR`."
            ) from None
        found.chmod(0o700)
        yield found


@contextlib.contextmanager
def held_alone(path: Path) -> Iterator[bool]:
    """Hold a file for this process inside the block; False where another process holds it.

    The file stays, empty. A process that ends, by a kill too, holds it no longer. Where a file system has no locks, every
    process holds it.

    Raises:
        OSError: the file cannot be made.
    """
    with open(path, "ab") as file:
        is_mine = fcntl is None
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_mine = True
            except BlockingIOError:
                is_mine = False
            except OSError:
                is_mine = True
        yield is_mine


def is_abandoned(path: Path) -> bool:
    """Whether a path is a temporary file or folder of this module whose writer is gone: by its process id, and by its lock.

    The process id says nothing about a writer on another machine that shares the folder; its lock does.

    Example:
        >>> is_abandoned(Path("scores.json")), is_abandoned(Path(".scores.json.0a1b2c3d.4194305.tmp"))
        (False, False)
    """
    parts = path.name.split(".")
    if len(parts) < 5 or parts[0] or parts[-1] != "tmp" or not parts[-2].isdigit() or has_process(int(parts[-2])):
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False  # gone meanwhile
    try:
        return _lock(handle)
    finally:
        os.close(handle)


def _lock(file: IO[bytes] | int) -> bool:
    """Lock an open file without waiting; False where another process holds it or the file system has no locks."""
    with contextlib.suppress(OSError):
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def has_process(number: int) -> bool:
    """Return whether this machine has a process of this number."""
    try:
        os.kill(number, 0)
    except (OSError, OverflowError) as fault:
        return isinstance(fault, PermissionError)  # of another user
    return True


@lru_cache(maxsize=1024)
def _clear_once(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes have left in a folder; once in a process."""
    with contextlib.suppress(OSError):
        for path in [Path(each.path) for each in os.scandir(folder) if each.name.endswith(".tmp")]:
            if not is_abandoned(path):
                continue
            if path.is_dir():
                remove_folder(path)
            else:
                path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder as far as that can be; what interrupts it is raised when the folder is gone."""
    try:
        shutil.rmtree(path, ignore_errors=True)
    except KeyboardInterrupt:
        shutil.rmtree(path, ignore_errors=True)
        raise


def clear_scratch() -> None:
    """Remove what killed processes have left where `scratch` makes its folders."""
    _clear_once(Path(tempfile.gettempdir()))


def replace_text(path: Path, text: str, *, is_synced: bool = True) -> None:
    """Write `text` in UTF-8 in place of `path`, atomically; `is_synced` as for `replacing`.

    Raises:
        ToolkitError: the folder cannot be written, or the disk is full; the old file is still there.
    """
    replace_lines(path, [text], is_synced=is_synced)


def replace_lines(path: Path, lines: Iterable[str], *, is_synced: bool = True) -> None:
    """Write lines, each with its end, in UTF-8 in place of `path`, atomically and one after another.

    Raises:
        ToolkitError: as for `replace_text`.
    """
    try:
        with replacing(path, is_synced=is_synced) as file:
            for line in lines:
                file.write(line.encode("utf-8"))
    except OSError as fault:
        raise unwritable(path, fault) from None
