"""Runs on disk until they are sent: `xstilts-spool/<time>-<id>/` with append-only `events.jsonl` and copies of artifacts.

A line is complete or it is not there; an artifact's copy is renamed into place before the line that names it. While a
run is being written its file is locked, so an upload can distinguish a running run from one that was killed. As long as
the process of a run sends it itself, the folder holds the file `sending`, and other processes leave it alone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from toolkit.files import has_process, json_of, load_json, replacing
from toolkit.tracking.events import LOCAL_PREFIX, Event

try:
    import fcntl
except ImportError:  # not on Windows: there, a killed run stays in the spool until it is removed by hand
    fcntl = None  # type: ignore[assignment]

NAME = "xstilts-spool"
EVENTS = "events.jsonl"
PROGRESS = "progress.json"
_SENDING = "sending"


def sync_command(folder: Path) -> str:
    """Return the command that uploads the spool of a working folder."""
    return "xstilts track sync" + ("" if folder == Path() else f" --folder {shlex.quote(str(folder))}")


class SpooledRun:
    """The writing end of one run in the spool.

    Args:
        folder: working folder; the spool is made in it.
        start: the start event; its `run_id` names the MLflow run where one was made before the tracker went away.
        is_sent: whether this process sends the run itself; then nothing is flushed to the disk before `keep`, because what
            is written outlives the process, and a training loop does not wait for disks.

    Attributes:
        end: bytes of events so far.

    Raises:
        OSError: the spool cannot be written.
    """

    def __init__(self, folder: Path, start: Event, *, is_sent: bool = False) -> None:
        root = Path(folder) / NAME
        name = f"{time.time_ns():020d}-{start['own_id'][:12]}"
        self.path = root / name
        self.run_id: str = start["run_id"] or LOCAL_PREFIX + start["own_id"]
        self.end = 0
        self._copies, self._is_sent = 0, is_sent
        for is_last in (False, False, True):
            beside = root / f".{name}.{os.getpid()}.new"
            try:
                with _whole(beside, root):
                    self._make(beside, start)
                return
            except FileNotFoundError:  # another process has just removed the empty spool, or took this for a leftover
                if is_last:
                    raise

    def _make(self, beside: Path, start: Event) -> None:
        (beside / "artifacts").mkdir(parents=True)
        # Unbuffered: after a full disk nothing is left to be written by closing.
        self._file = open(beside / EVENTS, "ab", buffering=0)  # noqa: SIM115 - open as long as the run is
        lock(self._file)
        if self._is_sent:
            (beside / _SENDING).touch()
        self._write(start)
        os.rename(beside, self.path)  # visible only when it is locked and has its first line

    def append(self, *some: Event) -> list[Event]:
        """Add events, with copies of the artifacts that they name; a kill of the process does not lose them.

        Returns:
            The events, with the paths of the copies.

        Raises:
            OSError: no space, or an artifact is gone.
        """
        kept = [self._keep(event) if "path" in event else event for event in some]
        self._write(*kept)
        return kept

    def keep(self) -> None:
        """Leave the run to later uploads: this process does not send it any more.

        Raises:
            OSError: the disk is full.
        """
        if self._is_sent:
            self._is_sent = False
            (self.path / _SENDING).unlink(missing_ok=True)
            os.fsync(self._file.fileno())

    def drop_copy(self, path: str) -> None:
        """Remove the copy that an event names, which was sent."""
        shutil.rmtree((self.path / path).parent, ignore_errors=True)

    def close(self) -> None:
        """Let go of the file; without a close event before, the run counts as killed."""
        self._file.close()

    def remove(self) -> None:
        """Remove the run from the spool: everything was sent."""
        with contextlib.suppress(OSError):
            remove(self.path)
        self.close()

    def _write(self, *some: Event) -> None:
        lines = b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in some)
        if (written := self._file.write(lines)) != len(lines):
            if written:
                self._file.truncate(self.end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.end += len(lines)
        if not self._is_sent:
            os.fsync(self._file.fileno())

    def _keep(self, event: Event) -> Event:
        path = Path(event["path"])
        self._copies += 1
        place = self.path / "artifacts" / f"{self._copies:04d}"
        beside = place.with_name(f".{place.name}.new")
        with _whole(beside):
            beside.mkdir()
            if path.is_dir():
                shutil.copytree(path, beside / path.name)
            else:
                shutil.copyfile(path, beside / path.name)
            os.rename(beside, place)
        return {**event, "path": f"artifacts/{place.name}/{path.name}"}


@contextlib.contextmanager
def _whole(beside: Path, root: Path | None = None) -> Iterator[None]:
    """Remove a folder that a full disk left half-written, and the one above it where it held nothing else."""
    try:
        yield
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        if root is not None:
            with contextlib.suppress(OSError):
                root.rmdir()
        raise


def spooled(folder: Path) -> list[Path]:
    """Return the folders of the runs in the spool, oldest first: a parent comes before its children."""
    root = Path(folder) / NAME
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[Event, int]]:
    """Yield the complete events of a run from a byte offset on, each with the offset behind it.

    Raises:
        OSError: the file is gone.
        ValueError: a complete line is not an event.
    """
    with open(path / EVENTS, "rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):  # torn: its writer was killed, or is not done with it
                return
            offset += len(line)
            event = json_of(line)
            if not isinstance(event, dict) or "event" not in event:
                raise ValueError(f"{line[:40]!r} is not an event")
            yield event, offset


def is_being_written(path: Path) -> bool:
    """Return whether the process that writes this run still has it open."""
    if fcntl is None:
        return True
    with open(path / EVENTS, "rb") as file:
        return not lock(file)


def is_left(path: Path) -> bool:
    """Return whether a run may be uploaded: no process is sending it itself."""
    return not ((path / _SENDING).exists() and is_being_written(path))


def lock(file: IO[bytes] | int) -> bool:
    """Lock a file for as long as it is open; return whether nobody else holds it.

    A file system without locks answers False to a reader, who then leaves the run alone.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def read_progress(path: Path) -> dict[str, Any]:
    """Return how far a run was uploaded: `uri`, `run_id`, `offset`; or nothing where it was not yet."""
    try:
        found: Any = load_json(path / PROGRESS)
    except FileNotFoundError:
        return {}
    return dict(found)


