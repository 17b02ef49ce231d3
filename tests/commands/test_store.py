"""`xstilts store`: list, verify, prune."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import toolkit
from cli import main
from tests.recipes.small import tiny_config
from toolkit.embeddings import shelves


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["store", *arguments])


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    toolkit.retrieve("backbone", tiny_config(tmp_path), task="micro-bitext", languages="de", layers="1,2")
    return tmp_path / "embeddings"


def test_an_empty_store_is_said_to_hold_nothing(tmp_path: Path) -> None:
    found = run("list", "--store", str(tmp_path / "none"))
    assert (found.exit_code, found.stdout) == (0, f"The store {tmp_path / 'none'} holds nothing.\n")
    assert "0 shards of 0 keys" in run("verify", "--store", str(tmp_path / "none")).stdout


def test_the_list_names_composition_backbone_layer_and_size(filled: Path) -> None:
    found = run("list", "--store", str(filled))
    rows = found.stdout.splitlines()
    assert rows[0].split() == ["composition", "backbone", "layer", "encoded", "shards", "size", "days", "key"]
    assert sorted(row.split()[3] for row in rows[1:3]) == ["1", "2"]
    assert all(row.split()[:2] == ["backbone", "tiny"] for row in rows[1:3])
    assert (
        "holds nothing of xlm-roberta-large"
        in run("list", "--store", str(filled), "--backbone", "xlm-roberta-large").stdout
    )


def test_verify_names_the_damaged_shard_and_fails(filled: Path) -> None:
    assert run("verify", "--store", str(filled)).exit_code == 0
    path = shelves(filled)[1].shards[0]
    data = bytearray(path.read_bytes())
    data[-1] ^= 255
    path.write_bytes(bytes(data))
    found = run("verify", "--store", str(filled))
    assert found.exit_code == 2
    assert f"The shard {path} is damaged" in found.stderr


def test_prune_removes_only_what_was_chosen_and_only_with_yes(filled: Path) -> None:
    old, new = shelves(filled)
    for path in old.shards:
        os.utime(path, (time.time() - 10 * 86400,) * 2)
    assert "Nothing to remove" in run("prune", "--store", str(filled), "--yes").stderr
    chosen = ("prune", "--store", str(filled), "--older-than", "5")
    assert "Nothing was removed" in run(*chosen).stderr
    assert len(shelves(filled)) == 2
    assert "Removed the vectors of 1 keys" in run(*chosen, "--yes").stderr
    assert [shelf.folder for shelf in shelves(filled)] == [new.folder]
    half = new.folder / ".ab.safetensors.999999999.tmp"
    half.write_bytes(b"half")
    assert "1 half-written files" in run("list", "--store", str(filled)).stderr
    run("prune", "--store", str(filled), "--all", "--yes")
    assert shelves(filled) == []
    assert not half.exists()
