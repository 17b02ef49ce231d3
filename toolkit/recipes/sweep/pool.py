"""The processes of a sweep: started, given one job each, heard, and never left behind."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from toolkit.errors import ToolkitError

Event = dict[str, Any]
OnEvent = Callable[[Event], None]
_PROGRAM = "toolkit.recipes.sweep.worker"


@dataclass(eq=False)
class Worker:
    """One process.

    Attributes:
        number: from 0 on.
        job: what it was given and has not finished; None where it is free.
    """

    number: int
    process: subprocess.Popen
    events: int
    log: Path
    job: Any = None
    heard: bytes = b""
    is_deaf: bool = field(default=False)


class Pool:
    """Workers that are there as long as the `with` block.

    Args:
        count: how many processes.
        root: the sweep's folder; logs go to `logs/`.
        lock: descriptor of the folder's lock, which every worker holds as well.
        places: `data_root` and `tracking` as plain values.
        task_files: tasks of the user's own.
        offline: nothing is fetched from the hub.
    """

    def __init__(
        self,
        count: int,
        root: Path,
        *,
        lock: int | None,
        places: Mapping[str, Any],
        task_files: tuple[str, ...] = (),
        offline: bool = False,
    ) -> None:
        self.root, self.places = root, dict(places)
        self._count, self._lock, self._task_files, self._offline = count, lock, task_files, offline
        self._selector = selectors.DefaultSelector()
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
        for worker in self.workers:
            self._dismiss(worker)

    def free(self) -> Worker | None:
        """Return a worker without a job."""
        return next((worker for worker in self.workers if worker.job is None), None)

    def give(self, worker: Worker, job: Mapping[str, Any], what: Any) -> None:
        """Give a free worker a job; `what` is how the caller calls it."""
        worker.job = what
        assert worker.process.stdin is not None
        with suppress(BrokenPipeError):  # it is dead; `hear` says so
            worker.process.stdin.write((json.dumps(job) + "\n").encode())
            worker.process.stdin.flush()

    def hear(self, timeout_s: float) -> Iterator[tuple[Worker, Event]]:
        """Yield the events that arrived, at most after `timeout_s` seconds; a worker that died is replaced."""
        for key, _ in self._selector.select(timeout_s):
            worker: Worker = key.data
            data = os.read(worker.events, 1 << 16)
            if not data:
                yield worker, {"event": "failed", "error": self._death(worker), "died": True}
                continue
            *lines, worker.heard = (worker.heard + data).split(b"\n")
            for line in lines:
                yield worker, json.loads(line)

    def ask(self, job: Mapping[str, Any], *, on_event: OnEvent | None = None) -> Any:
        """Give a job to the first worker, wait for it and return its result.

        Raises:
            ToolkitError: it failed.
        """
        return self.ask_all([job], on_event=on_event)[0]

    def ask_all(self, jobs: Sequence[Mapping[str, Any]], *, on_event: OnEvent | None = None) -> list[Any]:
        """Give a job to each of as many workers, wait for all of them and return their results, in the jobs' order.

        Raises:
            ToolkitError: one failed.
        """
        asked = self.workers[: len(jobs)]
        for worker, job in zip(asked, jobs, strict=True):
            self.give(worker, job, job["job"])
        results: dict[int, Any] = {}
        while len(results) < len(asked):
            for heard, event in self.hear(1.0):
                if heard not in asked and not event.get("died"):
                    continue
                if event["event"] == "failed":
                    heard.job = None
                    raise ToolkitError(event["error"])
                if event["event"] == "done":
                    heard.job = None
                    results[heard.number] = event["result"]
                elif on_event is not None:
                    on_event(event)
        return [results[worker.number] for worker in asked]

    def replace(self, worker: Worker) -> None:
        """Start a new process in a dead one's place."""
        self._dismiss(worker)
        self.workers[self.workers.index(worker)] = self._hire(worker.number)

    def _hire(self, number: int) -> Worker:
        logs = self.root / "logs"
        log = logs / f"worker-{number + 1}.log"
        ours, theirs = os.pipe()
        environment = dict(os.environ)
        package = str(Path(__file__).resolve().parents[3])
        environment["PYTHONPATH"] = os.pathsep.join([package, *filter(None, [environment.get("PYTHONPATH")])])
        if self._count > 1:
            # Each its share of the processor: threads of several processes would only wait for each other.
            environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // self._count)))
        if self._offline:
            environment["HF_HUB_OFFLINE"] = "1"
        try:
            logs.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as file:
                process = subprocess.Popen(
                    [sys.executable, "-m", _PROGRAM, str(theirs)],
                    stdin=subprocess.PIPE,
                    stdout=file,
                    stderr=file,
                    env=environment,
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
        hired = {"number": number, "places": self.places, "task_files": list(self._task_files), "log": str(log)}
        self.give(worker, hired, None)
        return worker

    def _dismiss(self, worker: Worker) -> None:
        if worker.is_deaf:
            return
        worker.is_deaf = True
        self._selector.unregister(worker.events)
        os.close(worker.events)
        worker.process.kill()  # what it writes is whole or not there
        worker.process.wait()
        if worker.process.stdin is not None:
            with suppress(OSError):
                worker.process.stdin.close()

    def _death(self, worker: Worker) -> str:
        code = worker.process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        why = "; the memory may have been too small" if code == -signal.SIGKILL else ""
        return f"The worker {how}{why}; its log is {worker.log}."
