"""Mining as one would write it down: every product, one pair at a time. The oracle of the fast way."""

from __future__ import annotations

import numpy as np


def neighbours(x: np.ndarray, y: np.ndarray, k: int) -> tuple[list[list[float]], list[list[int]]]:
    scores, rows = [], []
    for a in x:
        found = sorted((-float(np.dot(a.astype(np.float64), b.astype(np.float64))), row) for row, b in enumerate(y))[:k]
        scores.append([-score for score, _ in found])
        rows.append([row for _, row in found])
    return scores, rows


def mined(x: np.ndarray, y: np.ndarray, *, k: int, margin: str, direction: str) -> list[tuple[float, int, int]]:
    """Return (score, source row, target row), best first."""
    ahead, back = neighbours(x, y, k), neighbours(y, x, k)
    means = [[sum(row) / len(row) for row in side[0]] for side in (ahead, back)]

    def score(cosine: float, i: int, j: int) -> float:
        between = (means[0][i] + means[1][j]) / 2
        return {"absolute": cosine, "distance": cosine - between, "ratio": cosine / between}[margin]

    forward, backward = [], []
    for i, (cosines, rows) in enumerate(zip(*ahead, strict=True)):
        forward.append(max(((score(c, i, j), -n, i, j) for n, (c, j) in enumerate(zip(cosines, rows, strict=True)))))
    for j, (cosines, rows) in enumerate(zip(*back, strict=True)):
        backward.append(max(((score(c, i, j), -n, i, j) for n, (c, i) in enumerate(zip(cosines, rows, strict=True)))))
    one, two = [(s, i, j) for s, _, i, j in forward], [(s, i, j) for s, _, i, j in backward]
    if direction == "forward":
        return ordered(one)
    if direction == "backward":
        return ordered(two)
    if direction == "intersection":
        both = {(i, j) for _, i, j in two}
        return ordered([pair for pair in one if pair[1:] in both])
    return greedy(ordered(one + two))


def ordered(pairs: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))


def greedy(pairs: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    sources: set[int] = set()
    targets: set[int] = set()
    kept = []
    for score, i, j in pairs:
        if i not in sources and j not in targets:
            sources.add(i)
            targets.add(j)
            kept.append((score, i, j))
    return kept


def best_f1(scores: list[float], pairs: list[tuple[str, str]], gold: set[tuple[str, str]]) -> float:
    """Return the largest F1 over every threshold there could be."""
    best = 0.0
    for threshold in sorted(set(scores)):
        kept = {pair for pair, score in zip(pairs, scores, strict=True) if score >= threshold}
        right = len(kept & gold)
        best = max(best, 2 * right / (len(kept) + len(gold)))
    return best
