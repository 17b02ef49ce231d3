"""`xstilts configs`: list, show and copy; names of ready configurations in other commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
import toolkit
from tests import PROJECT
from toolkit.errors import ToolkitError
from toolkit.face.sweeps import _file


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments))


def test_the_ready_configurations_are_listed_by_kind(folder: Path) -> None:
    found = run("configs")
    assert found.exit_code == 0
    assert len(found.stdout.splitlines()) == 1 + len(list(PROJECT.glob("configs/*/*.yaml")))
    assert {line.split("/")[0] for line in run("configs", "list", "sweep").stdout.splitlines()[1:]} == {"sweep"}


def test_one_is_shown_as_it_is_written(folder: Path) -> None:
    text = (PROJECT / "configs" / "train" / "jiant.yaml").read_text(encoding="utf-8")
    assert run("configs", "train/jiant").stdout == run("configs", "show", "jiant").stdout == text
    missing = run("configs", "show", "jaint")
    assert missing.exit_code == 2
    assert missing.stderr.startswith("Error: No configuration named 'jaint'.")


def test_a_copy_in_the_working_folder_is_what_commands_read(folder: Path) -> None:
    assert run("configs", "copy", "adapter/seq_bn").stdout == "configs/adapter/seq_bn.yaml\n"
    path = Path("configs/adapter/seq_bn.yaml")
    path.write_text(path.read_text().replace("reduction_factor: 16", "reduction_factor: 4"))
    assert toolkit.configure(config="adapter/seq_bn").adapter.reduction_factor == 4
    again = run("configs", "copy", "adapter/seq_bn")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert run("configs", "copy", "adapter/seq_bn", "--out", "mine.yaml").stdout == "mine.yaml\n"
    assert run("configs", "copy", "adapter/full", "--out", "mine.yaml", "--replace").exit_code == 0
    assert toolkit.configure(config="mine.yaml").adapter.kind == "full"


def test_other_commands_find_them_by_name_from_any_folder(folder: Path) -> None:
    assert run("plan", "mnli", "--config", "train/jiant").exit_code == 0
    assert run("plan", "mnli-government/xnli").exit_code == 0
    assert "mnli-government" in run("tasks").stdout
    for name in ("order-mini", "sweep/order-mini", "configs/sweep/order-mini.yaml"):
        assert _file(name).read_bytes() == (PROJECT / "configs" / "sweep" / "order-mini.yaml").read_bytes()


def test_a_sweep_that_is_not_there_is_a_user_error(folder: Path) -> None:
    found = run("sweep", "oder-mini", "--dry-run")
    assert found.exit_code == 2
    assert found.stderr.startswith("Error: No sweep file 'oder-mini'. Did you mean 'order-mini'?")
    assert "Did you mean 'sweep/order-mini'?" in run("sweep", "sweep/order-mni", "--dry-run").stderr
    assert "Did you mean 'jiant'? `xstilts configs list`" in run("configs", "show", "jiantt").stderr
    with pytest.raises(ToolkitError, match="a sweep keeps everything in one folder; name it with --out"):
        toolkit.sweep_plan("order-mini", toolkit.configure(), settings={"zoo": "there"})
