"""Models that are open: how many, which is closed first, and who waits for whom."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from toolkit.recipes.answer.page.opened import Opened


class Model:
    """Counts what is open."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log
        log.append(f"+{name}")

    def close(self) -> None:
        self.log.append(f"-{self.name}")


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def opened(log: list[str]) -> Opened[str, Model]:
    return Opened(lambda name: Model(name, log), at_most=2)


def use(opened: Opened[str, Model], *names: str) -> None:
    for name in names:
        with opened.borrow(name) as model:
            assert model.name == name


def test_the_one_used_least_recently_is_closed_and_only_when_room_is_needed(
    opened: Opened[str, Model], log: list[str]
) -> None:
    use(opened, "a", "b", "a", "c", "a")
    assert log == ["+a", "+b", "-b", "+c"] and len(opened) == 2
    opened.close()
    assert sorted(log[4:]) == ["-a", "-c"] and len(opened) == 0


def test_one_that_is_used_is_not_closed(opened: Opened[str, Model], log: list[str]) -> None:
    with opened.borrow("a"):
        use(opened, "b", "c")
        opened.close()
        assert log == ["+a", "+b", "-b", "+c", "-c"]


def test_who_finds_no_room_waits_until_there_is_some(opened: Opened[str, Model], log: list[str]) -> None:
    with ThreadPoolExecutor(1) as pool:
        with opened.borrow("a"), opened.borrow("b"):
            waiting = pool.submit(use, opened, "c")
            assert len(opened) == 2
        waiting.result()
    assert log[:2] == ["+a", "+b"] and log[-1] == "+c" and len(log) == 4


def test_a_model_that_two_ask_for_is_opened_once() -> None:
    begun, go_on, made = Event(), Event(), list[str]()

    def load(name: str) -> Model:
        begun.set()
        go_on.wait()
        return Model(name, made)

    opened = Opened(load, at_most=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(use, opened, "a")
        begun.wait()
        second = pool.submit(use, opened, "a")
        go_on.set()
        first.result()
        second.result()
    assert made == ["+a"]


@pytest.mark.parametrize("error", [ValueError("not sound"), OSError("away")])
def test_what_cannot_be_opened_is_said_and_takes_no_room(error: Exception, log: list[str]) -> None:
    def load(name: str) -> Model:
        if name == "bad":
            raise error
        return Model(name, log)

    opened: Opened[str, Model] = Opened(load, at_most=1)
    for _ in range(2):
        with pytest.raises(type(error), match=str(error)):
            use(opened, "bad")
    use(opened, "a")
    assert log == ["+a"]


def test_a_fault_of_the_user_leaves_the_model_open(opened: Opened[str, Model], log: list[str]) -> None:
    def fail(work: Callable[[], None]) -> None:
        with pytest.raises(KeyError):
            work()

    def ask() -> None:
        with opened.borrow("a"):
            raise KeyError

    fail(ask)
    use(opened, "a")
    assert log == ["+a"]
