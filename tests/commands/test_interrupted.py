from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
import toolkit
from tests import PROJECT, zygote
from tests.terminal import Terminal
from tests.waiting import wait_until
from toolkit.errors import Interrupted


def stop(monkeypatch: pytest.MonkeyPatch, journey: str, error: BaseException) -> None:
    def raising(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(toolkit, journey, raising)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            Interrupted("train mnli stopped at step 60 of 128; its checkpoint of step 60 is in runs/checkpoints/abc"),
            "Interrupted: train mnli stopped at step 60 of 128; its checkpoint of step 60 is in runs/checkpoints/abc; "
            "`{}` continues from there.",
        ),
        (KeyboardInterrupt(), "Interrupted; `{}` does what is left to do."),
    ],
)
def test_ctrl_c_names_the_command_that_continues_and_ends_with_130(
    error: BaseException, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(monkeypatch, "train", error)
    words = ["train", "fuse[mnli,squad]/xquad", "--set", "run_dir=my runs", "--data-root", "/mirror of mine"]
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == 130
    again = shlex.join(["xstilts", *words])
    assert result.stderr == expected.format(again) + "\n"
    assert shlex.split(again)[1:] == words


def test_a_second_ctrl_c_ends_with_130_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    stop(monkeypatch, "train", KeyboardInterrupt())

    def raising(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("toolkit.commands.groups._interrupted", raising)
    assert CliRunner().invoke(cli.main, ["train", "micro-nli"]).exit_code == 130


def test_the_command_of_a_group_is_named_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    stop(monkeypatch, "sweep", KeyboardInterrupt())
    result = CliRunner().invoke(cli.main, ["sweep", "order-mini", "--workers", "2"])
    assert result.exit_code == 130
    assert "`xstilts sweep order-mini --workers 2`" in result.stderr


@pytest.mark.slow
def test_in_a_terminal_a_stopped_training_continues_from_its_step(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "cli.py"), "train", "micro-nli", "--backbone", "tiny", "--no-track"]
    command += ["--zoo", str(tmp_path / "zoo"), "--set", f"run_dir={tmp_path / 'runs'}"]
    command += ["--set", "train.limit=400", "--set", "train.epochs=10", "--set", "train.eval_limit=20"]
    first = Terminal(columns=2000)
    process = _started(command, first)
    wait_until(lambda: first.written.count("ETA") > 2 or process.poll() is not None, "a step", process=process)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    *_, last = first.end().shown
    step = last.split("stopped at step ")[1].split(" ")[0]
    assert f"its checkpoint of step {step} is in {tmp_path / 'runs' / 'checkpoints'}" in last
    assert last.endswith("continues from there.")
    assert shlex.split(last.split("`")[1]) == ["python", *command[1:]]
    second = Terminal(columns=80)
    assert _started(command, second).wait() == 0
    shown = second.end().shown
    assert f"continues from step {step} of " in "".join(shown)
    assert not any("ETA" in line for line in shown)


def _started(command: list[str], terminal: Terminal) -> subprocess.Popen[bytes]:
    return zygote.Popen(
        command,
        stdin=terminal.inner,
        stdout=terminal.inner,
        stderr=terminal.inner,
        env=os.environ | {"TERM": "xterm-256color"},
    )
