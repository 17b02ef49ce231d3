"""Progress and sentences of long work: two callbacks, which the command line draws and a library user may leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """One step of something long.

    Attributes:
        what: what is being done, in a few words; a new text starts a new bar.
        done: units finished.
        total: units in all.
        figures: numbers worth showing with it, such as `loss` or `examples/s`.
    """

    what: str
    done: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)


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
