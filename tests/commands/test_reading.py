"""Commands that only look create nothing, whatever folder they are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli

pytestmark = pytest.mark.journey

COMMANDS = [
    "zoo list --zoo nowhere",
    "zoo show mnli --zoo nowhere",
    "zoo log mnli --zoo nowhere",
    "zoo diff mnli squad --zoo nowhere",
    "zoo verify --zoo nowhere",
    "zoo gc --zoo nowhere",
    "zoo readme mnli --zoo nowhere",
    "zoo lock mnli --zoo nowhere --out lock.yaml",
    "zoo export mnli out --zoo nowhere",
    "plan fuse[mnli,squad]/xnli --zoo nowhere --backbone tiny",
    "status nowhere",
    "report nowhere",
    "store list --store nowhere",
    "store verify --store nowhere",
    "track sync",
    "ui --folder nowhere",
    "ui",
    "tasks",
    "tasks show xnli",
    "configs list",
    "doctor --data-root nowhere --zoo nowhere",
    "eval mnli --task xnli --zoo nowhere --backbone tiny",
    "retrieve backbone --task tatoeba --backbone tiny --data-root nowhere",
    "retrieve backbone --task micro-bitext --backbone tiny --layer 14",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_looking_leaves_a_folder_as_it_was(folder: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = CliRunner().invoke(cli.main, command.split())
    assert found.exit_code in (0, 2), found.output
    assert not found.exception or isinstance(found.exception, SystemExit)
    if found.exit_code == 2:
        assert found.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert list(folder.iterdir()) == []
