"""Progress and sentences of long work: two callbacks, which the command line draws and a library user may leave out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """One step of something long; it is over with the step at which `done` reaches `total`.

    Attributes:
        what: what is being done, in a few words; what begins while something else is under way is a part of it. Empty: all
            work of the lane is over.
        done: units finished.
        total: units in all; 1: something that cannot be counted.
        figures: numbers worth showing with it, such as `loss` or `examples/s`.
        lane: name of the work of which this is a step, where several are done at the same time; empty: the only one.
        seconds_left: the reporter's own estimate; None: it follows from the pace so far.
    """

    what: str
    done: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)
    lane: str = ""
    seconds_left: float | None = None


Report = Callable[[Progress], None]
Say = Callable[[str], None]


def silent(progress: Progress) -> None:
    """Show nothing."""


def say_nothing(sentence: str) -> None:
    """Drop a sentence for the reader."""


@dataclass(frozen=True)
class Tell:
    """Where a journey's progress and its sentences for the reader go; by default nowhere."""

    progress: Report = silent
    say: Say = say_nothing
    _said: set[str] = field(default_factory=set, compare=False, repr=False)

    def once(self, sentence: str) -> None:
        """Say a sentence unless it was said here before: what is true of a file is met with each language and composition.

        Example:
            >>> heard = []
            >>> tell = Tell(say=heard.append)
            >>> tell.once("It rains."), tell.once("It rains."), heard
            (None, None, ['It rains.'])
        """
        if sentence not in self._said:
            self._said.add(sentence)
            self.say(sentence)


@contextmanager
def under_way(report: Report, what: str) -> Iterator[None]:
    """Report something that cannot be counted as begun, and at the end of the block as over.

    Example:
        >>> seen = []
        >>> with under_way(seen.append, "load"):
        ...     pass
        >>> [(step.done, step.total) for step in seen]
        [(0, 1), (1, 1)]
    """
    report(Progress(what, 0, 1))
    try:
        yield
    finally:
        report(Progress(what, 1, 1))
