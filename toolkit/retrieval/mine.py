"""Mining: pairs of lines above a threshold, scored against gold pairs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
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
class Side:
    """The lines of one side, by distinct text, in an order that the order of the lines does not change.

    Attributes:
        texts: distinct texts, sorted (`keep`: one for each line, sorted by text and id).
        ids: the lines' ids for each of the texts, sorted; at least one.
    """

    texts: tuple[str, ...]
    ids: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, ids: Sequence[str], texts: Sequence[str], *, duplicates: Duplicates) -> Side:
        """Gather lines by text; with `keep` every line stays apart."""
        if duplicates not in DUPLICATES:
            raise ToolkitError(f"No way with duplicates named '{duplicates}'. Known: {', '.join(DUPLICATES)}.")
        lines = sorted(zip(texts, ids, strict=True))
        if duplicates == "keep":
            return cls(tuple(text for text, _ in lines), tuple((id,) for _, id in lines))
        gathered: dict[str, list[str]] = {}
        for text, id in lines:
            gathered.setdefault(text, []).append(id)
        return cls(tuple(gathered), tuple(map(tuple, gathered.values())))


@dataclass(frozen=True)
class Mined:
    """Pairs of line ids, best first.

    Attributes:
        pairs: (source id, target id), each once.
        scores: float64 [M], falling; pairs of the same two texts have the same score.
        searched: how their neighbours were found, and for an approximate index the recall that was measured.
    """

    pairs: tuple[tuple[str, str], ...]
    scores: np.ndarray
    searched: str = "index=Flat"

    def above(self, threshold: float) -> tuple[tuple[str, str], ...]:
        """Return the pairs that score at least `threshold`."""
        return self.pairs[: int(np.searchsorted(-self.scores, -threshold, side="right"))]


def mine(
    source: Side,
    target: Side,
    x: Rows,
    y: Rows,
    *,
    protocol: Protocol,
    settings: SearchSettings = DEFAULT,
    report: Report = silent,
) -> Mined:
    """Return candidate pairs of lines: neighbours both ways, margin, direction, then the treatment of repeated sentences.

    Args:
        source: the lines of one side.
        target: the lines of the other side.
        x: unit vectors of `source.texts`, [Q, D].
        y: unit vectors of `target.texts`, [N, D].
        protocol: its `k`, `margin` and `direction`, and with `duplicates` the meaning of a pair of texts that have several
            lines: `expand`, all pairs of their ids; `first`, the lowest id of each; `drop`, nothing. With `keep` every line
            was mined for itself.
        settings: of the search.
    """
    if (len(x), len(y)) != (len(source.texts), len(target.texts)):
        raise ToolkitError(
            f"There are {len(x)} and {len(y)} vectors for {len(source.texts)} and {len(target.texts)} texts; expected one each."
        )
    found, words = mine_texts(x, y, protocol=protocol, settings=settings, report=report)
    pairs: list[tuple[str, str]] = []
    scores: list[float] = []
    for s, t, score in zip(found.sources.tolist(), found.targets.tolist(), found.scores.tolist(), strict=True):
        sources, targets = source.ids[s], target.ids[t]
        if protocol.duplicates == "drop" and len(sources) * len(targets) > 1:
            continue
        if protocol.duplicates == "first":
            sources, targets = sources[:1], targets[:1]
        pairs += [(a, b) for a in sources for b in targets]
        scores += [score] * (len(sources) * len(targets))
    return Mined(tuple(pairs), np.array(scores, np.float64), words)


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

    @classmethod
    def of(cls, places: np.ndarray, *, duplicates: Duplicates) -> Lines:
        """Gather lines by the place of their text among the distinct ones; with `keep` every line stays apart."""
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


@dataclass(frozen=True)
class Curve:
    """Precision and recall at every cut that can be made; equal scores are never cut apart.

    Attributes:
        thresholds: float64 [M], falling: `score >= threshold` keeps the pairs above the cut.
        precision, recall, f1: float64 [M], fractions.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray

    @property
    def best(self) -> float:
        """The threshold of the largest F1; of equal ones the highest; infinity if no cut keeps a right pair."""
        if not len(self.f1) or self.f1.max() == 0:
            return math.inf
        return float(self.thresholds[self.f1.argmax()])


def sweep(mined: Mined, gold: Collection[tuple[str, str]]) -> Curve:
    """Return precision, recall and F1 at every cut.

    A threshold is half way between the two scores that it separates; the last one is the last score itself.

    Args:
        mined: pairs with their scores.
        gold: the right pairs, at least one.

    Example:
        >>> found = sweep(Mined((("a", "b"), ("c", "d")), np.array([1.5, 1.0])), {("a", "b")})
        >>> found.thresholds.tolist(), found.f1.round(3).tolist(), found.best
        ([1.25, 1.0], [1.0, 0.667], 1.25)
    """
    wanted = set(gold)
    if not wanted:
        raise ToolkitError("There are no gold pairs; expected at least one to score against.")
    right = np.cumsum([pair in wanted for pair in mined.pairs], dtype=np.float64)  # [M]
    scores = mined.scores
    cuts = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, np.int64)
    after = scores[np.minimum(cuts + 1, len(scores) - 1)] if len(cuts) else scores
    thresholds = scores[cuts] + (after - scores[cuts]) / 2
    # Two neighbouring floats have nothing between them: then the upper one parts them.
    thresholds = np.where(thresholds > after, thresholds, scores[cuts])
    right, kept = right[cuts], cuts + 1.0
    return Curve(thresholds, right / kept, right / len(wanted), 2 * right / (kept + len(wanted)))
