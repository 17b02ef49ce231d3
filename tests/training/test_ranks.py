"""Two processes that train one stage together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import PROJECT, zygote
from tests.waiting import LIMIT_S, wait_until
from toolkit.zoo import Zoo


@pytest.mark.journey
def test_two_processes_make_one_entry_from_both_halves_of_the_rows(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sets = ("train.limit=32", "train.epochs=2", "train.batch_size=8", "train.eval_limit=8", "tracking.enabled=no")
    command = [
        str(PROJECT / "cli.py"), "train", "mix[micro-nli,micro-pos]", "--backbone", "tiny", "--precision", "fp32",
        "--zoo", str(tmp_path / "zoo"), "--set", f"run_dir={tmp_path / 'runs'}",
        *(part for one in sets for part in ("--set", one)),
    ]  # fmt: skip
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        zygote.Popen(
            [sys.executable, *command],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=LIMIT_S) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    (card,) = Zoo(tmp_path / "zoo").list("tiny")
    Zoo(tmp_path / "zoo").verify(card)
    assert outputs[0][0].startswith("mix[micro-nli,micro-pos]")
    assert outputs[1][0] == ""  # only the first speaks
    assert not list((tmp_path / "runs").rglob("checkpoint.pt"))
    # One process that takes the two halves of a step's batch one after the other adds up the same gradients.
    alone = [word.replace(str(tmp_path / "zoo"), str(tmp_path / "alone")) for word in command]
    made = zygote.run(
        [sys.executable, *alone, "--set", "train.accumulate=2"],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (other,) = Zoo(tmp_path / "alone").list("tiny")
    assert card.recipe["steps"] == other.recipe["steps"]
    for file in card.files:
        ours, theirs = (Zoo(tmp_path / zoo).tensors(one, file) for zoo, one in (("zoo", card), ("alone", other)))
        for name, tensor in theirs.items():
            np.testing.assert_allclose(ours[name], tensor, atol=1e-6)


@pytest.mark.slow
def test_two_processes_stop_at_the_same_step_with_a_checkpoint_when_one_is_terminated(tmp_path: Path) -> None:
    sets = ("train.limit=400", "train.epochs=40", "train.batch_size=8", "train.eval_limit=8", "tracking.enabled=no")
    sets += ("train.checkpoint_every=1000",)

    def start() -> list[zygote.Popen]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            str(PROJECT / "cli.py"), "train", "micro-nli", "--backbone", "tiny", "--precision", "fp32",
            "--zoo", str(tmp_path / "zoo"), "--set", f"run_dir={tmp_path / 'runs'}",
            *(part for one in sets for part in ("--set", one)),
        ]  # fmt: skip
        shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
        return [
            zygote.Popen(
                [sys.executable, *command],
                env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]

    processes = start()
    wait_until(lambda: list((tmp_path / "runs").rglob("checkpoint.pt")), "a checkpoint", process=processes[0])
    processes[1].send_signal(signal.SIGTERM)
    outputs = [process.communicate(timeout=LIMIT_S) for process in processes]
    assert [process.returncode for process in processes] == [130, 143], outputs
    stopped = [words.split("stopped at step ")[1].split(" of ")[0] for _, words in outputs]
    assert stopped[0] == stopped[1]
    assert f"its checkpoint of step {stopped[0]} is in" in outputs[0][1]
