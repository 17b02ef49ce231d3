"""The digest of a checkpoint is computed once for the same files, and again whenever one of them may have changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.modeling.published.checkpoints import Layout, publish
from toolkit.cache import cache_root
from toolkit.errors import SourceError
from toolkit.modeling.published import digests, weights
from toolkit.modeling.published.configuration import read_configuration
from toolkit.modeling.published.digests import known_digest
from toolkit.modeling.published.weights import load_encoder


@pytest.fixture(autouse=True)
def _settled_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "SETTLED_S", -3600.0)


def load(folder: Path) -> str:
    return load_encoder(read_configuration(folder), folder)[1]


@pytest.mark.parametrize("layout", ["safetensors", "sharded", "bin"])
def test_it_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout) -> None:
    folder = publish(tmp_path / "model", layout)
    assert known_digest(folder) is None
    first = load(folder)
    assert known_digest(folder) == first
    monkeypatch.setattr(weights, "add_to_digest", lambda *args: pytest.fail("computed again"))
    monkeypatch.setattr(weights, "differing", lambda *args: pytest.fail("compared again"))
    assert load(folder) == first
    assert known_digest(Path(os.path.relpath(folder))) == first


def test_weights_written_over_in_place_at_the_same_time_and_size_are_others(tmp_path: Path) -> None:
    folder = publish(tmp_path / "model")
    file = folder / "model.safetensors"
    first, before = load(folder), file.stat()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    with file.open("r+b") as stream:
        stream.write(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_ino == before.st_ino and file.stat().st_size == before.st_size
    assert known_digest(folder) is None and load(folder) != first


def test_weights_that_another_file_replaces_are_others(tmp_path: Path) -> None:
    folder = publish(tmp_path / "model")
    first = load(folder)
    file = folder / "model.safetensors"
    changed = {name: tensor + 1 for name, tensor in load_file(file).items()}
    save_file(changed, tmp_path / "other.safetensors", {"format": "pt"})
    os.utime(tmp_path / "other.safetensors", ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    (tmp_path / "other.safetensors").rename(file)
    assert load(folder) != first


def test_a_second_format_that_arrives_later_is_compared(tmp_path: Path) -> None:
    folder = publish(tmp_path / "model")
    load(folder)
    tensors = load_file(folder / "model.safetensors")
    torch.save({name: tensor + 1 for name, tensor in tensors.items()}, folder / "pytorch_model.bin")
    with pytest.raises(SourceError, match="two formats, which differ"):
        load(folder)


def test_fewer_layers_of_the_same_weights_are_another_encoder(tmp_path: Path) -> None:
    folder = publish(tmp_path / "model")
    first = load(folder)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 1'))
    assert load(folder) != first


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": 1}', '{"state": "x", "digest": 3}'])
def test_a_damaged_note_is_computed_anew(tmp_path: Path, text: str) -> None:
    folder = publish(tmp_path / "model")
    first = load(folder)
    (note,) = (cache_root() / "digests").iterdir()
    note.write_text(text)
    assert known_digest(folder) is None and load(folder) == first == known_digest(folder)


def test_files_that_changed_a_moment_ago_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "SETTLED_S", 3600.0)
    folder = publish(tmp_path / "model")
    load(folder)
    assert known_digest(folder) is None


def test_a_cache_that_cannot_be_written_keeps_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "file"))
    folder = publish(tmp_path / "model")
    assert load(folder) and known_digest(folder) is None


def test_a_copy_under_another_path_has_its_own_note(tmp_path: Path) -> None:
    folder = publish(tmp_path / "model")
    first = load(folder)
    shutil.copytree(folder, tmp_path / "copy")
    assert known_digest(tmp_path / "copy") is None and load(tmp_path / "copy") == first
