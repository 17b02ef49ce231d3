"""Thread that sends what is logged, in order: whoever logs does not wait for it, but at the end, and not for long."""

from __future__ import annotations

import atexit
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

R = TypeVar("R")
E = TypeVar("E")

MOST = 10_000
"""Events that may wait to be sent."""
_BURST_S, _BURST = 1.0, 500
_AT_ONCE = 1000


class Writer(Generic[R, E]):
    """Queue of events, and the thread that sends them; it lives as long as there is something to send.

    Args:
        send: sends some events of one run; called in the thread.
        may_join: whether events of one run that follow each other are sent together, a number of them at a time.
        work: a step of other work, done in the thread while nothing is to be sent, after `wake`; says whether there is more.
        on_fault: called in the thread, under the lock, with what `send` raised; returns the seconds after which the same is
            sent again.
        on_exit: called where the interpreter ends before everything was sent.
        lag_s: seconds that the first events of a run wait for those behind them, where nobody waits for them.

    Attributes:
        lock: held while anything here changes; notified when something was sent.
    """

    def __init__(
        self,
        send: Callable[[R, list[E]], None],
        *,
        may_join: Callable[[E], bool],
        work: Callable[[], bool],
        on_fault: Callable[[Exception], float],
        on_exit: Callable[[], None],
        lag_s: float = 0.0,
    ) -> None:
        self._lag_s = lag_s
        self._send, self._may_join, self._step = send, may_join, work
        self._on_fault, self._on_exit = on_fault, on_exit
        self.begin()

    def begin(self) -> None:
        """Begin with nothing to send: a forked process has no such thread, and the lock as it happened to be."""
        self.lock = threading.Condition(threading.RLock())
        self._waiting: deque[tuple[R, E]] = deque()  # what is being sent is still in it
        self._thread: threading.Thread | None = None
        self._n_waiters = 0
        self._has_work = False
        self._sent_at = self._filled_at = self.moved_at = self._again_at = -math.inf

    def put(self, run: R, event: E) -> bool:
        """Queue an event; return False where too many wait."""
        with self.lock:
            if len(self._waiting) >= MOST:
                return False
            if not self._waiting:
                self._filled_at = time.monotonic()
            self._waiting.append((run, event))
            self._begin_thread()
            return True

    def wake(self) -> None:
        """Do the other work as soon as nothing is to be sent."""
        with self.lock:
            self._has_work = True
            self._begin_thread()

    def rest(self) -> None:
        """Leave the rest of the other work; a step that is under way is left to itself."""
        self._has_work = False

    def _begin_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="xstilts-tracking", daemon=True)
            self._thread.start()
            atexit.register(self._on_exit)
        self.lock.notify_all()

    def take_all(self) -> list[tuple[R, E]]:
        """Take back everything that was not sent, in order; a request that is under way is left to itself."""
        with self.lock:
            left, self._waiting = list(self._waiting), deque()
            self._thread, self._has_work, self._again_at = None, False, -math.inf
            atexit.unregister(self._on_exit)
            self.lock.notify_all()
            return left

    @property
    def is_empty(self) -> bool:
        """Whether everything was sent."""
        return not self._waiting

    @property
    def is_done(self) -> bool:
        """Whether everything was sent, and the other work is done."""
        return not self._waiting and not self._has_work

    def wait(self, until: Callable[[], bool], left_s: Callable[[], float]) -> bool:
        """Wait until something holds, or no time is left.

        Args:
            until: asked whenever something was sent.
            left_s: seconds that may still be waited.

        Returns:
            Whether it holds.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        with self.lock:
            self._n_waiters += 1
            self.lock.notify_all()
            try:
                while not until():
                    if (left := left_s()) <= 0:
                        return False
                    self.lock.wait(min(left, 60.0))
                return True
            finally:
                self._n_waiters -= 1

    def _work(self) -> None:
        while (some := self._next()) is not None:
            run, events = some
            is_more = False
            try:
                if run is not None:
                    self._send(run, events)
                else:
                    is_more = self._step()
            except Exception as fault:
                with self.lock:
                    if not self._is_mine():
                        return
                    self._again_at = time.monotonic() + self._on_fault(fault)
                    self.lock.notify_all()
                continue
            with self.lock:
                if not self._is_mine():
                    return
                for _ in events:
                    self._waiting.popleft()
                self.moved_at = time.monotonic()
                if not events:
                    self._has_work = self._has_work and is_more
                elif self._may_join(events[0]):
                    self._sent_at = self.moved_at
                self.lock.notify_all()

    def _is_mine(self) -> bool:
        return self._thread is threading.current_thread()

    def _next(self) -> tuple[R | None, list[E]] | None:
        """Return what is sent next, nothing of no run for a step of other work; None when all is done or was taken back."""
        with self.lock:
            while self._is_mine() and self._waiting:
                run, some = self._first()
                # A training loop logs hundreds of numbers a second, and a request takes milliseconds: a lone number goes
                # out at once, more of them once a second, and all of them as soon as something else follows.
                is_last = len(some) == len(self._waiting) and len(some) < _BURST and self._may_join(some[0])
                pause = self._again_at - time.monotonic()
                if is_last and not self._n_waiters:
                    begun = max(self._sent_at + _BURST_S, self._filled_at + self._lag_s)
                    pause = max(pause, begun - time.monotonic())
                if pause <= 0:
                    return run, some
                self.lock.wait(pause)
            if self._is_mine() and self._has_work:
                return None, []
            if self._is_mine():
                self._thread = None
                atexit.unregister(self._on_exit)
                self.lock.notify_all()
            return None

    def _first(self) -> tuple[R, list[E]]:
        run, event = self._waiting[0]
        some = [event]
        if self._may_join(event):
            for other, following in itertools.islice(self._waiting, 1, _AT_ONCE):
                if other is not run or not self._may_join(following):
                    break
                some.append(following)
        return run, some
