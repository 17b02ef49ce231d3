"""Pool of a sweep's worker processes: starts them, gives each one job at a time, hears their events, ends them all."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from toolkit.errors import ToolkitError
from toolkit.recipes.sweep.messages import Answer, Event, Failed, Hire, Job, event_of, to_line
from toolkit.safe_text import visible

OnEvent = Callable[[Event], None]
A = TypeVar("A", bound=Answer)
_CHECKPOINT_S = 30.0  # longer than a step of training and its checkpoint
_LAST_BYTES = 4096  # of a log, in which its last line is
_MANY_DEATHS = 2  # of idle workers, for each worker of the pool: then a new one would die as well
_PROGRAM = "toolkit.recipes.sweep.worker"
_SOURCES = Path(__file__).resolve().parents[3]  # the folder of the package, which workers import as well


@dataclass(eq=False)
class Worker:
    """One process.

    Attributes:
        number: from 0 on.
        process, log: the process, and the file that its output goes to.
        events: descriptor that its events arrive at.
        job: the job that it was given and has not finished; None if it is free.
        heard: the beginning of an event whose end has not arrived.
        is_gone: whether the pool has ended it.
        has_spoken: whether an event about its present job has arrived.
    """

    number: int
    process: subprocess.Popen[bytes]
    events: int
    log: Path
    job: Job | None = None
    heard: bytes = b""
    is_gone: bool = False
    has_spoken: bool = False


class Pool:
    """Workers that live as long as the `with` block.

    Args:
        count: how many processes.
        root: the sweep's folder; logs go to `logs/`.
        lock: descriptor of the folder's lock, which every worker holds as well.
        places: folders, task files and tracker, as plain values.
        offline: whether nothing may be fetched from the hub.
    """

    def __init__(
        self,
        count: int,
        root: Path,
        *,
        lock: int | None,
        places: Mapping[str, Any],
        offline: bool = False,
    ) -> None:
        self.root, self.places = root, dict(places)
        self._count, self._lock, self._offline = count, lock, offline
        self._selector = selectors.DefaultSelector()
        self._died_idle = 0  # in a row, without an event of any worker in between
        self.workers: list[Worker] = []

    def __enter__(self) -> Pool:
        try:
            for number in range(self._count):
                self.workers.append(self._hire(number))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._interrupt()
        for worker in self.workers:
            self._dismiss(worker)

    def _interrupt(self) -> None:
        """Let the workers write the checkpoints of what they train; a second Ctrl-C does not wait for that."""
        busy = [worker for worker in self.workers if worker.job is not None and not worker.is_gone]
        for worker in busy:
            worker.process.send_signal(signal.SIGINT)
        ends = time.monotonic() + _CHECKPOINT_S
        with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
            for worker in busy:
                worker.process.wait(max(0.0, ends - time.monotonic()))

    def free(self) -> Worker | None:
        """Return a worker without a job."""
        return next((worker for worker in self.workers if worker.job is None), None)

    def give(self, worker: Worker, job: Job) -> None:
        """Give a free worker a job."""
        worker.job, worker.has_spoken = job, False
        _send(worker, job)

    def hear(self, timeout_s: float) -> Iterator[tuple[Worker, Event]]:
        """Yield the events that arrived, after `timeout_s` seconds at most; a worker that died is a last event of its own."""
        for key, _ in self._selector.select(timeout_s):
            worker: Worker = key.data
            data = os.read(worker.events, 1 << 16)
            if not data:
                yield worker, Failed(_death(worker), is_dead=True)
                continue
            *lines, worker.heard = (worker.heard + data).split(b"\n")
            for line in lines:
                worker.has_spoken, self._died_idle = True, 0
                yield worker, event_of(line)

    def ask(self, job: Job, expected: type[A], *, on_event: OnEvent | None = None) -> A:
        """Give a job to the first worker, wait for it and return its answer.

        Raises:
            ToolkitError: it failed, or the worker was killed twice.
        """
        return self.ask_all([job], expected, on_event=on_event)[0]

    def ask_all(self, jobs: Sequence[Job], expected: type[A], *, on_event: OnEvent | None = None) -> list[A]:
        """Give a job to each of as many workers, wait for all of them and return their answers, in the jobs' order.

        A worker that is killed meanwhile is replaced, and its job is given to the new one.

        Raises:
            ToolkitError: one failed, or its worker was killed twice.
        """
        for worker, first in zip(self.workers, jobs, strict=False):
            self.give(worker, first)
        found: dict[int, A] = {}
        tried_again: set[int] = set()
        while len(found) < len(jobs):
            for worker, event in self.hear(1.0):
                place, job = worker.number, worker.job
                if isinstance(event, Failed):
                    if not event.is_dead or (job is not None and (place in tried_again or not _was_killed(worker))):
                        worker.job = None
                        raise ToolkitError(event.error)
                    hired = self.replace(worker, event)
                    if job is not None:
                        tried_again.add(place)
                        self.give(hired, job)
                elif isinstance(event, expected):
                    worker.job = None
                    found[place] = event
                elif on_event is not None:
                    on_event(event)
        return [found[place] for place in range(len(jobs))]

    def replace(self, worker: Worker, death: Failed) -> Worker:
        """Start a new process in a dead one's place and return it.

        Raises:
            ToolkitError: workers die one after another without having done anything; `death` says how.
        """
        self._died_idle += worker.job is None
        if self._died_idle > _MANY_DEATHS * self._count:
            raise ToolkitError(f"Workers die before they have anything to do: {death.error}")
        self._dismiss(worker)
        self.workers[worker.number] = self._hire(worker.number)
        return self.workers[worker.number]

    def _hire(self, number: int) -> Worker:
        logs = self.root / "logs"
        log = logs / f"worker-{number + 1}.log"
        ours, theirs = os.pipe()
        try:
            logs.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as file:
                process = subprocess.Popen(
                    [sys.executable, "-m", _PROGRAM, str(theirs)],
                    stdin=subprocess.PIPE,
                    stdout=file,
                    stderr=file,
                    env=self._environment(),
                    pass_fds=[theirs, *([self._lock] if self._lock is not None else [])],
                    process_group=0,  # Ctrl-C is for the sweep, which then ends its workers
                )
        except OSError as error:
            os.close(ours)
            raise ToolkitError(f"A worker could not be started in {self.root} ({error.strerror}).") from None
        finally:
            os.close(theirs)
        worker = Worker(number, process, ours, log)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        _send(worker, Hire(number, self.places, str(log)))
        return worker

    def _environment(self) -> dict[str, str]:
        found = dict(os.environ)
        found["PYTHONPATH"] = os.pathsep.join([str(_SOURCES), *filter(None, [found.get("PYTHONPATH")])])
        if self._count > 1:
            # Each worker gets its share of the processor: threads of several processes would only wait for each other.
            found.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // self._count)))
        if self._offline:
            found["HF_HUB_OFFLINE"] = "1"
        return found

    def _dismiss(self, worker: Worker) -> None:
        if worker.is_gone:
            return
        worker.is_gone = True
        self._selector.unregister(worker.events)
        os.close(worker.events)
        worker.process.kill()  # every file that it writes is whole or absent
        worker.process.wait()
        if worker.process.stdin is not None:
            with suppress(OSError):
                worker.process.stdin.close()


def _send(worker: Worker, message: Hire | Job) -> None:
    assert worker.process.stdin is not None
    with suppress(BrokenPipeError):  # the worker is dead; `hear` says so
        worker.process.stdin.write((to_line(message) + "\n").encode())
        worker.process.stdin.flush()


def _was_killed(worker: Worker) -> bool:
    """Return whether a signal ended a dead worker, which it did not do of itself."""
    return worker.process.wait() < 0


def _death(worker: Worker) -> str:
    code = worker.process.wait()
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    why = "; the memory may have been too small" if code == -signal.SIGKILL else ""
    return f"The worker {how}{why}; its log is {worker.log}{_last_line(worker.log) if code > 0 else ''}."


def _last_line(log: Path) -> str:
    """Return what a worker that ended of itself said last, as the end of a sentence; empty if it said nothing."""
    with suppress(OSError):
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_BYTES))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return said and f" and ends with: {visible(said.rstrip('.'))}"
    return ""
