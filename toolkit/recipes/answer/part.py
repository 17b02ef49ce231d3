"""Output that is continued: rows are appended to a part file, and the state next to it says of which run and how many."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from toolkit.errors import ToolkitError, unwritable
from toolkit.files import load_json, replace_text
from toolkit.outputs import require_replaceable
from toolkit.progress import Say, say_nothing
from toolkit.recipes.answer.forms import plain
from toolkit.safe_text import json_text
from toolkit.tasks.own.records import Item

PART, STATE, OLD = ".part", ".part.json", ".part.old"


@dataclass
class Chain:
    """Digest of records, one after another: equal exactly where the same rows came in the same order."""

    digest: bytes = b""

    def add(self, item: Item) -> None:
        """Take one record in."""
        text = json.dumps([plain(item.record), item.lines], ensure_ascii=False)
        self.digest = hashlib.blake2b(self.digest + text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass
class PartFile:
    """Rows on their way into a file: kept as they come, and renamed to its name when the last one is there.

    Attributes:
        path: the file.
        key: what decides the rows besides the input; other rows are not continued.
        say: called where what is there is moved aside.
        rows: how many are there.
        columns: of csv and tsv.
    """

    path: Path
    key: str
    say: Say = say_nothing
    rows: int = 0
    columns: list[str] = field(default_factory=list)
    _chain: Chain = field(default_factory=Chain)
    _file: BinaryIO | None = None

    @property
    def part(self) -> Path:
        """The file of rows that are there."""
        return self.path.with_name(self.path.name + PART)

    @property
    def _state(self) -> Path:
        return self.path.with_name(self.path.name + STATE)

    def __enter__(self) -> Self:
        try:
            require_replaceable(self.path)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.part, "ab")  # closed by __exit__
            if not _locked(self._file):
                self._file.close()
                raise ToolkitError(f"Another process writes {self.path} now; wait for it, or name another file.")
        except OSError as fault:
            raise unwritable(self.path, fault, instead="name another file") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            is_empty = os.fstat(self._file.fileno()).st_size == 0
            self._file.close()
            if is_empty:
                self._remove()

    def continued(self, items: Iterable[Item]) -> Iterator[Item] | None:
        """Return the items that are still to do; None where what is there is of other rows, and is moved aside.

        A second call with the items from their beginning then begins anew.
        """
        source = iter(items)
        state = self._read()
        if state is None or state["key"] != self.key:
            if state is not None:
                self._move_aside("of another composition, task or setting")
            self._begin(0)
            return source
        chain = Chain()
        for _ in range(int(state["rows"])):
            item = next(source, None)
            if item is None:
                break
            chain.add(item)
        if chain.digest.hex() != state["digest"]:
            self._move_aside("to other rows")
            return None
        self.rows, self.columns, self._chain = int(state["rows"]), list(state["columns"]), chain
        self._begin(int(state["bytes"]))
        return source

    def append(self, items: Iterable[Item], text: str, columns: list[str]) -> None:
        """Add rows, and note that they are there.

        Raises:
            ToolkitError: the disk is full.
        """
        assert self._file is not None
        try:
            self._file.write(text.encode("utf-8", "backslashreplace"))
            self._file.flush()
            os.fsync(self._file.fileno())
            for item in items:
                self._chain.add(item)
                self.rows += 1
            self.columns = columns
            state = {
                "key": self.key,
                "rows": self.rows,
                "bytes": os.fstat(self._file.fileno()).st_size,
                "digest": self._chain.digest.hex(),
                "columns": columns,
            }
        except OSError as fault:
            raise unwritable(self.path, fault, instead="name another file") from None
        replace_text(self._state, json_text(state) + "\n")

    def finish(self, made: Path | None = None) -> None:
        """Put the rows, or the file that was made of them, in the place of the output file."""
        try:
            os.replace(made or self.part, self.path)
        except OSError as fault:
            raise unwritable(self.path, fault, instead="name another file") from None
        self._remove()

    def _remove(self) -> None:
        self.part.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)

    def _move_aside(self, what: str) -> None:
        """Keep what is there under another name, and continue with an empty file."""
        old = self.path.with_name(self.path.name + OLD)
        try:
            shutil.copyfile(self.part, old)
        except OSError as fault:
            raise unwritable(old, fault, instead="name another file") from None
        self._state.unlink(missing_ok=True)
        self._begin(0)
        self.say(f"{self.part} held answers {what}; they are in {old} now, and all rows are answered.")

    def _begin(self, size: int) -> None:
        assert self._file is not None
        self._file.truncate(size)
        self._file.seek(size)

    def _read(self) -> Mapping[str, Any] | None:
        """Return the state of the same run; None where there is none."""
        try:
            found = load_json(self._state)
            size = self.part.stat().st_size
        except (OSError, ValueError):
            return None
        wanted = {"key": str, "rows": int, "bytes": int, "digest": str, "columns": list}
        is_whole = isinstance(found, dict) and all(isinstance(found.get(name), kind) for name, kind in wanted.items())
        if not is_whole or not isinstance(found, dict) or found["bytes"] > size:
            return None
        return found


def _locked(file: BinaryIO) -> bool:
    """Lock a file without waiting; False where another process holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
