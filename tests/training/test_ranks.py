"""Two processes that train one stage together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import PROJECT, zygote
from tests.waiting import LIMIT_S
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
    # Two tasks of 32 rows in batches of about 8, twice: 2 * 64 / 8 batches, two at a time.
    assert 7 <= card.recipe["steps"] <= 11
    assert not list((tmp_path / "runs").rglob("checkpoint.pt"))
