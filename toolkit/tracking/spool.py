"""Runs kept on disk for later: `xstilts-spool/<time>-<id>/` with append-only `events.jsonl` and copies of artifacts.

A line is complete or it is not there; an artifact's copy is renamed into place before the line that names it. While a
run is being written its file is locked, so an upload can distinguish a running run from one that was killed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from toolkit.files import json_of, load_json, replacing
from toolkit.tracking.events import LOCAL_PREFIX, Event

try:
    import fcntl
except ImportError:  # not on Windows: there, a killed run stays in the spool until it is removed by hand
    fcntl = None  # type: ignore[assignment]

NAME = "xstilts-spool"
EVENTS = "events.jsonl"
PROGRESS = "progress.json"


class SpooledRun:
    """The writing end of one run in the spool.

    Args:
        folder: working folder; the spool is made in it.
        start: the start event; its `run_id` names the MLflow run where one was made before the tracker went away.

    Raises:
        OSError: the spool cannot be written.
    """

    def __init__(self, folder: Path, start: Event) -> None:
        root = Path(folder) / NAME
        name = f"{time.time_ns():020d}-{start['own_id'][:12]}"
        beside = root / f".{name}.new"
        self.path = root / name
        self.run_id: str = start["run_id"] or LOCAL_PREFIX + start["own_id"]
        self._copies = 0
        with _whole(beside, root):
            (beside / "artifacts").mkdir(parents=True)
            # Unbuffered: after a full disk nothing is left to be written by closing.
            self._file = open(beside / EVENTS, "ab", buffering=0)  # noqa: SIM115 - open as long as the run is
            lock(self._file)
            self._write(start)
            os.rename(beside, self.path)  # visible only when it is locked and has its first line

    def append(self, *some: Event) -> None:
        """Add events, with copies of the artifacts that they name; on disk when this returns.

        Raises:
            OSError: no space, or an artifact is gone.
        """
        self._write(*(self._keep(event) if "path" in event else event for event in some))

    def close(self) -> None:
        """Let go of the file; without a close event before, the run counts as killed."""
        self._file.close()

    def _write(self, *some: Event) -> None:
        lines = b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in some)
        if self._file.write(lines) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
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
        with contextlib.suppress(OSError):  # without its file it was begun just now
            if not is_being_written(path):
                shutil.rmtree(path, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a run from the spool: first out of sight, so that half a folder is never taken for a run."""
    gone = path.with_name(f".{path.name}.done")
    os.rename(path, gone)
    shutil.rmtree(gone, ignore_errors=True)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Hold the spool's folder; yield False where another upload holds it."""
    if fcntl is None:
        yield True
        return
    root = os.open(Path(folder) / NAME, os.O_RDONLY)
    try:
        yield lock(root)
    finally:
        os.close(root)
