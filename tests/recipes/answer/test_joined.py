"""Requests of several threads, joined into passes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.waiting import LIMIT_S, wait_until
from toolkit.recipes.answer.joined import Joined


class Gate:
    """A function whose first pass lasts until it is opened; it keeps the items of every pass."""

    def __init__(self) -> None:
        self.passes: list[list[int]] = []
        self.began, self.opened = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.passes.append(list(items))
        self.began.set()
        assert self.opened.wait(LIMIT_S)
        if any(item < 0 for item in items):
            raise ValueError(f"negative among {list(items)}")
        return [10 * item for item in items]


def _asked_meanwhile(gate: Gate, joined: Joined[int, int], requests: Sequence[Sequence[int]]) -> list[object]:
    """Ask the first request, and the others one after another while its pass is computed."""
    with ThreadPoolExecutor(len(requests)) as pool:
        futures = [pool.submit(joined, requests[0])]
        assert gate.began.wait(LIMIT_S)
        for number, request in enumerate(requests[1:], 1):
            futures.append(pool.submit(joined, request))
            wait_until(lambda number=number: len(joined.waiting) == number, "the request waits")  # type: ignore[misc]
        gate.opened.set()
        return [future.exception(LIMIT_S) or future.result() for future in futures]


def test_what_arrives_during_a_pass_is_one_pass() -> None:
    gate = Gate()
    found = _asked_meanwhile(gate, Joined(gate), [[1], [2], [3, 4], [5]])
    assert found == [[10], [20], [30, 40], [50]]
    assert gate.passes == [[1], [2, 3, 4, 5]]


def test_a_pass_holds_at_most_so_many_items_unless_one_request_is_longer() -> None:
    gate = Gate()
    found = _asked_meanwhile(gate, Joined(gate, at_most=3), [[1], [2], [3, 4], [5, 6, 7, 8], [9]])
    assert found == [[10], [20], [30, 40], [50, 60, 70, 80], [90]]
    assert gate.passes == [[1], [2, 3, 4], [5, 6, 7, 8], [9]]


def test_only_the_request_at_fault_gets_the_error() -> None:
    gate = Gate()
    found = _asked_meanwhile(gate, Joined(gate), [[1], [2], [-3], [4]])
    assert [each for each in found if isinstance(each, list)] == [[10], [20], [40]]
    assert str(found[2]) == "negative among [-3]"


def test_a_request_without_items_has_no_answers() -> None:
    assert Joined(lambda items: list(items))([]) == []


def test_an_interruption_loses_no_request_that_waits() -> None:
    interrupted = [True]

    def answer(items: Sequence[int]) -> list[int]:
        if interrupted.pop() if interrupted else False:
            raise KeyboardInterrupt
        return list(items)

    joined = Joined(answer)
    with pytest.raises(KeyboardInterrupt):
        joined([1])
    assert joined([2]) == [2]


def test_an_interrupted_pass_is_computed_by_another_thread_that_waits() -> None:
    began, opened, passes = threading.Event(), threading.Event(), list[list[int]]()

    def answer(items: Sequence[int]) -> list[int]:
        passes.append(list(items))
        if len(passes) == 1:
            began.set()
            assert opened.wait(LIMIT_S)
        if len(passes) == 2:
            raise KeyboardInterrupt
        return list(items)

    joined = Joined(answer)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(joined, [0])]
        assert began.wait(LIMIT_S)
        for number in (1, 2, 3):
            futures.append(pool.submit(joined, [number]))
            wait_until(lambda number=number: len(joined.waiting) == number, "the request waits")  # type: ignore[misc]
        opened.set()
        found = [future.exception(LIMIT_S) or future.result() for future in futures]
    assert isinstance(found[1], KeyboardInterrupt)
    assert [found[0], *found[2:]] == [[0], [2], [3]]
    assert passes == [[0], [1, 2, 3], [2, 3]] and not joined.waiting
