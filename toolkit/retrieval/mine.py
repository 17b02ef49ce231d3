"""Mining: pairs of lines, from the vectors of their texts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.nameless import let_go
from toolkit.progress import Report, silent
from toolkit.retrieval.held import gathered, parts, zeros
from toolkit.retrieval.margin import Pairs, candidates
from toolkit.retrieval.protocol import Duplicates, Protocol
from toolkit.retrieval.search import search
from toolkit.retrieval.settings import DEFAULT, SearchSettings
from toolkit.retrieval.side import Rows

DUPLICATES: tuple[Duplicates, ...] = get_args(Duplicates)


@dataclass(frozen=True)
class Mined:
    """Pairs of lines, best first.

    Attributes:
        pairs: each once; pairs of the same two texts have the same score.
        searched: how their neighbours were found, and for an approximate index the recall that was measured.
    """

    pairs: Pairs
    searched: str = "index=Flat"

    def above(self, threshold: float) -> Pairs:
        """Return the pairs that score at least `threshold`."""
        scores = self.pairs.scores
        return self.pairs[: bisect_right(range(len(scores)), -threshold, key=lambda place: -scores[place])]


def mine(
    source: Lines,
    target: Lines,
    x: Rows,
    y: Rows,
    *,
    protocol: Protocol,
    settings: SearchSettings = DEFAULT,
    report: Report = silent,
) -> Mined:
    """Return candidate pairs of lines: neighbours both ways, margin, direction, then the treatment of repeated sentences.

    Args:
        source, target: the lines, by distinct text.
        x, y: vectors of their texts [M, D] (with `keep`: of their lines).
        protocol: says all of it.
        settings: how neighbours are searched.
        report: called as the search proceeds.

    Raises:
        ToolkitError: the vectors do not fit the texts.
    """
    if (len(x), len(y)) != (len(source), len(target)):
        raise ToolkitError(
            f"There are {len(x)} and {len(y)} vectors for {len(source)} and {len(target)} texts; expected one each."
        )
    texts, words = mine_texts(x, y, protocol=protocol, settings=settings, report=report)
    n = sum(map(len, pairs_of_lines(texts, source, target, duplicates=protocol.duplicates)))
    found, done = Pairs(zeros((n,), np.int64), zeros((n,), np.int64), zeros((n,), np.float64)), 0
    for some in pairs_of_lines(texts, source, target, duplicates=protocol.duplicates):
        own = slice(done, done + len(some))
        found.sources[own], found.targets[own], found.scores[own] = some.sources, some.targets, some.scores
        done = own.stop
        let_go(found.sources, found.targets, found.scores)
    return Mined(found, words)


def mine_texts(
    x: Rows, y: Rows, *, protocol: Protocol, settings: SearchSettings = DEFAULT, report: Report = silent
) -> tuple[Pairs, str]:
    """Return candidate pairs of texts, and how their neighbours were found; the arguments are those of `mine`."""
    near = search(x, y, protocol.k, settings=settings, report=report)
    assert near.backward is not None
    found = candidates(near.forward, near.backward, margin=protocol.margin, direction=protocol.direction)
    return found, near.words


@dataclass(frozen=True)
class Lines:
    """The lines of a side as numbers, by distinct text: of text i they are `lines[starts[i]:starts[i + 1]]`, rising.

    Attributes:
        lines: int64 [L].
        starts: int64 [M + 1].
    """

    lines: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        """How many texts (with `keep`: lines) there are."""
        return len(self.starts) - 1

    @classmethod
    def of(cls, places: np.ndarray, *, duplicates: Duplicates) -> Lines:
        """Gather lines by the place of their text among the distinct ones; with `keep` every line stays apart.

        Raises:
            ToolkitError: there is no such way with repeated sentences.
        """
        if duplicates not in DUPLICATES:
            raise ToolkitError(f"No way with duplicates named '{duplicates}'. Known: {', '.join(DUPLICATES)}.")
        n_texts = int(places.max(initial=-1)) + 1
        lines = zeros((len(places),), np.int64)
        starts = zeros((1 + (len(places) if duplicates == "keep" else n_texts),), np.int64)
        done = 0
        for texts, rows in gathered(places, n_texts):
            lines[done : done + len(rows)] = rows
            if duplicates != "keep":
                counts = np.bincount(places[rows] - texts.start, minlength=texts.stop - texts.start)
                starts[texts.start + 1 : texts.stop + 1] = done + np.cumsum(counts)
            done += len(rows)
            let_go(places, lines, starts)
        for part in parts(len(starts)) if duplicates == "keep" else ():
            starts[part] = np.arange(part.start, part.stop)
        return cls(lines, starts)


def pairs_of_lines(found: Pairs, source: Lines, target: Lines, *, duplicates: Duplicates) -> Iterator[Pairs]:
    """Yield the pairs of lines that pairs of texts stand for, in the order of `mine`, some at a time.

    Example:
        >>> texts = Pairs(np.array([0]), np.array([0]), np.array([1.5]))
        >>> both = Lines.of(np.array([0, 0]), duplicates="expand")
        >>> (found,) = pairs_of_lines(texts, both, both, duplicates="expand")
        >>> found.sources.tolist(), found.targets.tolist()
        ([0, 0, 1, 1], [0, 1, 0, 1])
    """
    for part in parts(len(found)):
        yield from _some_pairs(found[part], source, target, duplicates)
        let_go(found.sources, found.targets, found.scores, source.lines, source.starts, target.lines, target.starts)


def _some_pairs(found: Pairs, source: Lines, target: Lines, duplicates: Duplicates) -> Iterator[Pairs]:
    first = source.starts[found.sources], target.starts[found.targets]
    count = source.starts[found.sources + 1] - first[0], target.starts[found.targets + 1] - first[1]
    if duplicates == "drop":
        kept = count[0] * count[1] == 1
        yield Pairs(source.lines[first[0][kept]], target.lines[first[1][kept]], found.scores[kept])
        return
    if duplicates == "first":
        yield Pairs(source.lines[first[0]], target.lines[first[1]], found.scores)
        return
    ends = np.cumsum(count[0] * count[1])
    for part in parts(int(ends[-1]) if len(ends) else 0):
        numbers = np.arange(part.start, part.stop)
        text = np.searchsorted(ends, numbers, side="right")
        nth, width = numbers - (ends[text] - count[0][text] * count[1][text]), count[1][text]
        yield Pairs(
            source.lines[first[0][text] + nth // width], target.lines[first[1][text] + nth % width], found.scores[text]
        )
