"""Scores that an entry reached after its training, kept next to its card: `scores.jsonl`, to which lines are only added.

A line names the weights by their digest, so the scores of weights that were replaced are never shown for those that
replaced them. A line that cannot be read is left out and counted; the others are used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from toolkit.errors import DataError, ZooError
from toolkit.files import replacing
from toolkit.results.score import Score, from_dict, to_dict
from toolkit.version import __version__
from toolkit.zoo.fields import refuse_control
from toolkit.zoo.files import open_regular, sync
from toolkit.zoo.values import CardScore

SCORES_FILE = "scores.jsonl"
MAX_SCORES_BYTES = 64_000_000
_KNOWN = frozenset(item.name for item in fields(Score))


@dataclass(frozen=True)
class Kept:
    """One line: a score, and what a reader needs to place it.

    Attributes:
        digest: of the weights that reached it.
        score: what they reached.
        is_main: whether its metric is the task's main one.
        pivot: language that the task is trained in, which a zero-shot mean leaves out; empty for none.
        journey: `eval` or `retrieve`.
        at: when, ISO time.
        version: release that computed it.
    """

    digest: str
    score: Score
    is_main: bool
    pivot: str
    journey: str
    at: str = ""
    version: str = __version__

    @property
    def key(self) -> tuple[str, ...]:
        """What the score is of: weights, task, language, metric, split, protocol, rows, and the language adapter; a later line replaces it."""
        one = self.score
        named = (one.composition, one.language_adapter) if one.language_adapter else ()
        return (self.digest, one.task, one.language, one.metric, one.split, one.protocol, one.fingerprint, *named)

    def to_line(self) -> str:
        """Return the line, with its end."""
        values = {
            "digest": self.digest,
            "at": self.at or datetime.now(UTC).isoformat(timespec="seconds"),
            "version": self.version,
            "journey": self.journey,
            "main": self.is_main,
            "pivot": self.pivot,
            "score": to_dict(self.score),
        }
        return json.dumps(values, ensure_ascii=True) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Kept:
        """Read a line; fields of a later release are left out.

        Raises:
            DataError: it is not one.
        """
        try:
            held = json.loads(line)
            refuse_control(held)
            score = {name: value for name, value in held["score"].items() if name in _KNOWN}
            texts = {name: held[name] for name in ("digest", "journey", "pivot", "at", "version")}
            if not all(isinstance(text, str) for text in texts.values()) or not isinstance(held["main"], bool):
                raise TypeError("a field is not text")
            return cls(score=from_dict(score), is_main=held["main"], **texts)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ZooError) as error:
            raise DataError(f"The line is not a score ({error}).") from None

    def on_card(self) -> CardScore:
        """Return the score as a card has it, with what it needs besides."""
        own = {"main": self.is_main, "pivot": self.pivot, "journey": self.journey, "at": self.at}
        return CardScore.read({**to_dict(self.score), **own})


@dataclass(frozen=True)
class Lines:
    """Content of a file.

    Attributes:
        kept: the latest score of each key, in the order of the lines.
        n_damaged: lines that cannot be read.
    """

    kept: tuple[Kept, ...] = ()
    n_damaged: int = 0

    def of(self, digest: str) -> list[Kept]:
        """Return the scores of some weights."""
        return [one for one in self.kept if one.digest == digest]


def parse_lines(data: bytes) -> Lines:
    """Read the content of a file; a last line without an end is being written and does not count."""
    whole, _, _ = data.rpartition(b"\n")
    found: dict[tuple[str, ...], Kept] = {}
    n_damaged = 0
    for line in whole.split(b"\n") if whole else []:
        if not line.strip():
            continue
        try:
            one = Kept.from_line(line.decode("utf-8"))
        except (DataError, UnicodeDecodeError):
            n_damaged += 1
            continue
        found.pop(one.key, None)  # the latest line gives the place, too
        found[one.key] = one
    return Lines(tuple(found.values()), n_damaged)


def read_lines(folder: Path) -> Lines:
    """Read an entry's file; an entry of an earlier release has none.

    Raises:
        ZooError: it is a link, too long, or cannot be read.
    """
    path = folder / SCORES_FILE
    if not os.path.lexists(path):
        return Lines()
    with open_regular(path, f"{SCORES_FILE} of '{folder.name}'") as stream:
        data = stream.read(MAX_SCORES_BYTES + 1)
    if len(data) > MAX_SCORES_BYTES:
        raise ZooError(
            f"{path} has more than {MAX_SCORES_BYTES:,} bytes; no list of scores is that long; move it away."
        )
    return parse_lines(data)


def append_lines(folder: Path, scores: Iterable[Kept]) -> int:
    """Add scores that an entry's file does not have yet; the caller holds the lock of the shelf.

    Returns:
        How many lines were added.

    Raises:
        OSError: the file cannot be written.
        ZooError: it is a link, or too long.
    """
    held = {one.key: one.score.value for one in read_lines(folder).kept}
    new = [one for one in scores if held.get(one.key) != one.score.value]
    if not new:
        return 0
    path = folder / SCORES_FILE
    if (
        os.path.lexists(path) and os.lstat(path).st_nlink > 1
    ):  # another zoo may share the file, and has scores of its own
        with replacing(path) as own:
            own.write(path.read_bytes())
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "rb+", buffering=0) as stream:
        size = _settled(descriptor)
        data = "".join(one.to_line() for one in new).encode()
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            os.ftruncate(descriptor, size)  # on a full disk no half line stays
            raise
        os.fsync(stream.fileno())
    sync(folder)
    return len(new)


def _settled(descriptor: int) -> int:
    """Let a file end with a whole line, and return its size: half a line of a writer that was killed is cut off."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    tail = content[content.rfind(b"\n") + 1 :]
    if not tail:
        return size
    if parse_lines(tail + b"\n").kept:  # a whole line without its end, as an editor leaves it
        return size + os.write(descriptor, b"\n")
    os.ftruncate(descriptor, size - len(tail))
    return size - len(tail)


def text_of(scores: Sequence[Kept]) -> str:
    """Return scores as the content of a file."""
    return "".join(one.to_line() for one in scores)