def write_progress(path: Path, *, uri: str, run_id: str, offset: int) -> None:
    """Keep how far a run was uploaded, atomically."""
    with replacing(path / PROGRESS, is_synced=False) as file:
        file.write(json.dumps({"uri": uri, "run_id": run_id, "offset": offset}).encode())


def sweep(folder: Path) -> None:
    """Remove what an interrupted upload had begun to remove, and what a killed process had begun to write."""
    root = Path(folder) / NAME
    for path in root.glob(".*.done"):
        shutil.rmtree(path, ignore_errors=True)
    for path in root.glob(".*.new"):
        with contextlib.suppress(OSError):
            if (path / EVENTS).exists():
                is_over = not is_being_written(path)
            else:  # begun just now, or by a process that is gone
                writer = path.suffixes[-2:-1]
                is_over = bool(writer) and not has_process(int(writer[0].removeprefix(".")))
            if is_over:
                shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        root.rmdir()


def remove(path: Path) -> None:
    """Remove a run from the spool: first out of sight, so that half a folder is never taken for a run."""
    gone = path.with_name(f".{path.name}.done")
    os.rename(path, gone)
    shutil.rmtree(gone, ignore_errors=True)
    with contextlib.suppress(OSError):  # the last one
        path.parent.rmdir()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Hold the spool's folder; yield False where another upload holds it, or there is none any more."""
    if fcntl is None:
        yield True
        return
    try:
        root = os.open(Path(folder) / NAME, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield lock(root)
    finally:
        os.close(root)
