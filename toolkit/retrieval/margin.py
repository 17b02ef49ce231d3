"""Margins: the nearness of two sentences relative to their neighbours, and the pairs chosen by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.nameless import let_go
from toolkit.retrieval.held import parts, rows_where, zeros
from toolkit.retrieval.rescore import Neighbours

Margin = Literal["absolute", "distance", "ratio"]
Direction = Literal["forward", "backward", "intersection", "max"]
MARGINS: tuple[Margin, ...] = get_args(Margin)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
SORTED = 1 << 18  # pairs that are sorted at a time, about


@dataclass(frozen=True)
class Pairs:
    """Candidate pairs, best first; equal scores by lower source row, then lower target row.

    Attributes:
        sources: int64 [M], rows of the source side.
        targets: int64 [M], rows of the target side.
        scores: float64 [M], falling.
    """

    sources: np.ndarray
    targets: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: slice | np.ndarray) -> Pairs:
        return Pairs(self.sources[rows], self.targets[rows], self.scores[rows])


class _Pool:
    """Pairs that are added: at most so many."""

    def __init__(self, most: int) -> None:
        self._all = Pairs(zeros((most,), np.int64), zeros((most,), np.int64), zeros((most,), np.float64))
        self._n = 0

    def add(self, pairs: Pairs) -> None:
        """Append pairs."""
        part = slice(self._n, self._n + len(pairs))
        for held, new in zip(_columns(self._all), _columns(pairs), strict=True):
            held[part] = new
            let_go(held)
        self._n = part.stop

    def whole(self) -> Pairs:
        """Return what was added."""
        return self._all[: self._n]


def _columns(pairs: Pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return pairs.sources, pairs.targets, pairs.scores


def margin_scores(
    cosines: np.ndarray, source_means: np.ndarray, target_means: np.ndarray, margin: Margin
) -> np.ndarray:
    """Return the margin of each pair.

    With m the mean of the two sides' own means: `absolute` = cos, `distance` = cos - m, `ratio` = cos / m.

    Args:
        cosines: float [...], of the pairs.
        source_means: float [...], mean cosine of each pair's source with its k nearest targets.
        target_means: float [...], mean cosine of each pair's target with its k nearest sources.
        margin: `absolute`, `distance` or `ratio`.

    Returns:
        float64 [...].

    Example:
        >>> margin_scores(np.array([0.9]), np.array([0.5]), np.array([0.7]), "ratio").round(3).tolist()
        [1.5]

    Source: Artetxe and Schwenk 2019, arXiv 1811.01136, section 3.
    """
    cosines = np.asarray(cosines, np.float64)
    if margin == "absolute":
        return cosines
    means = (np.asarray(source_means, np.float64) + np.asarray(target_means, np.float64)) / 2
    if margin == "distance":
        return cosines - means
    if margin == "ratio":
        # A mean of exactly zero has no ratio; the smallest number of its kind keeps the order of the cosines.
        return cosines / np.where(means == 0, np.finfo(np.float64).tiny, means)
    raise ToolkitError(f"No margin named '{margin}'. Known: {', '.join(MARGINS)}.")


def candidates(forward: Neighbours, backward: Neighbours, *, margin: Margin, direction: Direction) -> Pairs:
    """Return candidate pairs from the neighbours of both directions.

    `forward` gives each source its best target by margin, `backward` each target its best source, `intersection` the
    pairs that are both, and `max` pools the two and takes them greedily one-to-one. Of equal margins the nearer
    neighbour is the best.

    Args:
        forward: of each source among the targets, [Q, k].
        backward: of each target among the sources, [N, k].
    """
    if direction not in DIRECTIONS:
        raise ToolkitError(f"No direction named '{direction}'. Known: {', '.join(DIRECTIONS)}.")
    source_means, target_means = _means(forward), _means(backward)  # [Q], [N]
    to_target, ahead = _best(forward, source_means, target_means, margin)
    to_source, back = _best(backward, target_means, source_means, margin)
    n_sources, n_targets = len(ahead), len(back)
    pool = _Pool(n_sources * (direction != "backward") + n_targets * (direction in ("backward", "max")))
    if direction != "backward":
        for part in parts(n_sources):
            lines, rows = np.arange(part.start, part.stop), to_target[part]
            kept = rows >= 0
            if direction == "intersection":
                kept[kept] = to_source[rows[kept]] == lines[kept]
            pool.add(Pairs(lines, rows, ahead[part])[kept])
    if direction in ("backward", "max"):
        for part in parts(n_targets):
            lines, rows = np.arange(part.start, part.stop), to_source[part]
            pool.add(Pairs(rows, lines, back[part])[rows >= 0])
    let_go(to_target, ahead, to_source, back)
    pairs = pool.whole()
    found = _Pool(min(n_sources, n_targets) if direction == "max" else len(pairs))
    is_used = np.zeros(n_sources, bool), np.zeros(n_targets, bool)
    for some in in_order(pairs):
        found.add(one_to_one(some, *is_used) if direction == "max" else some)
    return found.whole()


def _best(found: Neighbours, own: np.ndarray, other: np.ndarray, margin: Margin) -> tuple[np.ndarray, np.ndarray]:
    """Return each line's best neighbour by margin, int64 [Q] (-1: none), and its margin, float64 [Q].

    Args:
        own, other: mean cosines of the lines, [Q], and of the other side's, [N].
    """
    rows, scores = zeros((len(own),), np.int64), zeros((len(own),), np.float64)
    for part in parts(len(own)):
        near = found.rows[part]
        margins = margin_scores(found.scores[part], own[part, None], other[near], margin)  # [n, k]
        # An approximate index may have found fewer than k, and names row -1 then, which means none.
        margins = np.where(near < 0, -np.inf, margins)
        best, every = margins.argmax(axis=1), np.arange(len(near))
        rows[part], scores[part] = near[every, best], margins[every, best]
        let_go(found.rows, found.scores, own, other, rows, scores)
    return rows, scores


def _means(found: Neighbours) -> np.ndarray:
    """Return the mean cosine of each row with the neighbours that were found: float64 [Q], 0 for a row without any."""
    means = zeros((len(found.rows),), np.float64)
    for part in parts(len(means)):
        is_found = found.rows[part] >= 0
        total = np.where(is_found, found.scores[part], 0).sum(axis=1, dtype=np.float64)
        means[part] = total / np.maximum(is_found.sum(axis=1), 1)
        let_go(found.rows, found.scores, means)
    return means


def in_order(pairs: Pairs) -> Iterator[Pairs]:
    """Yield pairs sorted by falling score, then by source, then by target, some at a time.

    Scores are cut where a sample of them says that some hundred thousand pairs are between two cuts; equal scores are never
    cut apart.
    """
    n_parts = -(-len(pairs) // SORTED)
    cuts: list[float] = []
    if n_parts > 1:
        sample = np.sort(pairs.scores[:: max(1, len(pairs) // (64 * n_parts))])
        cuts = np.unique(sample[np.arange(1, n_parts) * len(sample) // n_parts])[::-1].tolist()
    for high, low in zip([np.inf, *cuts], [*cuts, None], strict=True):
        some = pairs[rows_where(pairs.scores, partial(_is_between, low, high))]
        yield some[np.lexsort((some.targets, some.sources, -some.scores))]
        let_go(*_columns(pairs))


def _is_between(low: float | None, high: float, scores: np.ndarray) -> np.ndarray:
    below = ~(scores > high)  # whatever is not a number comes last
    return np.asarray(below if low is None else below & (scores > low))


def one_to_one(pairs: Pairs, source_used: np.ndarray, target_used: np.ndarray) -> Pairs:
    """Take pairs from the best on, leaving out those whose source or target is taken already.

    Round by round: the pairs that come first both for their source and for their target among the pairs left are those that
    the greedy walk would take. That needs few rounds; a chain of pairs that would need many is walked pair by pair.

    Args:
        pairs: sorted, as `in_order` leaves them.
        source_used: bool [Q], which sources are taken; those that are taken here are marked.
        target_used: bool [N], of the targets.

    Example:
        >>> (pairs,) = in_order(Pairs(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.9, 0.8, 0.7])))
        >>> found = one_to_one(pairs, np.zeros(2, bool), np.zeros(2, bool))
        >>> list(zip(found.sources.tolist(), found.targets.tolist()))
        [(0, 0), (1, 1)]
    """
    is_taken = np.zeros(len(pairs), bool)
    left = np.arange(len(pairs))
    for _ in range(32):
        left = left[~(source_used[pairs.sources[left]] | target_used[pairs.targets[left]])]
        if not len(left):
            break
        firsts = np.zeros((2, len(left)), bool)
        for side, rows in enumerate((pairs.sources[left], pairs.targets[left])):
            firsts[side, np.unique(rows, return_index=True)[1]] = True
        taken = left[firsts.all(axis=0)]
        is_taken[taken] = True
        source_used[pairs.sources[taken]] = target_used[pairs.targets[taken]] = True
    for at in left:
        source, target = pairs.sources[at], pairs.targets[at]
        if not (source_used[source] or target_used[target]):
            is_taken[at] = source_used[source] = target_used[target] = True
    return pairs[is_taken]
