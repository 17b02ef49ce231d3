from __future__ import annotations

import hashlib
import os

import pytest
import torch

from toolkit import files
from toolkit.errors import ToolkitError
from toolkit.training import checkpoint as module
from toolkit.training.checkpoint import FILE, load_checkpoint, named_best, remove_checkpoint, save_checkpoint


def state(value, best=None):
    return {
        "weights": {"w": torch.full((3,), float(value))},
        "best": None if best is None else {"w": torch.full((3,), float(best))},
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


# -- the best weights, in a file of their own ----------------------------------------------------------------------------


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_best_weights_are_in_a_file_that_is_named_by_its_digest(tmp_path):
    name = save_checkpoint(tmp_path, state(4, best=2))
    digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert name == f"best-{digest}.pt" == named_best(tmp_path) and names(tmp_path) == [name, FILE]
    found = load_checkpoint(tmp_path)
    assert torch.equal(found["best"]["w"], torch.full((3,), 2.0))
    assert torch.equal(found["weights"]["w"], torch.full((3,), 4.0))


def test_best_weights_that_are_in_a_file_are_not_written_again(tmp_path):
    name = save_checkpoint(tmp_path, state(4, best=2))
    before = (tmp_path / name).stat().st_mtime_ns
    assert save_checkpoint(tmp_path, state(5, best=2), best_file=name) == name
    assert (tmp_path / name).stat().st_mtime_ns == before
    assert load_checkpoint(tmp_path)["state"] == {"step": 5}


def test_better_weights_take_the_place_of_the_best_ones_when_the_checkpoint_names_them(tmp_path, monkeypatch):
    old = save_checkpoint(tmp_path, state(4, best=2))
    monkeypatch.setattr(files.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ToolkitError, match="No space left"):
        save_checkpoint(tmp_path, state(6, best=6))
    monkeypatch.undo()
    assert names(tmp_path) == [old, FILE]
    new = save_checkpoint(tmp_path, state(6, best=6))
    assert names(tmp_path) == [new, FILE] and new != old


@pytest.mark.parametrize("left", ["best.pt", "best-" + "0" * 64 + ".pt", ".best.pt.abc123.77.tmp"])
@pytest.mark.parametrize("is_saved", [True, False])
def test_best_weights_that_no_checkpoint_names_are_swept_up(tmp_path, left, is_saved):
    name = save_checkpoint(tmp_path, state(4, best=2)) if is_saved else None
    (tmp_path / left).write_bytes(b"of a command that was killed")
    assert (load_checkpoint(tmp_path) is not None) is is_saved
    assert names(tmp_path) == ([name, FILE] if is_saved else [])


@pytest.mark.parametrize("fault", ["not there", "damaged", "another"])
def test_best_weights_that_are_not_those_of_the_checkpoint_are_one_sentence(tmp_path, fault):
    name = save_checkpoint(tmp_path, state(4, best=2))
    path = tmp_path / name
    if fault == "not there":
        path.unlink()
    elif fault == "damaged":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        torch.save({"w": torch.zeros(3)}, path)
    said = "which are not there" if fault == "not there" else "are damaged"
    with pytest.raises(ToolkitError, match=f"{name}.* {said}.*to start this stage anew"):
        load_checkpoint(tmp_path)
    assert (tmp_path / FILE).is_file()


def test_a_checkpoint_of_one_file_is_read_as_before(tmp_path):
    torch.save(state(4, best=2), tmp_path / FILE)
    found = load_checkpoint(tmp_path)
    assert torch.equal(found["best"]["w"], torch.full((3,), 2.0)) and named_best(tmp_path) is None


def test_a_name_of_best_weights_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    torch.save({"w": torch.zeros(3)}, tmp_path / "best-x.pt")
    (tmp_path / "run").mkdir()
    torch.save({**state(4), "best": "../best-x.pt"}, tmp_path / "run" / FILE)
    with pytest.raises(ToolkitError, match="which are not there"):
        load_checkpoint(tmp_path / "run")
    assert (tmp_path / "best-x.pt").is_file()


def test_removing_takes_the_best_weights_too(tmp_path):
    save_checkpoint(tmp_path / "a", state(4, best=2))
    remove_checkpoint(tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(("best", "is_new", "needed"), [(None, False, 12), (2, False, 12), (2, True, 24)])
def test_the_space_is_that_of_what_is_written(tmp_path, monkeypatch, best, is_new, needed):
    needs = []
    name = save_checkpoint(tmp_path, state(1, best=best))
    monkeypatch.setattr(module, "require_space", needs.extend)
    save_checkpoint(tmp_path, {**state(2, best=best), "rng": []}, best_file=None if is_new else name)
    assert [(one.total, one.largest) for one in needs] == [(needed, 12)]
