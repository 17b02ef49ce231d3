"""Parts: files at a remote place that are not whole yet, and those that a push has left there which was killed.

A file is written under `NAME.part-WHO` and renamed. WHO says which process of which machine writes it, in hashes, because
a place may be public. A process of this machine that ended is known at once; what another machine writes, or an earlier
release has written, is left alone for a day.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from toolkit.tracking.alive import has_mark_ended, process_mark
from toolkit.zoo.clear import KEPT_S

_PART = re.compile(r".+\.part-(?:(?P<mark>[0-9a-f]{8}-\d{1,10}-[0-9a-f]{8})-)?[0-9a-f]{12}")
_WEIGHTS = re.compile(r"[0-9a-f]{16}")  # the folder of an entry's weights
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


def part_of(path: str) -> str:
    """Return the name under which a file is written until it is whole."""
    return f"{path}.part-{process_mark()}-{secrets.token_hex(6)}"


def left_parts(fs: Any, base: str, entries: Iterable[str] | None = None) -> list[str]:
    """Return the paths of parts whose writers are gone.

    Args:
        fs: file system of fsspec.
        base: root of the place in it.
        entries: `<backbone>/<composition>` of those that are looked at; None: all.
    """
    found: dict[str, Mapping[str, Any]] = {}
    if entries is None:
        found = fs.find(base, maxdepth=4, detail=True)
    else:
        for entry in entries:
            found |= _files_of(fs, f"{base}/{entry}" if base else entry)
    now = time.time()
    return sorted(path for path, info in found.items() if _is_left(fs, path, info, now))


def _files_of(fs: Any, folder: str) -> dict[str, Mapping[str, Any]]:
    """Return the files of an entry, and of the folders of its weights."""
    files: dict[str, Mapping[str, Any]] = {}
    with suppress(FileNotFoundError):
        for info in fs.ls(folder, detail=True):
            if info["type"] != "directory":
                files[info["name"]] = info
            elif _WEIGHTS.fullmatch(info["name"].rstrip("/").rpartition("/")[2]):
                files |= {
                    each["name"]: each for each in fs.ls(info["name"], detail=True) if each["type"] != "directory"
                }
    return files


def _is_left(fs: Any, path: str, info: Mapping[str, Any], now: float) -> bool:
    part = _PART.fullmatch(path.rpartition("/")[2])
    if part is None:
        return False
    if part["mark"] is not None and has_mark_ended(part["mark"]):
        return True
    written = _written(fs, path, info)
    return written is not None and now - written > KEPT_S


def _written(fs: Any, path: str, info: Mapping[str, Any]) -> float | None:
    """Return when a file was written, in seconds since 1970; None where the place does not say."""
    values = [info[key] for key in _TIMES if info.get(key) is not None]
    with suppress(Exception):  # not every file system knows
        values = values or [fs.modified(path)]
    for value in values:
        with suppress(ValueError):
            when = datetime.fromisoformat(value) if isinstance(value, str) else value
            if isinstance(when, datetime):
                return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
            if isinstance(when, (int, float)):
                return float(when)
    return None
