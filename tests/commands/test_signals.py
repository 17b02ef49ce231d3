"""SIGTERM ends a command as Ctrl-C does, with exit code 143."""

from __future__ import annotations

import signal

import pytest

from toolkit.commands.signals import sigterm_as_ctrl_c
from toolkit.training.interruption import Interruption


def code_of(ends_with: BaseException) -> object:
    """Return the exit code of a block that SIGTERM reaches, and that ends as it says then."""
    try:
        with sigterm_as_ctrl_c():
            try:
                signal.raise_signal(signal.SIGTERM)
            except KeyboardInterrupt:
                raise ends_with from None
    except SystemExit as end:
        return end.code
    return None


@pytest.mark.parametrize("ends_with", [KeyboardInterrupt, SystemExit(130), SystemExit(1)])
def test_sigterm_is_heard_as_ctrl_c_and_has_its_own_code(ends_with: BaseException) -> None:
    assert code_of(ends_with) == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_ctrl_c_and_other_codes_stay_as_they_are() -> None:
    with pytest.raises(KeyboardInterrupt), sigterm_as_ctrl_c():
        raise KeyboardInterrupt
    with pytest.raises(SystemExit) as found, sigterm_as_ctrl_c():
        raise SystemExit(2)
    assert found.value.code == 2


def test_a_command_in_the_background_of_a_script_hears_it_although_ctrl_c_is_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit), sigterm_as_ctrl_c():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("of_ctrl_c", [signal.SIG_IGN, signal.default_int_handler], ids=["background", "foreground"])
def test_training_finishes_its_step_before_sigterm_ends_it(of_ctrl_c: signal.Handlers) -> None:
    before = signal.signal(signal.SIGINT, of_ctrl_c)
    steps: list[object] = []
    try:
        with sigterm_as_ctrl_c(), Interruption(is_held=True) as interruption:
            signal.raise_signal(signal.SIGTERM)
            steps.append("whole")  # where the checkpoint is written
            if interruption.is_asked:
                raise KeyboardInterrupt
    except SystemExit as end:
        steps.append(end.code)
    finally:
        signal.signal(signal.SIGINT, before)
    assert steps == ["whole", 143]


def test_sigterm_while_the_last_step_is_taken_ends_the_command_behind_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    code: object = None
    try:
        with sigterm_as_ctrl_c(), Interruption(is_held=True):
            signal.raise_signal(signal.SIGTERM)
    except SystemExit as end:
        code = end.code
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 143
