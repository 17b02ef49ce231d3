"""What the stand-in hub holds: repositories with their revisions, and the faults that it shows on request."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Files = dict[str, bytes]
Type = Literal["datasets", "models"]
CONVERTED = "refs/convert/parquet"


@dataclass
class Repo:
    """A repository: revision name -> path -> bytes; `commits` tells apart commits of the same content.

    `is_gated`: its files go out to readers with the token `hub.accepted` only.
    """

    revisions: dict[str, Files] = field(default_factory=lambda: {"main": {}})
    is_gated: bool = False
    commits: int = 0

    @property
    def main(self) -> Files:
        return self.revisions["main"]

    def commit(self, name: str = "main") -> str:
        """Return the commit that a revision is at."""
        digest = hashlib.sha1(str(self.commits).encode())
        for path, data in sorted(self.revisions[name].items()):
            digest.update(path.encode() + data)
        return digest.hexdigest()

    def at(self, revision: str) -> tuple[Files, str] | None:
        """Return the files of a revision's name or commit, and the commit."""
        if revision in self.revisions:
            return self.revisions[revision], self.commit(revision)
        return next(
            (each for name in self.revisions if (each := (self.revisions[name], self.commit(name)))[1] == revision),
            None,
        )


class Repositories(dict[str, Repo]):
    """Repositories by id; some are made when they are asked for first."""

    def __init__(self, held: Mapping[str, Repo] | None = None, makers: Mapping[str, Callable[[], Repo]] | None = None):
        super().__init__(held or {})
        self.makers = dict(makers or {})
        self._lock = threading.Lock()

    def __missing__(self, name: str) -> Repo:
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return found

    def find(self, name: str) -> Repo | None:
        """Return a repository, made now if it has a maker, or None."""
        with self._lock:
            if name in self.makers:
                self[name] = self.makers[name]()
                del self.makers[name]
            return self.get(name)


@dataclass
class Hub:
    """The hub: its repositories, what was asked of it, and its faults.

    Attributes:
        asked: each request, as method and path.
        sent: bytes of files that went out, by path.
        ranges: the ranges of files that were asked for.
        cut: the next file ends after so many bytes and the connection closes; None: whole files.
        is_always_cut: `cut` holds for every file.
        wrong: paths of files that go out with other bytes.
        limited: so many further requests are refused as too many; -1: all.
        is_down: every request is answered by an error of the server.
        statuses: status with which each request for a file is refused, by the file's path.
        stalled: paths of files for which the hub takes a request and never answers, until `released` is set.
        slow_s: seconds that each answer takes.
        accepted: the token that may read what is gated; any other token is refused as not valid.
        meanwhile: runs before a commit is taken.
        most_at_once: the largest number of requests that were answered at one time.
    """

    datasets: Repositories = field(default_factory=Repositories)
    models: Repositories = field(default_factory=Repositories)
    asked: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    ranges: list[str] = field(default_factory=list)
    cut: int | None = None
    is_always_cut: bool = False
    wrong: set[str] = field(default_factory=set)
    limited: int = 0
    is_down: bool = False
    statuses: dict[str, int] = field(default_factory=dict)
    stalled: set[str] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)
    slow_s: float = 0.0
    accepted: str = "hf_stand_in"
    meanwhile: Callable[[], object] = lambda: None
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, kind: str) -> Repositories:
        """Return the repositories of a type."""
        return self.datasets if kind == "datasets" else self.models


def facts_of(path: str, data: bytes) -> dict[str, Any]:
    """Return what the hub says of a file: large files are those of weights and rows."""
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    found: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob}
    if path.endswith((".parquet", ".safetensors", ".bin")):
        found["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return found
