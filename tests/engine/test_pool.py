"""Jobs that need nothing of each other: how many are given away at a time, and what is done again where."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from toolkit.engine.engine import Engine
from toolkit.engine.messages import Answer, Event, Failed, Job, Progressed
from toolkit.engine.pool import TRIES, do_all
from toolkit.errors import ToolkitError


@dataclass(frozen=True)
class Double(Job):
    number: int


@dataclass(frozen=True)
class Doubled(Answer):
    number: int


Do = Callable[[Double, str], list[Event]]


class Workers:
    """An engine of two workers, `a` and `b`, which `do` what they are given; one that is avoided is given nothing."""

    def __init__(self, do: Do, workers: Collection[str] = ("a", "b")) -> None:
        self._do, self.workers = do, list(workers)
        self._events: deque[tuple[str, Event]] = deque()
        self._at: dict[str, str] = {}
        self.given: list[tuple[str, str]] = []  # key and worker
        self.open, self.most = 0, 0

    def count(self) -> int:
        return len(self.workers)

    def worker_of(self, key: str) -> str:
        return self._at[key]

    def has_others(self, avoid: Collection[str]) -> bool:
        return bool(set(self.workers) - set(avoid))

    def submit(self, key: str, job: Double, *, avoid: Collection[str] = ()) -> None:
        free = [name for name in self.workers if name not in avoid] or self.workers or ["none"]
        self._at[key] = free[len(self.given) % len(free)]
        self.given.append((key, self._at[key]))
        self.open += 1
        self.most = max(self.most, self.open)
        self._events.extend((key, event) for event in self._do(job, self._at[key]))

    def hear(self, timeout_s: float) -> Iterator[tuple[str, Event]]:
        key, event = self._events.popleft()
        self.open -= isinstance(event, Answer | Failed)
        yield key, event

    def revive(self) -> None: ...


def done(workers: Workers, n: int, **more: Any) -> dict[str, int]:
    jobs = ((str(number), Double(number)) for number in range(n))
    return {key: found.number for key, found in do_all(cast(Engine, workers), jobs, Doubled, **more)}


def fine(job: Double, where: str) -> list[Event]:
    return [Progressed("double", 0, 1), Doubled(2 * job.number)]


def test_every_job_is_done_once_and_few_are_given_away_at_a_time() -> None:
    workers, heard = Workers(fine), list[tuple[str, Event]]()
    assert done(workers, 20, on_event=lambda *each: heard.append(each)) == {str(n): 2 * n for n in range(20)}
    assert len(workers.given) == 20 and workers.most == 4
    assert heard == [(str(n), Progressed("double", 0, 1)) for n in range(20)]
    assert done(Workers(fine), 0) == {}


def test_a_job_whose_process_is_killed_is_done_by_another_worker() -> None:
    killed: list[str] = []

    def do(job: Double, where: str) -> list[Event]:
        if job.number == 3 and not killed:
            killed.append(where)
            return [Failed("The worker was ended by SIGKILL.", is_dead=True, is_killed=True)]
        return fine(job, where)

    workers = Workers(do)
    assert done(workers, 5) == {str(n): 2 * n for n in range(5)}
    first, second = (where for key, where in workers.given if key == "3")
    assert [first] == killed and second != first


def test_a_worker_that_cannot_do_a_job_is_given_no_other_one_either() -> None:
    def do(job: Double, where: str) -> list[Event]:
        return [Failed("The worker b has torch 2.12.0.")] if where == "b" else fine(job, where)

    workers = Workers(do)
    assert done(workers, 20) == {str(n): 2 * n for n in range(20)}
    assert [where for _, where in workers.given[6:]] == ["a"] * len(workers.given[6:])


@pytest.mark.parametrize(
    ("workers", "failed", "tries", "expected"),
    [
        ("ab", Failed("It was killed.", is_dead=True), TRIES, f"It was killed ({TRIES} workers tried)."),
        ("a", Failed("It was killed.", is_dead=True), TRIES, f"It was killed ({TRIES} workers tried)."),
        ("ab", Failed("The disk is full."), 2, "The disk is full (2 workers tried)."),
        ("a", Failed("The disk is full."), 1, "The disk is full."),
    ],
)
def test_a_job_that_fails_everywhere_ends_the_work_in_one_sentence(
    workers: str, failed: Failed, tries: int, expected: str
) -> None:
    found = Workers(lambda job, where: [failed], workers)
    with pytest.raises(ToolkitError) as raised:
        done(found, 1)
    assert (str(raised.value), len(found.given)) == (expected, tries)


def test_work_that_has_lost_all_its_workers_says_once_that_it_waits() -> None:
    said: list[str] = []
    workers = Workers(fine)

    def do(job: Double, where: str) -> list[Event]:
        workers.workers = [] if job.number < 3 else ["a"]
        return fine(job, where)

    workers._do = do
    assert len(done(workers, 6, say=said.append)) == 6
    assert said == ["No worker is left; the work waits until one joins."]
