"""Requests of many threads, joined: what arrives while a pass is computed is answered together by the next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(eq=False)
class _Ticket(Generic[Asked, Answer]):
    items: Sequence[Asked]
    found: Sequence[Answer] | None = None
    error: Exception | None = field(default=None)

    @property
    def is_done(self) -> bool:
        return self.found is not None or self.error is not None


class Joined(Generic[Asked, Answer]):
    """A function of many items, called by many threads and computed by one of them at a time for all that wait.

    Nobody waits for company: a request that comes alone is computed at once.

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
        self._pass = Lock()

    def __call__(self, items: Sequence[Asked]) -> Sequence[Answer]:
        """Return the answers to some items.

        Raises:
            Exception: what `answer` raises for these items.
        """
        mine: _Ticket[Asked, Answer] = _Ticket(items)
        self.waiting.append(mine)
        while not mine.is_done:
            with self._pass:
                if not mine.is_done:
                    self._compute(self._taken())
        if mine.error is not None:
            raise mine.error
        assert mine.found is not None
        return mine.found

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
        except BaseException:
            self.waiting.extendleft(reversed(tickets))
            raise
        at = 0
        for ticket in tickets:
            ticket.found = found[at : at + len(ticket.items)]
            at += len(ticket.items)
