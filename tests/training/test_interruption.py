from __future__ import annotations

import os
import signal
import threading

import pytest

from toolkit.training.interruption import Interruption


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_ctrl_c_is_held_and_the_second_raises() -> None:
    seen = []

    def block() -> None:
        with Interruption(is_held=True) as interruption:
            press()
            seen.append(interruption.is_asked)
            press()
            seen.append("after")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert seen == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("is_before", [False, True], ids=["pressed in the block", "pressed before it"])
def test_where_nothing_would_be_lost_it_raises_at_once(is_before: bool) -> None:
    seen = []

    def block() -> None:
        with Interruption(is_held=True) as interruption:
            if is_before:
                press()
            with interruption.at_once():
                seen.append("before")
                press()
                seen.append("after")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert seen == ([] if is_before else ["before"])


def test_a_programs_own_handler_stays() -> None:
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with Interruption(is_held=True) as interruption:
            press()
        assert heard == [signal.SIGINT] and not interruption.is_asked
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_leaves_ctrl_c_as_it_is() -> None:
    seen = []

    def body() -> None:
        with Interruption(is_held=True):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
