"""An engine: gives jobs to the workers of a dask cluster and hears their events."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from distributed import Client, Future, KilledWorker

from toolkit.engine.crew import Crew, Slot, do_task
from toolkit.engine.hand import OnEvent
from toolkit.engine.joining import Joining, sent_by_code
from toolkit.engine.lines import event_of, to_line
from toolkit.engine.messages import Answer, Event, Failed, Job, Said, SentAway
from toolkit.errors import ToolkitError

A = TypeVar("A", bound=Answer)
_CLOSE_S = 10.0


@dataclass(frozen=True)
class Cluster:
    """A dask cluster that a command works on.

    Attributes:
        client: its client.
        where: what it is, for sentences.
        count: returns how many jobs can be done at the same time.
        close: ends what the command has started, after the client.
        own: returns the crew of the command's own process; None on other machines.
        news: returns what is to be said of the cluster; raises a `ToolkitError` where it will not do the work.
        patience: how many workers may be sent away before one has done anything; None: any number, since the user starts them.
    """

    client: Client
    where: str
    count: Callable[[], int]
    close: Callable[[], object]
    own: Callable[[str], Crew | None] = lambda name: None
    patience: int | None = None
    news: Callable[[], Iterable[str]] = lambda: ()

    def gone(self) -> ToolkitError:
        """Return what is raised where the scheduler is not there any more."""
        return ToolkitError(f"{self.where} is gone; start it and run the same command again: what is done is kept.")


class Engine:
    """Workers of a command, as long as the `with` block.

    Args:
        cluster: that they belong to.
        crew: what each of its workers is given, or what looks at a worker first and has the crew.
        topic: of the crew's events.
        clerk: place of a process next to the command; None: the first of its own workers.
    """

    def __init__(self, cluster: Cluster, crew: Crew | Joining, topic: str, clerk: Slot | None = None) -> None:
        self._cluster, self._crew, self._topic, self._clerk = cluster, crew, topic, clerk
        self._own: Crew | None = None
        self._heard: queue.SimpleQueue[tuple[str, Event | None]] = queue.SimpleQueue()
        self._at: dict[str, str] = {}  # by the key of the job: address of the worker that was heard last
        self._futures: dict[str, Future[str]] = {}  # by the key of the task
        self._named: dict[str, str] = {}  # key of the task -> that of the job
        self._run, self._count = secrets.token_hex(4), 0
        self._sent_away: int | None = 0  # workers; None: one has begun a job

    def __enter__(self) -> Engine:
        try:
            self._cluster.client.subscribe_topic(self._topic, self._hear)  # type: ignore[no-untyped-call]
            with sent_by_code():
                self._cluster.client.register_plugin(self._crew, self._crew.name)
            self._own = self._cluster.own(self._crew.name)
        except OSError:  # of a connection
            self._close()
            raise self._cluster.gone() from None
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None or not issubclass(kind, KeyboardInterrupt):
                self._cancel()  # nothing of it is wanted
            if self._clerk is not None:
                self._clerk.end()
            with suppress(Exception):  # the scheduler may be gone
                self._cluster.client.unregister_worker_plugin(self._crew.name)  # type: ignore[no-untyped-call]
        except KeyboardInterrupt:  # a second one does not wait for checkpoints
            self._cancel()
        finally:
            self._close()

    @property
    def clerk(self) -> Slot:
        """Place of the process that does what must not move: it keeps a sweep's own run open."""
        if self._clerk is not None:
            return self._clerk
        assert self._own is not None
        return self._own.slots[0]

    def count(self) -> int:
        """Return how many jobs can be done at the same time."""
        return self._cluster.count()

    def submit(self, key: str, job: Job, *, avoid: Collection[str] = ()) -> None:
        """Give a job to whichever worker is free first; `key` is the name of it, also in what is heard about it.

        Args:
            avoid: addresses of workers that are given it only where there is no other.
        """
        self._count += 1
        # Whatever holds a key of dask, it is not run again: one of this run and try is nobody else's.
        task = f"{key}-{self._run}-{self._count}"
        self._named[task] = key
        others = self._others(avoid) if avoid else []
        rather: dict[str, Any] = {"workers": others, "allow_other_workers": True} if others else {}
        future = self._cluster.client.submit(
            do_task, self._crew.name, task, to_line(job), key=task, pure=False, retries=0, **rather
        )
        self._futures[task] = future
        future.add_done_callback(self._ended)  # type: ignore[no-untyped-call]

    def worker_of(self, key: str) -> str:
        """Return the address of the worker that was heard last about a job; empty if none was."""
        return self._at.get(key, "")

    def has_others(self, avoid: Collection[str]) -> bool:
        """Whether there is a worker that is none of these."""
        return bool(self._others(avoid))

    def _others(self, avoid: Collection[str]) -> list[str]:
        try:
            known: dict[str, int] = self._cluster.client.nthreads()  # type: ignore[no-untyped-call]
        except OSError:
            raise self._cluster.gone() from None
        return [address for address in known if address not in avoid]

    def hear(self, timeout_s: float) -> Iterator[tuple[str, Event]]:
        """Yield the events that arrived, after `timeout_s` seconds at most, with the keys of their jobs; '' for one of no job.

        Raises:
            ToolkitError: the scheduler is gone, no worker can be used, or jobs of a queue end one after another.
        """
        if self._cluster.client.status == "closed":  # with nothing asked of it, no future says so
            raise self._cluster.gone()
        for sentence in self._cluster.news():
            yield "", Said(sentence)
        with suppress(queue.Empty):
            heard = self._heard.get(timeout=timeout_s)
            while True:
                yield from self._heard_now(*heard)
                heard = self._heard.get_nowait()

    def ask(self, job: Job, expected: type[A], *, on_event: OnEvent | None = None) -> A:
        """Give a job to a worker, wait for it and return its answer.

        Raises:
            ToolkitError: it failed, or the worker was killed twice.
        """
        for is_last in (False, True):
            self.submit("question", job)
            event = self._wait(on_event)
            if isinstance(event, expected):
                return event
            assert isinstance(event, Failed), event
            if is_last or not event.is_killed:
                raise ToolkitError(event.error)
        raise AssertionError("the last try has returned or raised")

    def revive(self) -> None:
        """Start processes of this machine again that died while they had nothing to do."""
        slots = [self._clerk] if self._clerk is not None else self._own.slots if self._own is not None else []
        for slot in slots:
            if not slot.is_busy:
                threading.Thread(target=slot.revive, name="revive", daemon=True).start()

    def _wait(self, on_event: OnEvent | None) -> Event:
        while True:
            for _, event in self.hear(1.0):
                if isinstance(event, Failed | Answer):
                    return event
                if on_event is not None:
                    on_event(event)

    def _heard_now(self, task: str, event: Event | None) -> Iterator[tuple[str, Event]]:
        if isinstance(event, SentAway):
            yield "", self._spoken(event)
            return
        if task not in self._futures:  # the last event of it was heard before
            return
        if event is None:
            event = self._outcome(task)
        self._sent_away = None
        if isinstance(event, Failed | Answer):
            self._futures.pop(task).release()  # type: ignore[no-untyped-call]
            yield self._named.pop(task), event
        else:
            yield self._named[task], event

    def _spoken(self, event: SentAway) -> Said:
        """Return what is said of a worker that was sent away; where every one is, the work ends."""
        if self._sent_away is not None:
            self._sent_away += 1
            if self._cluster.patience is not None and self._sent_away > self._cluster.patience:
                raise ToolkitError(event.error)
        return Said(f"{event.error} It is sent away.")

    def _outcome(self, task: str) -> Event:
        """Return the last event of a task that has ended and was not heard before."""
        future = self._futures[task]
        if future.status == "finished":
            return event_of(future.result())
        if future.status == "error":
            fault = future.exception()  # type: ignore[no-untyped-call]
            if isinstance(fault, KilledWorker):
                return Failed(f"Each of {fault.allowed_failures + 1} workers was lost while it did this.")
            return Failed(f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else 'no message'}")
        raise self._cluster.gone()

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        self._at[self._named.get(event[1]["key"], "")] = event[1]["worker"]
        self._heard.put((event[1]["key"], event_of(event[1]["line"])))

    def _ended(self, future: Future[str]) -> None:
        self._heard.put((str(future.key), None))

    def _cancel(self) -> None:
        with suppress(Exception):
            self._cluster.client.cancel(list(self._futures.values()), force=True)  # type: ignore[no-untyped-call]
        for slot in self._own.slots if self._own is not None else ():
            if slot.is_busy:
                slot.end()

    def _close(self) -> None:
        self._futures.clear()
        with suppress(Exception):
            self._cluster.client.close(timeout=_CLOSE_S)  # type: ignore[no-untyped-call]
        with suppress(Exception):
            self._cluster.close()
