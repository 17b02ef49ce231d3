"""Messages between a command and its processes: what every job and event is, and the events that all of them send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """What `lines.py` makes a line of: a frozen dataclass whose fields JSON knows, or that are dataclasses themselves."""


@dataclass(frozen=True)
class Job(Message):
    """What a process is given to do."""


@dataclass(frozen=True)
class Event(Message):
    """What is heard about a job."""


@dataclass(frozen=True)
class Answer(Event):
    """Event that ends a job which was done."""


@dataclass(frozen=True)
class Hire(Message):
    """First message to a process.

    Attributes:
        number: of the process, from 0.
        places: what all its jobs share, as plain values.
        log: file that its output goes to.
    """

    number: int
    places: Mapping[str, Any]
    log: str


@dataclass(frozen=True)
class Ready(Event):
    """A process has started and can be given jobs."""


@dataclass(frozen=True)
class Began(Event):
    """A process has taken a job."""

    host: str
    pid: int


@dataclass(frozen=True)
class Progressed(Event):
    """Progress within a job; its fields are those of `Progress`."""

    what: str
    done: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Said(Event):
    """A sentence for the reader."""

    text: str


@dataclass(frozen=True)
class SentAway(Event):
    """Of no job: a worker has joined that cannot be used, and was retired.

    Attributes:
        error: why, in one sentence.
    """

    error: str


@dataclass(frozen=True)
class Failed(Event):
    """The end of a job that was not done.

    Attributes:
        error: why it failed, in one sentence.
        is_dead: whether the process ended as well.
        is_killed: whether a signal ended it, which it did not do of itself.
        is_unspoken: whether it had not sent an event about the job: it may have been dead when it was given it.
        is_unready: whether it had never been ready for any job.
    """

    error: str
    is_dead: bool = False
    is_killed: bool = False
    is_unspoken: bool = False
    is_unready: bool = False
