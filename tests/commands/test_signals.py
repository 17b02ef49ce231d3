"""SIGTERM, SIGHUP and, where it is asked for, SIGUSR1 end a command as Ctrl-C does, with exit codes of their own."""

from __future__ import annotations

import signal

import pytest
from click.testing import CliRunner

import cli
from toolkit.commands.signals import ended_like_ctrl_c, hear_requeue_signal
from toolkit.training.interruption import Interruption


def code_of(ends_with: BaseException, number: signal.Signals = signal.SIGTERM) -> object:
    """Return the exit code of a block that a signal reaches, and that ends as it says then."""
    try:
        with ended_like_ctrl_c():
            if number == signal.SIGUSR1:
                hear_requeue_signal()
            try:
                signal.raise_signal(number)
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
    with pytest.raises(KeyboardInterrupt), ended_like_ctrl_c():
        raise KeyboardInterrupt
    with pytest.raises(SystemExit) as found, ended_like_ctrl_c():
        raise SystemExit(2)
    assert found.value.code == 2


def test_a_command_in_the_background_of_a_script_hears_it_although_ctrl_c_is_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit), ended_like_ctrl_c():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("of_ctrl_c", [signal.SIG_IGN, signal.default_int_handler], ids=["background", "foreground"])
def test_training_finishes_its_step_before_sigterm_ends_it(of_ctrl_c: signal.Handlers) -> None:
    before = signal.signal(signal.SIGINT, of_ctrl_c)
    steps: list[object] = []
    try:
        with ended_like_ctrl_c(), Interruption(is_held=True) as interruption:
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
        with ended_like_ctrl_c(), Interruption(is_held=True):
            signal.raise_signal(signal.SIGTERM)
    except SystemExit as end:
        code = end.code
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 143


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGUSR1, 143)])
def test_a_closed_terminal_and_the_signal_of_a_requeue_end_it_too(number: signal.Signals, code: int) -> None:
    before = signal.signal(number, signal.SIG_DFL)
    try:
        assert code_of(KeyboardInterrupt(), number) == code
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_under_nohup_a_closed_terminal_ends_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_like_ctrl_c():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_sigterm_does_not_interrupt_what_the_first_has_begun_to_end() -> None:
    steps: list[object] = []
    try:
        with ended_like_ctrl_c():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGTERM)
                steps.append("ended")
    except SystemExit as end:
        steps.append(end.code)
    assert steps == ["ended", 143]


def test_a_server_that_ends_well_with_ctrl_c_has_the_code_of_sigterm() -> None:
    assert code_of(SystemExit(0)) == 143


def test_training_in_the_background_finishes_its_step_before_the_signal_of_a_requeue_ends_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    steps: list[object] = []
    try:
        with ended_like_ctrl_c():
            hear_requeue_signal()
            with Interruption(is_held=True) as interruption:
                signal.raise_signal(signal.SIGUSR1)
                steps.append("whole")
                if interruption.is_asked:
                    raise KeyboardInterrupt
    except SystemExit as end:
        steps.append(end.code)
    finally:
        signal.signal(signal.SIGINT, before)
    assert steps == ["whole", 143]


@pytest.mark.parametrize("command", [["train"], ["fuse"], ["eval"], ["sweep", "run"]])
def test_the_commands_that_schedulers_start_have_the_option(command: list[str]) -> None:
    shown = CliRunner().invoke(cli.main, [*command, "--help"]).output
    assert "--requeue-signal" in shown


def test_a_process_of_an_engine_leaves_signals_to_the_command() -> None:
    from toolkit.engine.process import _leave_signals_to_the_command

    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        _leave_signals_to_the_command()
        for number in numbers:
            signal.raise_signal(number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
