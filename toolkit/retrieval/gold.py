"""Mined pairs against the right ones: both as numbers of lines, in blocks, so that memory holds neither."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.nameless import let_go
from toolkit.retrieval.held import gathered, parts, zeros
from toolkit.retrieval.margin import Pairs
from toolkit.retrieval.mine import Mined


@dataclass(frozen=True)
class Gold:
    """Right pairs of lines, each once, by source and then by target.

    Attributes:
        keys: int64 [G], rising: `source * width + target`.
        width: larger than every target.
    """

    keys: np.ndarray
    width: int

    @classmethod
    def of(cls, sources: np.ndarray, targets: np.ndarray) -> Gold:
        """Gather pairs of lines, int64 [G] either side; one that is given twice counts once.

        Example:
            >>> gold = Gold.of(np.array([2, 0, 2]), np.array([1, 1, 1]))
            >>> len(gold), list(gold.pairs())
            (2, [(0, 1), (2, 1)])
        """
        width = int(targets.max(initial=0)) + 1
        keys, n = zeros((len(sources),), np.int64), 0
        for _, rows in gathered(sources, int(sources.max(initial=-1)) + 1):
            own = np.unique(sources[rows] * width + targets[rows])
            keys[n : n + len(own)] = own
            n += len(own)
            let_go(keys, sources, targets)
        return cls(keys[:n], width)

    def __len__(self) -> int:
        return len(self.keys)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield source and target of each pair, in order."""
        for part in parts(len(self)):
            yield from zip(*(each.tolist() for each in self.columns(part)), strict=True)
            let_go(self.keys)

    def columns(self, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return sources and targets of some pairs, int64."""
        return self.keys[part] // self.width, self.keys[part] % self.width

    def holds(self, pairs: Pairs) -> np.ndarray:
        """Return whether each of some pairs is right, bool [M]."""
        wanted = pairs.sources * self.width + pairs.targets
        at = np.minimum(np.searchsorted(self.keys, wanted), max(len(self) - 1, 0))
        found = (self.keys[at] == wanted) & (pairs.targets < self.width) if len(self) else np.zeros(len(wanted), bool)
        let_go(self.keys)
        return np.asarray(found)

    def n_among(self, pairs: Pairs) -> int:
        """Return how many of some pairs are right."""
        n = 0
        for part in parts(len(pairs)):
            n += int(self.holds(pairs[part]).sum())
            let_go(pairs.sources, pairs.targets)
        return n


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
        best, threshold = 0.0, math.inf
        for part in parts(len(self.f1)):
            f1 = self.f1[part]
            if f1.max() > best:
                best, threshold = float(f1.max()), float(self.thresholds[part][f1.argmax()])
            let_go(self.f1, self.thresholds)
        return threshold

    def drawn(self, most: int = 2000) -> tuple[list[float], list[float]]:
        """Return recall and precision at so many cuts at most, as a picture shows no more."""
        at = np.unique(np.linspace(0, len(self.f1) - 1, min(most, len(self.f1))).astype(np.int64))
        return self.recall[at].tolist(), self.precision[at].tolist()


def sweep(mined: Mined, gold: Gold) -> Curve:
    """Return precision, recall and F1 at every cut.

    A threshold is half way between the two scores that it separates; the last one is the last score itself.

    Args:
        mined: pairs with their scores.
        gold: the right pairs, at least one.

    Example:
        >>> pairs = Pairs(np.array([0, 1]), np.array([0, 1]), np.array([1.5, 1.0]))
        >>> found = sweep(Mined(pairs), Gold.of(np.array([0]), np.array([0])))
        >>> found.thresholds.tolist(), found.f1.round(3).tolist(), found.best
        ([1.25, 1.0], [1.0, 0.667], 1.25)
    """
    if not len(gold):
        raise ToolkitError("There are no gold pairs; expected at least one to score against.")
    pairs, scores = mined.pairs, mined.pairs.scores
    n_cuts = sum(len(_cuts(scores, part)) for part in parts(len(scores)))
    curve = Curve(*(zeros((n_cuts,), np.float64) for _ in range(4)))
    n_right = done = 0
    for part in parts(len(scores)):
        right = n_right + np.cumsum(gold.holds(pairs[part]))
        n_right = int(right[-1])
        cuts = _cuts(scores, part)
        above, below = scores[cuts], scores[np.minimum(cuts + 1, len(scores) - 1)]
        thresholds = above + (below - above) / 2
        own, kept = right[cuts - part.start].astype(np.float64), cuts + 1.0
        some = slice(done, done + len(cuts))
        # Two neighbouring floats have nothing between them: then the upper one parts them.
        curve.thresholds[some] = np.where(thresholds > below, thresholds, above)
        curve.precision[some], curve.recall[some] = own / kept, own / len(gold)
        curve.f1[some] = 2 * own / (kept + len(gold))
        done = some.stop
        let_go(pairs.sources, pairs.targets, scores, *vars(curve).values())
    return curve


def _cuts(scores: np.ndarray, part: slice) -> np.ndarray:
    """Return the places in a part of falling scores behind which a cut can be made: the next score is another one, or none."""
    own = scores[part.start : part.stop + 1]
    cuts = part.start + np.flatnonzero(own[1:] != own[:-1])
    return np.append(cuts, part.stop - 1) if part.stop == len(scores) else cuts
