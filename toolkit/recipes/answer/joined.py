"""Requests of many threads, joined: what arrives while a pass is computed is answered together by the next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(eq=False)
class _Ticket(Generic[Asked, Answer]):
    """A request; `turn` is set when it is done, or when its thread is the next to compute."""

    items: Sequence[Asked]
    found: Sequence[Answer] | None = None
    error: Exception | None = field(default=None)
    turn: Event = field(default_factory=Event)

    @property
    def is_done(self) -> bool:
        return self.found is not None or self.error is not None


class Joined(Generic[Asked, Answer]):
    """A function of many items, called by many threads and computed by one of them at a time for all that wait.

    Nobody waits for company: a request that comes alone is computed at once. After a pass the first of those that wait is woken
    to compute the next one, before those that were answered: a lock that all wait for would wake them one after another, each
    after Python's interval of 5 ms.

    Args:
        answer: returns one answer for each item, in their order.
        at_most: items of one pass; a request of more is a pass of its own.

    Example:
        >>> joined = Joined(lambda items: [2 * item for item in items])
        >>> joined([1, 2])
        [2, 4]
    """

    def __init__(self, answer: Callable[[Sequence[Asked]], Sequence[Answer]], *, at_most: int = 256) -> None:
        self._answer, self._at_most = answer, at_most
        self.waiting: deque[_Ticket[Asked, Answer]] = deque()
        self._guard = Lock()  # of what waits, and of whose thread computes
        self._leader: _Ticket[Asked, Answer] | None = None

    def __call__(self, items: Sequence[Asked]) -> Sequence[Answer]:
        """Return the answers to some items.

        Raises:
            Exception: what `answer` raises for these items.
        """
        mine: _Ticket[Asked, Answer] = _Ticket(items)
        with self._guard:
            self.waiting.append(mine)
            if self._leader is None:
                self._choose()
        try:
            mine.turn.wait()
            if not mine.is_done:
                self._lead()
        except BaseException:
            self._leave(mine)
            raise
        if mine.error is not None:
            raise mine.error
        assert mine.found is not None
        return mine.found

    def _lead(self) -> None:
        """Compute a pass and wake the thread of the next one, then those that were answered."""
        with self._guard:
            taken = self._taken()
        try:
            self._compute(taken)
        finally:
            with self._guard:  # of an interrupted pass the requests wait again
                self.waiting.extendleft(ticket for ticket in reversed(taken) if not ticket.is_done)
                self._choose()
            for ticket in taken:
                if ticket.is_done:
                    ticket.turn.set()

    def _choose(self) -> None:
        """Let the thread of the first request that waits compute the next pass."""
        self._leader = self.waiting[0] if self.waiting else None
        if self._leader is not None:
            self._leader.turn.set()

    def _leave(self, mine: _Ticket[Asked, Answer]) -> None:
        """Take the request of an interrupted thread back, and its turn."""
        with self._guard:
            if mine in self.waiting:
                self.waiting.remove(mine)
            if self._leader is mine:
                self._choose()

    def _taken(self) -> list[_Ticket[Asked, Answer]]:
        """Take those that wait, in the order of their arrival, while they fit into one pass."""
        taken = [self.waiting.popleft()]
        size = len(taken[0].items)
        while self.waiting and size + len(self.waiting[0].items) <= self._at_most:
            taken.append(self.waiting.popleft())
            size += len(taken[-1].items)
        return taken

    def _compute(self, tickets: Sequence[_Ticket[Asked, Answer]]) -> None:
        try:
            found = self._answer([item for ticket in tickets for item in ticket.items])
        except Exception as error:
            if len(tickets) == 1:
                tickets[0].error = error
                return
            for ticket in tickets:  # the one that is at fault is alone with it
                self._compute([ticket])
            return
        at = 0
        for ticket in tickets:
            ticket.found = found[at : at + len(ticket.items)]
            at += len(ticket.items)
