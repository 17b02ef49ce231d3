"""Files are replaced whole or not at all."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.files import at_home, file_fault, replace_text, replacing


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolkitError, match="Cannot write"):
        replace_text(tmp_path / "file" / "scores.csv", "x")


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
