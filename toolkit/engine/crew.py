"""Crew of a worker of dask: one process for each of its threads, in which jobs are done by the ordinary journeys.

A job is not done in a thread of the worker itself. Only the main thread of a process can hold Ctrl-C until a checkpoint is
written; a process that dies says how; and what a job leaves in the libraries' threads, seeds and environment cannot reach a
neighbour's (docs/decisions/0064-sweeps-on-dask.md).
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from toolkit.engine.hand import Hand, Manner, OnEvent
from toolkit.engine.lines import job_of, to_line
from toolkit.engine.messages import Answer, Began, Event, Failed, Hire, Job
from toolkit.engine.turns import take_turn
from toolkit.errors import ToolkitError

CHECKPOINT_S = 30.0  # longer than a step of training and its checkpoint
IDLE_S = 120.0  # of a process on another machine, whose command may be gone; another one starts in seconds


@dataclass
class Slot:
    """Place of one process, which is started when there is something to do, and again after it died.

    Attributes:
        hire, manner: how the process is started.
        opening: done first by every process of this place, for example to open a sweep's own run again.
        is_busy: whether it does something.
    """

    hire: Hire
    manner: Manner
    opening: Job | None = None
    is_busy: bool = False
    _hand: Hand | None = None
    _rested: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def do(
        self,
        job: Job,
        on_event: OnEvent,
        *,
        is_wanted: Callable[[], bool] = lambda: True,
        on_begin: Callable[[int], None] = lambda pid: None,
    ) -> Answer | Failed:
        """Do a job and return the last event about it.

        Args:
            job: what is done.
            on_event: called with the other events.
            is_wanted: asked now and then; where it is not, the process ends.
            on_begin: called with the number of the process.
        """
        with self._lock:
            self.is_busy = True
            try:
                hand = self._living()
            except ToolkitError as error:
                self.is_busy = False
                return Failed(str(error))
            on_begin(hand.pid)
            event = hand.do(job, on_event, is_wanted)  # raised out of, it is ended as one that is at work
            if isinstance(event, Failed) and event.is_dead:
                hand.close()
            self.is_busy, self._rested = False, time.monotonic()
            return event

    def revive(self) -> None:
        """Start the process again if it died while it had nothing to do."""
        if self._lock.acquire(blocking=False):
            try:
                if self._hand is not None and not self._hand.is_alive:
                    self._living()
            except ToolkitError:
                pass  # it is said where the next job is
            finally:
                self._lock.release()

    def rest(self, idle_s: float) -> None:
        """End a process that has had nothing to do for so long."""
        if self._lock.acquire(blocking=False):
            try:
                if self._hand is not None and time.monotonic() - self._rested > idle_s:
                    self._hand.close()
            finally:
                self._lock.release()

    def interrupt(self) -> None:
        """Let the process write the checkpoint of what it trains, and end."""
        if self.is_busy and self._hand is not None:
            self._hand.interrupt()

    @property
    def is_ended(self) -> bool:
        """Whether there is no process at work."""
        return not self.is_busy or self._hand is None or not self._hand.is_alive

    def end(self) -> None:
        """End the process; whoever waits for its events hears that it died."""
        if self._hand is None:
            return
        self._hand.kill()
        if self._lock.acquire(blocking=False):
            try:
                self._hand.close()
            finally:
                self._lock.release()

    def _living(self) -> Hand:
        if self._hand is None or not self._hand.is_alive:
            if self._hand is not None:
                self._hand.close()
            self._hand = Hand(self.hire, self.manner)
            if self.opening is not None:
                self._hand.do(self.opening, lambda event: None, lambda: True)
        return self._hand


class Crew(WorkerPlugin):
    """Processes of one worker of dask, for one command.

    Args:
        name: of the plugin; a crew ends what an earlier one of the same name has left.
        topic: of the events.
        logs: folder of what the processes print.
        places: what all jobs share, as plain values.
        manner: how processes are started.
        far: of a worker in another process: the threads of all workers by host, which share its processors; None: the worker
            is one of the command's own process.
    """

    def __init__(
        self,
        name: str,
        topic: str,
        logs: str,
        places: dict[str, Any],
        manner: Manner,
        far: dict[str, int] | None = None,
    ) -> None:
        self.name, self._topic, self._logs, self._places = name, topic, logs, places
        self._manner, self._far = manner, far
        self.slots: list[Slot] = []

    def setup(self, worker: Worker) -> None:
        """Make the places of the processes; none is started yet."""
        self._worker, self._free, self._gate = worker, list(range(worker.state.nthreads)), threading.Lock()
        self._over = threading.Event()
        logs, is_local = Path(self._logs), self._far is None
        manner = self._manner
        if self._far is not None:
            manner = replace(manner, threads=self._threads(self._far))
        for place in self._free:
            number = place if is_local else take_turn(worker.id, place)
            stem = f"worker-{place + 1}" if is_local else f"worker-{socket.gethostname()}-{os.getpid()}-{place + 1}"
            self.slots.append(Slot(Hire(number, self._places, str(logs / f"{stem}.log")), manner))
        if not is_local:
            threading.Thread(target=self._rest, name="crew", daemon=True).start()

    async def teardown(self, worker: Worker) -> None:
        """End the processes; what trains and is wanted writes a checkpoint first."""
        self._over.set()
        if any(slot.is_busy for slot in self.slots) and self._is_any_wanted():
            for slot in self.slots:
                slot.interrupt()
            end = time.monotonic() + CHECKPOINT_S
            while time.monotonic() < end and self._is_any_wanted() and not all(slot.is_ended for slot in self.slots):
                await asyncio.sleep(0.02)
        for slot in self.slots:
            slot.end()

    def do(self, key: str, line: str) -> str:
        """Do the job of a line; every event is sent, and the last one returned as a line."""

        def tell(event: Event) -> None:
            self._worker.log_event(self._topic, {"key": key, "line": to_line(event), "worker": self._worker.address})

        with self._gate:
            place = min(self._free)
            self._free.remove(place)
        try:
            last = self.slots[place].do(
                job_of(line),
                tell,
                is_wanted=lambda: self._is_wanted(key),
                on_begin=lambda pid: tell(Began(socket.gethostname(), pid)),
            )
        finally:
            with self._gate:
                self._free.append(place)
        tell(last)
        return to_line(last)

    def _is_wanted(self, key: str) -> bool:
        """Return whether a task was neither cancelled nor left behind by a client that ended."""
        task = self._worker.state.tasks.get(key)
        return task is not None and task.state in ("executing", "long-running")

    def _is_any_wanted(self) -> bool:
        return any(task.state in ("executing", "long-running") for task in list(self._worker.state.tasks.values()))

    def _threads(self, shared: Mapping[str, int]) -> int | None:
        """Return how many threads a process may use: its share of the processors that this worker may use."""
        given = os.environ.get("OMP_NUM_THREADS")
        if given not in (None, "1"):  # dask starts its workers with 1, for its own threads
            return None
        own = len(os.sched_getaffinity(0))
        sharing = shared.get(socket.gethostname(), 0) if own == (os.cpu_count() or 1) else 0
        return max(1, own // max(sharing, self._worker.state.nthreads))

    def _rest(self) -> None:
        while not self._over.wait(IDLE_S / 60):
            for slot in self.slots:
                slot.rest(IDLE_S)


def do_task(name: str, key: str, line: str) -> str:
    """Do a job in the crew of the worker that runs this task."""
    plugin = get_worker().plugins.get(name)
    crew = getattr(plugin, "crew", plugin)  # that of `Joining`, whose class came by its code
    if not isinstance(crew, Crew):
        return to_line(Failed("The worker has no processes of this command any more."))
    return crew.do(key, line)
