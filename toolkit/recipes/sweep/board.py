"""Board of a sweep: the state of every step, and what can be done next, kept up with each event and never computed anew."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from toolkit.sweeps import Step
from toolkit.sweeps.values import State


class Board:
    """States of the steps of a plan.

    Args:
        steps: parents first.
        is_done: whether a step was done before.

    Attributes:
        states: by key.

    Example:
        >>> steps = [Step("a", "train", "a", 0, (), {}), Step("b", "evaluate", "a", 0, ("a",), {})]
        >>> board = Board(steps, lambda step: False)
        >>> board.take().key, board.take()
        ('a', None)
        >>> board.finish("a"), board.take().key, board.count("done")
        (None, 'b', 1)
    """

    def __init__(self, steps: Sequence[Step], is_done: Callable[[Step], bool]) -> None:
        self._steps = steps
        self._place = {step.key: place for place, step in enumerate(steps)}
        self._children: dict[str, list[str]] = {step.key: [] for step in steps}
        self.states: dict[str, State] = {step.key: "done" if is_done(step) else "waiting" for step in steps}
        self._counts = Counter(self.states.values())
        self._lacking: dict[str, int] = {}
        self._ready: list[int] = []
        for step in steps:
            for parent in step.parents:
                self._children[parent].append(step.key)
            self._lacking[step.key] = sum(self.states[parent] != "done" for parent in step.parents)
            self._offer(step.key)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left that could be done."""
        return not self._counts["waiting"] and not self._counts["running"]

    def count(self, state: State) -> int:
        """Return how many steps are in a state."""
        return self._counts[state]

    def counts(self) -> Mapping[State, int]:
        """Return how many steps are in each state."""
        return self._counts

    def take(self) -> Step | None:
        """Return the first step that can be done now, which runs from then on; None if there is none."""
        while self._ready:
            step = self._steps[heapq.heappop(self._ready)]
            if self.states[step.key] == "waiting":
                self._set(step.key, "running")
                return step
        return None

    def put_back(self, key: str) -> None:
        """Let a step wait again."""
        self._set(key, "waiting")
        self._offer(key)

    def finish(self, key: str) -> None:
        """Note that a step is done; what needed it and nothing else can be done now."""
        self._set(key, "done")
        for child in self._children[key]:
            self._lacking[child] -= 1
            self._offer(child)

    def fail(self, key: str) -> None:
        """Note that a step failed; what needs it is blocked."""
        self._set(key, "failed")
        below = list(self._children[key])
        while below:
            child = below.pop()
            if self.states[child] == "waiting":
                self._set(child, "blocked")
                below += self._children[child]

    def _offer(self, key: str) -> None:
        if self.states[key] == "waiting" and not self._lacking[key]:
            heapq.heappush(self._ready, self._place[key])

    def _set(self, key: str, state: State) -> None:
        self._counts[self.states[key]] -= 1
        self._counts[state] += 1
        self.states[key] = state
