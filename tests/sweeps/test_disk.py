from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.waiting import LIMIT_S
from toolkit.errors import ToolkitError
from toolkit.sweeps.disk import require_atomic_rename


class KilledError(BaseException):
    """Stands for SIGKILL: nothing behind it is done."""


def killed(*_: object, **__: object) -> None:
    raise KilledError


def test_a_disk_that_replaces_files_in_one_step_is_left_as_it_was(tmp_path: Path) -> None:
    require_atomic_rename(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_try_left_is_removed_by_the_next(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", killed)
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KilledError):
            require_atomic_rename(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    require_atomic_rename(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_removes_the_old_file_first_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, read = threading.Event(), Path.read_bytes

    def seen(path: Path) -> bytes:
        try:
            return read(path)
        except FileNotFoundError:
            looked.set()
            raise

    def slow(new: Path, old: Path) -> None:
        os.unlink(old)
        assert looked.wait(LIMIT_S)
        os.rename(new, old)

    monkeypatch.setattr(Path, "read_bytes", seen)
    monkeypatch.setattr(os, "replace", slow)
    with pytest.raises(ToolkitError, match=rf"^The file system of {tmp_path} does not replace .* \(one was missing\)"):
        require_atomic_rename(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_to_replace_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(new: Path, old: Path) -> None:
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ToolkitError, match=r"\(one was not replaced \(File exists\)\)"):
        require_atomic_rename(tmp_path)
