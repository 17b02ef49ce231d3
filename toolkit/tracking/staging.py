"""Copies of files that wait to be sent: who logs a file may change or remove it at once."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from toolkit.files import clear_scratch, remove_folder
from toolkit.tracking.alive import is_gone, this_process

_PREFIX = "xstilts-track-"
_OWNER = "owner"
_NAMELESS_S = 3600.0


class Staging:
    """Folder of copies among the system's temporary files, made by the first copy; that of a killed process is removed."""

    def __init__(self) -> None:
        self._root: Path | None = None
        self._n_taken = 0

    def take(self, path: Path) -> Path:
        """Return a copy of a file or folder, under its own name.

        Raises:
            OSError: it cannot be read, or the disk is full.
        """
        if self._root is None:
            clear_left()
            self._root = Path(tempfile.mkdtemp(prefix=_PREFIX))
            (self._root / _OWNER).write_text(this_process(), encoding="utf-8")
        self._n_taken += 1
        copy = self._root / f"{self._n_taken:06d}" / path.name
        copy.parent.mkdir()
        if path.is_dir():
            shutil.copytree(path, copy)
        else:
            shutil.copyfile(path, copy)
        return copy

    def drop(self, copy: Path) -> None:
        """Remove a copy; any other path is left alone."""
        if self._root is not None and copy.parent.parent == self._root:
            remove_folder(copy.parent)

    def clear(self) -> None:
        """Remove the folder."""
        if self._root is not None:
            remove_folder(self._root)
            self._root = None


def clear_left() -> None:
    """Remove the folders of killed processes, and what they had copied for a moment."""
    clear_scratch()
    for root in Path(tempfile.gettempdir()).iterdir():
        if root.name.startswith(_PREFIX):
            with suppress(OSError):
                if _is_left(root):
                    remove_folder(root)


def _is_left(root: Path) -> bool:
    try:
        return is_gone((root / _OWNER).read_text(encoding="utf-8"))
    except FileNotFoundError:  # its process was killed before it said whose it is
        return time.time() - root.stat().st_mtime > _NAMELESS_S
