"""Files are replaced whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.files import replace_text, replacing


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
