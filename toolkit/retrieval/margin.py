"""Margins: the nearness of two sentences relative to their neighbours, and the pairs chosen by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.retrieval.rescore import Neighbours

Margin = Literal["absolute", "distance", "ratio"]
Direction = Literal["forward", "backward", "intersection", "max"]
MARGINS: tuple[Margin, ...] = get_args(Margin)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


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
    every_source, every_target = np.arange(len(ahead)), np.arange(len(back))
    has_target, has_source = to_target >= 0, to_source >= 0
    every_source, to_target, ahead = every_source[has_target], to_target[has_target], ahead[has_target]
    if direction == "intersection":
        both = to_source[to_target] == every_source
        return in_order(every_source[both], to_target[both], ahead[both])
    every_target, to_source, back = every_target[has_source], to_source[has_source], back[has_source]
    if direction == "forward":
        return in_order(every_source, to_target, ahead)
    if direction == "backward":
        return in_order(to_source, every_target, back)
    pooled = in_order(
        np.concatenate([every_source, to_source]),
        np.concatenate([to_target, every_target]),
        np.concatenate([ahead, back]),
    )
    return one_to_one(pooled)


def _best(
    found: Neighbours, own: np.ndarray, other: np.ndarray, margin: Margin, block: int = 1 << 16
) -> tuple[np.ndarray, np.ndarray]:
    """Return each line's best neighbour by margin, int64 [Q] (-1: none), and its margin, float64 [Q].

    Args:
        own, other: mean cosines of the lines, [Q], and of the other side's, [N].
    """
    rows, scores = np.empty(len(own), np.int64), np.empty(len(own))
    for start in range(0, len(own), block):
        part = slice(start, start + block)
        near = found.rows[part]
        margins = margin_scores(found.scores[part], own[part, None], other[near], margin)  # [n, k]
        # An approximate index may have found fewer than k, and names row -1 then, which means none.
        margins = np.where(near < 0, -np.inf, margins)
        best, every = margins.argmax(axis=1), np.arange(len(near))
        rows[part], scores[part] = near[every, best], margins[every, best]
    return rows, scores


def _means(found: Neighbours) -> np.ndarray:
    """Return the mean cosine of each row with the neighbours that were found: float64 [Q], 0 for a row without any."""
    is_found = found.rows >= 0
    total = np.where(is_found, found.scores, 0).sum(axis=1, dtype=np.float64)
    return np.asarray(total / np.maximum(is_found.sum(axis=1), 1))


def in_order(sources: np.ndarray, targets: np.ndarray, scores: np.ndarray) -> Pairs:
    """Return pairs sorted by falling score, then by source, then by target."""
    order = np.lexsort((targets, sources, -scores))
    return Pairs(sources[order], targets[order], scores[order])


def one_to_one(pairs: Pairs) -> Pairs:
    """Take pairs from the best on, leaving out those whose source or target is taken already.

    Round by round: the pairs that come first both for their source and for their target among the pairs left are those that
    the greedy walk would take. That needs few rounds; a chain of pairs that would need many is walked pair by pair.

    Example:
        >>> found = one_to_one(in_order(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.9, 0.8, 0.7])))
        >>> list(zip(found.sources.tolist(), found.targets.tolist()))
        [(0, 0), (1, 1)]
    """
    if not len(pairs):
        return pairs
    is_taken = np.zeros(len(pairs), bool)
    source_used = np.zeros(pairs.sources.max() + 1, bool)
    target_used = np.zeros(pairs.targets.max() + 1, bool)
    left = np.arange(len(pairs))
    for _ in range(32):
        firsts = np.zeros((2, len(left)), bool)
        for side, rows in enumerate((pairs.sources[left], pairs.targets[left])):
            firsts[side, np.unique(rows, return_index=True)[1]] = True
        taken = left[firsts.all(axis=0)]
        is_taken[taken] = True
        source_used[pairs.sources[taken]] = target_used[pairs.targets[taken]] = True
        left = left[~(source_used[pairs.sources[left]] | target_used[pairs.targets[left]])]
        if not len(left):
            break
    for at in left:
        source, target = pairs.sources[at], pairs.targets[at]
        if not (source_used[source] or target_used[target]):
            is_taken[at] = source_used[source] = target_used[target] = True
    return Pairs(pairs.sources[is_taken], pairs.targets[is_taken], pairs.scores[is_taken])
