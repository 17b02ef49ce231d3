"""How long work tells what it is doing: one callback, which the command line draws and a library user may ignore."""

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
        figures: numbers worth showing beside it, such as `loss` or `examples/s`.
    """

    what: str
    done: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Show nothing."""
