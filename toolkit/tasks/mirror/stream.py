"""Files of hub datasets streamed into a mirror by several threads: resumed, checked while they arrive, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from toolkit.hub_errors import PASSING, trouble_of
from toolkit.tasks.mirror.download import HubFile, Withheld, unreachable

AT_ONCE = 16
PARTS = ".parts"  # of files that are under way, in the folder of their dataset
_TRIES = 4
_PAUSE_S = 0.5
_LONGEST_WAIT_S = 330.0  # the hub counts requests over five minutes
_TIMEOUT_S = (10.0, 30.0)
_BLOCK = 2**17
_Job = TypeVar("_Job")
_Found = TypeVar("_Found")


class Stopped(Exception):
    """The work was given up, here or by the user."""


@dataclass
class Gate:
    """What the threads of one fetch share: whether to stop, until when the hub asks for a pause, the bytes that came."""

    stop: threading.Event = field(default_factory=threading.Event)
    arrived: int = 0
    until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, seconds: float) -> None:
        """Let no thread ask before so many seconds have passed."""
        with self._lock:
            self.until = max(self.until, time.monotonic() + seconds)

    @property
    def seconds_left(self) -> float:
        """Seconds until the hub may be asked again."""
        return max(0.0, self.until - time.monotonic())

    def enter(self) -> None:
        """Wait until the hub may be asked.

        Raises:
            Stopped: the work was given up meanwhile.
        """
        while not self.stop.is_set():
            if not (left := self.seconds_left):
                return
            self.stop.wait(min(left, 0.5))
        raise Stopped

    def add(self, count: int) -> None:
        """Count bytes that came, or that have to come again.

        Raises:
            Stopped: the work was given up.
        """
        if self.stop.is_set():
            raise Stopped
        with self._lock:
            self.arrived += count


def in_threads(
    jobs: Iterable[_Job], work: Callable[[_Job], _Found], gate: Gate, *, at_once: int = AT_ONCE
) -> Generator[tuple[int, _Found | Exception] | None]:
    """Do jobs in several threads; yield the number and the result of each as it comes, and None ten times a second.

    An exception of a job is its result. Where the caller leaves off, by an error or by Ctrl-C, the threads stop at once, and
    nothing waits for them.

    Args:
        jobs: what is to be done.
        work: does one.
        gate: shared with `work`; its `stop` is set at the end.
        at_once: number of threads.
    """
    waiting: queue.SimpleQueue[tuple[int, _Job]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, _Found | Exception]] = queue.SimpleQueue()
    count = 0
    for count, job in enumerate(jobs, 1):
        waiting.put((count - 1, job))

    def serve() -> None:
        while not gate.stop.is_set():
            try:
                number, job = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((number, work(job)))
            except Exception as error:
                done.put((number, error))

    # Daemons: an interpreter that ends, by Ctrl-C or otherwise, does not wait for a download.
    for number in range(min(at_once, count)):
        threading.Thread(target=serve, name=f"fetch-{number}", daemon=True).start()
    try:
        while count:
            try:
                found = done.get(timeout=0.1)
            except queue.Empty:
                yield None
                continue
            count -= 1
            yield found
    finally:
        gate.stop.set()


def receive(api: Any, repo: str, commit: str, told: HubFile, folder: Path, gate: Gate) -> str:
    """Download one file into a mirror; one that does not fit its checksum is fetched once more.

    Returns:
        Its SHA-256, computed while it came.

    Raises:
        SourceError: the hub cannot be reached, the file does not fit its checksum twice, or the disk is full.
        Stopped: the work was given up; what came stays, and is continued by the next call.
    """
    part = folder / PARTS / f"{told.path.replace('/', '--')}.{told.blob_id[:16]}"
    for _ in range(2):
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            sha256, is_it = _persistent(lambda: _stream(api, repo, commit, told, part, gate), gate)
            if is_it:
                (folder / told.path).parent.mkdir(parents=True, exist_ok=True)
                os.replace(part, folder / told.path)
                return sha256
        except Stopped:
            raise
        except Exception as error:
            raise unreachable(f"{repo} ({told.path})", None, error) from error
        gate.add(-part.stat().st_size)
        part.unlink(missing_ok=True)
    raise Withheld(
        f"{repo}/{told.path} arrived twice with another content than the hub states; expected {told.size:,} bytes of "
        "its checksum: try again later, or another endpoint."
    )


def _persistent(call: Callable[[], _Found], gate: Gate) -> _Found:
    """Return what a call returns, with another try after what may pass; where the hub names a wait, after that."""
    for left in reversed(range(_TRIES)):
        gate.enter()
        try:
            return call()
        except Stopped:
            raise
        except Exception as error:
            trouble = trouble_of(error)
            wait = _PAUSE_S * (_TRIES - left) if trouble is None or trouble.wait_s is None else trouble.wait_s
            may_pass = trouble is not None and (trouble.cause in PASSING or trouble.cause == "limit")
            if not left or not may_pass or wait > _LONGEST_WAIT_S:
                raise
            gate.hold(wait)
    raise AssertionError("the last try returns or raises")


def _stream(api: Any, repo: str, commit: str, told: HubFile, part: Path, gate: Gate) -> tuple[str, bool]:
    """Add to the part what it lacks; return its SHA-256, and whether it is the file that the hub lists."""
    from huggingface_hub import hf_hub_url, utils

    hub: Any = utils  # which does not declare what it exports
    held = part.stat().st_size if part.is_file() else 0
    if held > told.size:
        part.unlink()
        held = 0
    digests = _Digests(told)
    if held:
        digests.add_file(part)
    if held == told.size and part.is_file():
        return digests.result()
    url = hf_hub_url(repo, told.path, repo_type="dataset", revision=commit, endpoint=api.endpoint)
    # Never compressed: lengths and ranges are those of the file itself.
    headers = {**hub.build_hf_headers(token=api.token), "Accept-Encoding": "identity"}
    headers |= {"Range": f"bytes={held}-"} if held else {}
    with hub.get_session().get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as answer:
        hub.hf_raise_for_status(answer)
        if held and answer.status_code != 206:  # all of it comes again
            gate.add(-held)
            held, digests = 0, _Digests(told)
        with open(part, "ab" if held else "wb") as out:
            for block in answer.iter_content(_BLOCK):
                out.write(block)
                digests.add(block)
                gate.add(len(block))
    return digests.result()


class _Digests:
    """SHA-256 of a file, and what the hub compares with: the same, or Git's name of the content."""

    def __init__(self, told: HubFile) -> None:
        self.told = told
        self.sha256 = hashlib.sha256()
        self.blob = None if told.sha256 is not None else hashlib.sha1(f"blob {told.size}\0".encode())

    def add(self, block: bytes) -> None:
        self.sha256.update(block)
        if self.blob is not None:
            self.blob.update(block)

    def add_file(self, file: Path) -> None:
        with open(file, "rb") as stream:
            while block := stream.read(2**20):
                self.add(block)

    def result(self) -> tuple[str, bool]:
        found = self.sha256.hexdigest()
        if self.blob is None:
            return found, found == self.told.sha256
        return found, self.blob.hexdigest() == self.told.blob_id


def begun(folder: Path, told: HubFile) -> int:
    """Return the bytes of a file that an earlier fetch left."""
    part = folder / PARTS / f"{told.path.replace('/', '--')}.{told.blob_id[:16]}"
    return part.stat().st_size if part.is_file() else 0
