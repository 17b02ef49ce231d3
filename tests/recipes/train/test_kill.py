"""A run killed with SIGKILL at any moment goes on with the same command and ends with the same bits."""

from __future__ import annotations

import io
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from tests import PROJECT, zygote
from tests.waiting import wait_until
from toolkit.zoo import Zoo

EXPRESSION = "fuse[micro-nli,micro-pos]/micro-choice"
SETTINGS = (
    "train.limit=96", "train.epochs=4", "train.batch_size=8", "train.eval_limit=8", "train.checkpoint_every=3",
    "train.head_dropout=0.2", "train.backbone_dropout=0.1", "train.patience=9", "backbone.precision=fp32",
)  # fmt: skip


def command(folder: Path, expression: str = EXPRESSION, *more: str) -> list[str]:
    sets = [part for one in (*SETTINGS, *more) for part in ("--set", one)]
    return [
        sys.executable, str(PROJECT / "cli.py"), "train", expression, "--backbone", "tiny", "--no-track",
        "--zoo", str(folder / "zoo"), "--set", f"run_dir={folder / 'runs'}", *sets,
    ]  # fmt: skip


def weights(folder: Path) -> dict[str, np.ndarray]:
    zoo = Zoo(folder / "zoo")
    return {
        f"{card.name}/{file}/{key}": value
        for card in zoo.list("tiny")
        for file in card.files
        for key, value in zoo.tensors(card, file).items()
    }


def checkpoints(folder: Path) -> list[tuple[str, int]]:
    """Every checkpoint there is, with the time of its last writing."""
    return sorted((str(path), path.stat().st_mtime_ns) for path in (folder / "runs").rglob("checkpoint.pt"))


def run_until_a_new_checkpoint_then_kill(folder: Path, delay_s: float) -> bool:
    """Start the command, kill it `delay_s` after it wrote a checkpoint; False where it ended before."""
    before = checkpoints(folder)
    process = zygote.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_new() -> bool:
        try:
            now = checkpoints(folder)
        except FileNotFoundError:  # a finished stage has just removed its own
            return False
        return bool(now) and now != before

    try:
        wait_until(lambda: is_new() or process.poll() is not None, "a checkpoint", every_s=0.002)
        if process.poll() is not None:
            assert process.returncode == 0
            return False
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("delays", [(0.0, 0.08, 0.02)], ids=["three kills"])
def test_a_killed_run_ends_with_the_same_bits_as_an_uninterrupted_one(
    tmp_path: Path, delays: tuple[float, ...]
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    zygote.run(command(whole), check=True, capture_output=True)
    kills = sum(run_until_a_new_checkpoint_then_kill(killed, delay) for delay in delays)
    assert kills >= 2
    said = zygote.run(command(killed), check=True, capture_output=True, text=True).stderr
    assert "continued from step" in said
    expected, found = weights(whole), weights(killed)
    assert expected.keys() == found.keys()
    assert len(expected) > 30
    assert all(np.array_equal(expected[key], found[key]) for key in expected)
    assert not checkpoints(killed)


def is_killed_in_the_best_weights() -> None:
    """Let SIGKILL come when the first half of the best weights is written."""
    _killed_in(lambda content: "state" not in content)


def is_killed_in_a_checkpoint() -> None:
    """Let SIGKILL come when the first half of a checkpoint behind the best weights is written."""
    _killed_in(lambda content: "state" in content and content["best"] is not None)


def _killed_in(is_it: Callable[[dict[str, Any]], bool]) -> None:
    import torch

    save = torch.save

    def half(content: dict[str, Any], file: IO[bytes]) -> None:
        held = io.BytesIO()
        save(content, held)
        if is_it(content):
            file.write(held.getvalue()[: held.tell() // 2])
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        file.write(held.getvalue())

    torch.save = half


@pytest.mark.slow
def test_a_run_killed_in_the_middle_of_a_file_continues_from_the_checkpoint_before(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    zygote.run(command(whole), check=True, capture_output=True)
    for way in ("is_killed_in_the_best_weights", "is_killed_in_a_checkpoint"):
        ended = zygote.run(command(killed), first=f"{__name__}:{way}", capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        (left,) = (killed / "runs").rglob(".*.tmp")
        assert left.name.startswith(".best.pt" if "best" in way else ".checkpoint.pt") and left.stat().st_size
    said = zygote.run(command(killed), check=True, capture_output=True, text=True).stderr
    assert "continues from step" in said
    expected, found = weights(whole), weights(killed)
    assert expected.keys() == found.keys() and all(np.array_equal(expected[key], found[key]) for key in expected)
    assert not [path for path in (killed / "runs").rglob("*") if path.suffix in (".pt", ".tmp")]


def is_killed_in_its_third_checkpoint() -> None:
    """Let SIGKILL come when the first half of the third checkpoint of this process is written."""
    written = itertools.count(1)
    _killed_in(lambda content: "state" in content and next(written) == 3)


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("train.whole_word=true", "train.accumulate=2")], ids=["pieces", "words"])
def test_a_language_adapter_killed_twice_draws_the_same_masks_and_ends_with_the_same_bits(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    layer = ("adapter.kind=seq_bn_inv", "adapter.leave_out_upper=1", "train.max_length=32")
    whole, killed = (command(tmp_path / name, "micro-text.sw", *layer, *more) for name in ("whole", "killed"))
    zygote.run(whole, check=True, capture_output=True)
    for _ in range(2):
        ended = zygote.run(
            killed, first=f"{__name__}:is_killed_in_its_third_checkpoint", capture_output=True, text=True
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert "continue" in ended.stderr  # the second began where the first had come to
    said = zygote.run(killed, check=True, capture_output=True, text=True).stderr
    assert re.search(r"continues from step \d+ of", said), said
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert any("invertible" in key for key in expected) and expected.keys() == found.keys()
    assert all(np.array_equal(expected[key], found[key]) for key in expected)
    one, other = (Zoo(tmp_path / name / "zoo").get("micro-text.sw", "tiny") for name in ("whole", "killed"))
    assert [score.value for score in one.scores] == [score.value for score in other.scores]
    assert not checkpoints(tmp_path / "killed")


@pytest.mark.slow
def test_the_signal_of_a_requeue_stops_training_with_a_checkpoint_and_the_same_command_continues(
    tmp_path: Path,
) -> None:
    told = [*command(tmp_path), "--requeue-signal"]
    process = zygote.Popen(told, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: checkpoints(tmp_path), "a checkpoint", process=process, every_s=0.002)
        process.send_signal(signal.SIGUSR1)
        _, said = process.communicate()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 143, said
    assert "--requeue-signal" in said and "continue" in said
    assert checkpoints(tmp_path)
    again = zygote.run(told, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert EXPRESSION in {card.name for card in Zoo(tmp_path / "zoo").list("tiny")}


@pytest.mark.slow
def test_without_the_option_the_signal_ends_the_process_as_the_system_does(tmp_path: Path) -> None:
    process = zygote.Popen(command(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: checkpoints(tmp_path), "a checkpoint", process=process, every_s=0.002)
        process.send_signal(signal.SIGUSR1)
        assert process.wait() == -signal.SIGUSR1
    finally:
        process.kill()
        process.wait()
