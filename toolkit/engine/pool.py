"""Jobs that need nothing of each other: all are done, by whichever workers are free, and what fails is done again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from toolkit.engine.engine import Engine
from toolkit.engine.messages import Answer, Event, Failed, Job, Said
from toolkit.errors import ToolkitError
from toolkit.progress import Say, say_nothing

A = TypeVar("A", bound=Answer)
TRIES = 3  # of a job
_AHEAD = (
    2  # jobs that are given away for each that can be done at the same time, so that no worker waits for the next one
)


@dataclass
class _Open:
    job: Job
    tries: int = 0
    avoid: set[str] = field(default_factory=set)


def _unheard(key: str, event: Event) -> None:
    """Hear nothing."""


def do_all(
    engine: Engine,
    jobs: Iterable[tuple[str, Job]],
    expected: type[A],
    *,
    on_event: Callable[[str, Event], None] = _unheard,
    say: Say = say_nothing,
) -> Iterator[tuple[str, A]]:
    """Do jobs and yield the answer of each as it comes, with the job's key.

    Only as many jobs as the workers can do, and as many again, are given away at a time, so that those that wait need no memory:
    `jobs` may be an iterator that makes them. A job that fails is done again, by another worker where there is one: `TRIES` times
    in all.

    Args:
        engine: that does them.
        jobs: key -> job; no key twice.
        expected: the answer to each of them.
        on_event: called with all other events, and with those of tries that failed.
        say: called with sentences for the reader.

    Raises:
        ToolkitError: a job failed as often as it may, or on the only worker for a reason that would be the same again.
    """
    waiting, opened, unfit, is_waiting = iter(jobs), dict[str, _Open](), set[str](), False
    while True:
        while len(opened) < max(1, _AHEAD * engine.count()) and (following := next(waiting, None)) is not None:
            key, job = following
            opened[key] = _Open(job)
            engine.submit(key, job, avoid=unfit)
        if not opened:
            return
        for key, event in engine.hear(1.0):
            if isinstance(event, Said) and not key:
                say(event.text)
            if key not in opened:
                continue
            if isinstance(event, expected):
                del opened[key]
                yield key, event
                continue
            on_event(key, event)
            if isinstance(event, Failed):
                _again(engine, key, opened[key], event, unfit)
        engine.revive()
        if not engine.count() and not is_waiting:
            say("No worker is left; the work waits until one joins.")
        is_waiting = not engine.count()


def _again(engine: Engine, key: str, open_: _Open, failed: Failed, unfit: set[str]) -> None:
    """Give a job away again that failed.

    A worker that cannot do it may be unfit for all: it is avoided from then on. One whose process was killed is not.
    """
    where = engine.worker_of(key)
    open_.tries += 1
    open_.avoid.add(where)
    if not failed.is_dead:
        unfit.add(where)
    if open_.tries >= TRIES or not (failed.is_dead or engine.has_others(unfit)):
        tried = f" ({open_.tries} workers tried)" if open_.tries > 1 else ""
        raise ToolkitError(f"{failed.error.rstrip('.')}{tried}.")
    engine.submit(key, open_.job, avoid=unfit | open_.avoid)
