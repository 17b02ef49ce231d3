from __future__ import annotations

import os

import pytest
import torch

from toolkit import files
from toolkit.errors import ToolkitError
from toolkit.training import checkpoint as module
from toolkit.training.checkpoint import FILE, load_checkpoint, remove_checkpoint, save_checkpoint


def state(value):
    return {
        "weights": {"w": torch.full((3,), float(value))},
        "best": None,
        "rng": [{"cpu": torch.get_rng_state()}],
        "state": {"step": value},
    }


def test_what_is_saved_is_loaded(tmp_path):
    save_checkpoint(tmp_path / "deep" / "er", state(7))
    found = load_checkpoint(tmp_path / "deep" / "er")
    assert found["state"] == {"step": 7}
    assert torch.equal(found["weights"]["w"], torch.full((3,), 7.0))


def test_there_is_one_checkpoint_and_it_is_the_last(tmp_path):
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, state(step))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert load_checkpoint(tmp_path)["state"]["step"] == 3


def test_without_a_checkpoint_there_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "nowhere") is None


def half(content, file):
    file.write(b"half of it")
    raise OSError(28, os.strerror(28))


def torch_full(content, file):
    file.write(b"half of it")
    raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0: write error")


@pytest.mark.parametrize("failure", [half, torch_full])
def test_a_write_that_fails_keeps_the_old_checkpoint_and_says_what_to_do(tmp_path, monkeypatch, failure):
    save_checkpoint(tmp_path, state(1))
    monkeypatch.setattr(module.torch, "save", failure)
    with pytest.raises(ToolkitError, match=r"could not be written .*free space or choose another --set run_dir=DIR"):
        save_checkpoint(tmp_path, state(2))
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert load_checkpoint(tmp_path)["state"]["step"] == 1


def test_a_rename_that_fails_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, state(1))
    monkeypatch.setattr(files.os, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(ToolkitError, match="Permission denied"):
        save_checkpoint(tmp_path, state(2))
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert load_checkpoint(tmp_path)["state"]["step"] == 1


def test_the_file_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda handle: (calls.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(files.os, "replace", lambda one, to: (calls.append("replace"), replace(one, to))[1])
    save_checkpoint(tmp_path, state(1))
    assert calls == ["fsync", "replace"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ToolkitError, match="could not be written"):
        save_checkpoint(tmp_path / "file" / "run", state(1))


def test_a_bug_while_saving_keeps_its_traceback_and_the_old_checkpoint(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, state(1))
    with pytest.raises(Exception, match="pickle") as caught:
        save_checkpoint(tmp_path, {"weights": lambda: None})
    assert not isinstance(caught.value, ToolkitError)
    assert load_checkpoint(tmp_path)["state"]["step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_a_kill_left_half_written_is_swept_up_and_not_read(tmp_path):
    save_checkpoint(tmp_path, state(1))
    (tmp_path / f"{FILE}.abc123").write_bytes(b"half")
    (tmp_path / f".{FILE}.abc123.77.tmp").write_bytes(b"half")
    assert load_checkpoint(tmp_path)["state"]["step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"x" * len(data)]
)
def test_a_damaged_checkpoint_is_refused_with_its_path(tmp_path, damage):
    save_checkpoint(tmp_path, state(1))
    path = tmp_path / FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ToolkitError, match=f"{FILE} is damaged .*remove it to start this stage anew"):
        load_checkpoint(tmp_path)


def test_a_checkpoint_runs_no_code_when_it_is_loaded(tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    torch.save({"weights": Payload()}, tmp_path / FILE)
    with pytest.raises(ToolkitError, match="is damaged"):
        load_checkpoint(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_removing_takes_the_folder_only_when_it_is_empty(tmp_path):
    save_checkpoint(tmp_path / "a", state(1))
    remove_checkpoint(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    save_checkpoint(tmp_path / "b", state(1))
    (tmp_path / "b" / "notes.txt").write_text("mine")
    remove_checkpoint(tmp_path / "b")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["notes.txt"]
    remove_checkpoint(tmp_path / "never")
