"""Files are replaced whole or not at all."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from pathlib import Path

import pytest

from toolkit import files
from toolkit.errors import ToolkitError
from toolkit.files import file_fault, folder_beside, load_json, read_regular, replace_text, replacing, scratch
from toolkit.outputs import require_replaceable
from toolkit.paths import at_home


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolkitError, match="Cannot write"):
        replace_text(tmp_path / "file" / "scores.csv", "x")


def test_the_root_of_all_folders_is_not_a_file_to_write() -> None:
    with pytest.raises(ToolkitError, match="Is a directory"):
        replace_text(Path("/"), "x")


def test_a_new_file_comes_with_its_folders_and_the_text_as_it_is(tmp_path: Path) -> None:
    replace_text(tmp_path / "deep" / "er" / "a.csv", "é\r\n")
    assert (tmp_path / "deep" / "er" / "a.csv").read_bytes() == "é\r\n".encode()


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("x")])
def test_a_block_that_raises_leaves_the_old_file_alone(tmp_path: Path, fault: BaseException) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise fault

    with pytest.raises(type(fault)):
        half()
    assert [each.name for each in tmp_path.iterdir()] == ["a"] and path.read_text() == "old"


def test_two_writers_of_one_process_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with replacing(path) as one, replacing(path) as other:
        one.write(b"one")
        other.write(b"other")
        assert len(list(tmp_path.iterdir())) == 2
    assert path.read_bytes() == b"one"  # the outer block ends last
    assert os.listdir(tmp_path) == ["a"]


def test_the_temporary_file_names_the_process_that_writes_it(tmp_path: Path) -> None:
    with replacing(tmp_path / "a"):
        (name,) = os.listdir(tmp_path)
    assert name.startswith(".a.") and name.split(".")[-2:] == [str(os.getpid()), "tmp"]


def test_what_a_killed_process_was_writing_is_removed_by_the_next_one(tmp_path: Path) -> None:
    """Unless its writer is on another machine that shares the folder, and holds the lock."""
    gone, elsewhere, strange = (tmp_path / f".{name}.999999999.tmp" for name in ("a.0a1b2c3d", "b.4e5f6a7b", "c"))
    for each in (gone, elsewhere, strange):
        each.touch()
    with elsewhere.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        replace_text(tmp_path / "d", "x")
    assert set(tmp_path.iterdir()) == {elsewhere, strange, tmp_path / "d"}


def test_a_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    """A temporary file of the standard library would be readable by its owner alone."""
    (tmp_path / "plain").touch()
    replace_text(tmp_path / "a", "x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_path_that_is_not_a_file_is_named_as_what_it_is_without_being_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to(folder / "gone")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "whole").write_text("x")
    (folder / "link").symlink_to(folder / "whole")
    with socket.socket(socket.AF_UNIX) as ear:
        ear.bind("socket")
    found = {
        "pipe": "is a pipe",
        "dangling": "is a link to a file that is not there",
        "loop": "is a link that leads to itself",
        "socket": "is a socket",
        "whole": "",
        "link": "",
        "gone": "is not there",
        "whole/inside": "is not there",
        "x" * 400: "cannot be read (File name too long)",
        "a\0b": "has a name that no file can have (it holds a NUL)",
    }
    assert {name: file_fault(folder / name) for name in found} == found
    assert (file_fault(folder), file_fault(Path("/dev/null"))) == ("is a folder", "is a device")
    if os.path.ismount("/proc"):  # a regular file by its mode, of which a read may wait
        assert file_fault(Path("/proc/self/mem")) == "is a file of the system's kernel"


def test_a_file_without_the_right_to_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("x")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the superuser may read everything
    assert file_fault(tmp_path / "a") == "cannot be read (Permission denied)"


def test_a_name_that_begins_with_a_tilde_and_is_no_users_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert (at_home("~/a"), at_home("~nobody-of-this-name/a")) == (
        Path("/home/somebody/a"),
        Path("~nobody-of-this-name/a"),
    )


def test_json_that_is_nested_too_deep_is_no_json(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="it is nested too deep"):
        load_json(file)


@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_what_would_be_read_for_ever_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match=f"it is {kind}"):
        read_regular(path)


@pytest.mark.parametrize("kind", ["a pipe", "a socket"])
def test_a_file_does_not_take_the_place_of_what_is_none(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "a pipe":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    before = os.lstat(path)
    with pytest.raises(OSError, match=f"it is {kind}"), replacing(path):
        pass
    assert require_fault(path) == f"{path} is {kind}; name a file to write."
    assert os.lstat(path) == before and os.listdir(tmp_path) == ["a"]


def require_fault(path: Path) -> str:
    with pytest.raises(ToolkitError) as fault:
        require_replaceable(path)
    return str(fault.value)


def test_a_link_to_a_device_is_replaced_where_a_cache_is_made_again_and_refused_as_an_output(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.symlink_to("/dev/null")
    assert require_fault(path) == f"{path} is a device; name a file to write."
    replace_text(path, "new")
    assert path.read_text() == "new" and not path.is_symlink()


def test_a_folder_and_nothing_at_all_are_named_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "a")


def test_a_folder_is_renamed_whole_or_removed_and_what_a_kill_left_goes_next_time(tmp_path: Path) -> None:
    left = tmp_path / ".old.0a1b2c3d.999999999.tmp"
    (left / "inside").mkdir(parents=True)
    with folder_beside(tmp_path / "new") as beside:
        (beside / "a").touch()
        beside.rename(tmp_path / "new")
    with pytest.raises(RuntimeError), folder_beside(tmp_path / "other"):
        raise RuntimeError
    assert [str(each.relative_to(tmp_path)) for each in sorted(tmp_path.rglob("*"))] == ["new", "new/a"]


def test_without_a_place_for_temporary_files_the_user_learns_which_variable_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch() as folder:
        assert folder.parent == tmp_path and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(ToolkitError, match="TMPDIR=DIR"), scratch():
        pass


def test_an_interruption_is_raised_when_the_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, calls, real = tmp_path / "left", [], files.shutil.rmtree
    (folder / "below").mkdir(parents=True)

    def interrupted(path: Path, **more: bool) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt
        real(path, **more)

    monkeypatch.setattr(files.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.remove_folder(folder)
    assert not folder.exists()
