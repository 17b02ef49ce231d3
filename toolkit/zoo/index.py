"""Index of a large zoo's cards: what was checked once is not parsed again while its file is the same.

It is a database in the cache folder of the user, never in the zoo, so a zoo from elsewhere brings none along. A row has the
values of a card that passed every check, under the identity of its file: device, inode, size, and the times of its last
change. Writers replace a card by renaming another file into its place, so another card is another identity. The name of the
database has the release and the text of the modules that check cards: other checks read every card again. Whatever goes wrong
with it, the cards themselves are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.cache import cache_root
from toolkit.errors import ToolkitError
from toolkit.version import __version__
from toolkit.zoo.card import CARD_FILE, AdapterCard
from toolkit.zoo.files import names
from toolkit.zoo.sealed import plain
from toolkit.zoo.values import Value

LEAST = 100  # entries of a backbone from which on an index is kept
_CHECKING = ("card.py", "fields.py", "sealed.py", "values.py", "../config/safe_yaml.py", "../config/yaml_forms.py")
_FIELDS = tuple(item.name for item in fields(AdapterCard))
_EVERY_S = 5.0  # between two times that written cards are kept
_SETTLED_S = 2.0  # a file that is younger may change again within one tick of its file system's clock


def identity(status: os.stat_result) -> str:
    """Return what tells a file from every other one, and from itself before it was changed."""
    return f"{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"


def status_of(folder: Path) -> os.stat_result | None:
    """Return the state of the card's file in an entry's folder; None unless it is a file in a folder, neither of them a link."""
    try:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            return None
        found = os.lstat(f"{folder}/{CARD_FILE}")
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def is_kept(number: int) -> bool:
    """Return whether an index is kept of so many entries."""
    return number >= LEAST


def known(root: Path, shelf: str) -> dict[str, tuple[str, str]]:
    """Return identity and values of the cards that an index has of one backbone, by the name of their folder."""
    path = _database(root)
    if not path.exists():
        return {}
    with suppress(sqlite3.Error, OSError), closing(_opened(path)) as held:
        found = held.execute("SELECT slug, identity, held FROM cards WHERE shelf = ?", (shelf,))
        return {slug: (file, text) for slug, file, text in found}
    return {}


def keep(root: Path, shelf: str, new: Iterable[tuple[str, os.stat_result, AdapterCard]], gone: Iterable[str]) -> None:
    """Keep cards that were read, and forget those whose folders are gone."""
    settled = time.time() - _SETTLED_S
    rows = [(shelf, slug, identity(status), _text(read)) for slug, status, read in new if status.st_ctime < settled]
    path = _database(root)
    with suppress(sqlite3.Error, OSError, ValueError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_opened(path)) as held, held:
            held.execute(
                "CREATE TABLE IF NOT EXISTS cards "
                "(shelf TEXT, slug TEXT, identity TEXT, held TEXT, PRIMARY KEY (shelf, slug)) WITHOUT ROWID"
            )
            held.executemany("INSERT OR REPLACE INTO cards VALUES (?, ?, ?, ?)", rows)
            held.executemany("DELETE FROM cards WHERE shelf = ? AND slug = ?", [(shelf, slug) for slug in gone])


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return {name: held for name, held in vars(value).items() if held is not None and name != "more"} | dict(
            value.more
        )
    return plain(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_plain, separators=(",", ":"))


def _text(card: AdapterCard) -> str:
    return _ENCODER.encode({name: getattr(card, name) for name in _FIELDS})


class Written:
    """Cards that this process has written, kept in the index as soon as their files can no longer change unseen.

    Args:
        root: of the zoo.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new: dict[str, dict[str, tuple[os.stat_result, AdapterCard]]] = {}
        self._kept_at = time.time()

    def add(self, home: Path, card: AdapterCard) -> None:
        """Note an entry that was written and checked; the caller holds the lock of its backbone's folder."""
        status = status_of(home)
        if status is not None:
            self._new.setdefault(home.parent.name, {})[home.name] = status, card
        if time.time() - self._kept_at > _EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Keep what has settled; the rest waits, and so does a backbone with few entries."""
        self._kept_at = time.time()
        settled = self._kept_at - _SETTLED_S
        for shelf, held in self._new.items():
            rows = [(slug, status, card) for slug, (status, card) in held.items() if status.st_ctime < settled]
            if rows and is_kept(_count(self._root / shelf)):
                keep(self._root, shelf, rows, ())
                self._new[shelf] = {slug: each for slug, each in held.items() if each[0].st_ctime >= settled}


def _count(shelf: Path) -> int:
    with suppress(ToolkitError):
        return len(names(shelf))
    return 0


def card_of(text: str, shelf: str, slug: str) -> AdapterCard | None:
    """Return the card that an index has; None where it cannot be read."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        held: Mapping[str, Any] = json.loads(text)
        return AdapterCard.of_checked(held, shelf=shelf, slug=slug)
    return None


def _opened(path: Path) -> sqlite3.Connection:
    held = sqlite3.connect(path, timeout=1.0)
    held.execute("PRAGMA synchronous = OFF")  # what is lost is read again
    return held


def _database(root: Path) -> Path:
    where = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:24]
    return cache_root() / "zoo" / f"{where}-{_checks()}.sqlite"


@cache
def _checks() -> str:
    """Return a digest of the release and of the modules that decide whether a card is one."""
    found = hashlib.sha256(__version__.encode())
    for name in _CHECKING:
        with suppress(OSError):
            found.update(Path(__file__).parent.joinpath(name).read_bytes())
    return found.hexdigest()[:12]
