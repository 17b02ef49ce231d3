"""Each retrieval protocol once more, written down plainly from files and vectors: nothing of `toolkit.retrieval` in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

Vector = Callable[[str], np.ndarray]
# Share of the depth, pooling, and what becomes of repeated sentences.
MINING = {
    "jiant": (14 / 24, "mean", "expand"),
    "xtreme": (20 / 24, "cls", "drop"),
    "laser": (1.0, "mean", "drop"),
    "st": (1.0, "mean", "keep"),
}
POOLED = {**{name: (share, pooling) for name, (share, pooling, _) in MINING.items()}, "mteb": (1.0, "mean")}


def lines(file: Path) -> list[tuple[str, str]]:
    return [
        tuple(part.strip() for part in line.split("\t", 1))
        for line in file.read_text(encoding="utf-8").split("\n")
        if line
    ]  # type: ignore[misc]


def nearest(products: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.argsort(-products, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(products, rows, axis=1)


def best_f1(scored: list[tuple[float, tuple[str, str]]], gold: set[tuple[str, str]]) -> float:
    """Walk down the scored pairs and take the best F1 after any of them, equal scores together."""
    scored = sorted(scored, key=lambda item: -item[0])
    best, right = 0.0, 0
    for n, (score, pair) in enumerate(scored, 1):
        right += pair in gold
        if n == len(scored) or scored[n][0] != score:
            best = max(best, 2 * right / (n + len(gold)))
    return best


def mining(protocol: str, source: list, target: list, gold: set[tuple[str, str]], vector: Vector, k: int = 4) -> float:
    """Return the oracle F1 of BUCC's corpora under a protocol."""
    duplicates = MINING[protocol][2]
    sides = []
    for side in (source, target):
        if duplicates == "keep":
            texts = [text for _, text in sorted(side, key=lambda item: (item[1], item[0]))]
            ids = [[id] for id, _ in sorted(side, key=lambda item: (item[1], item[0]))]
        else:
            texts = sorted({text for _, text in side})
            by_text: dict[str, list[str]] = {text: [] for text in texts}
            for id, text in side:
                by_text[text].append(id)
            ids = [by_text[text] for text in texts]
        sides.append((texts, ids, np.stack([vector(text) for text in texts]).astype(np.float64)))
    (_, source_ids, x), (_, target_ids, y) = sides
    products = x @ y.T
    to_target, ahead = nearest(products, min(k, len(y)))
    to_source, back = nearest(products.T, min(k, len(x)))
    mean_x, mean_y = ahead.mean(axis=1), back.mean(axis=1)
    pooled = []
    for i in range(len(x)):
        margins = [products[i, j] / ((mean_x[i] + mean_y[j]) / 2) for j in to_target[i]]
        pooled.append((max(margins), i, int(to_target[i][int(np.argmax(margins))])))
    for j in range(len(y)):
        margins = [products[i, j] / ((mean_x[i] + mean_y[j]) / 2) for i in to_source[j]]
        pooled.append((max(margins), int(to_source[j][int(np.argmax(margins))]), j))
    used_x: set[int] = set()
    used_y: set[int] = set()
    scored = []
    for score, i, j in sorted(pooled, key=lambda item: (-item[0], item[1], item[2])):
        if i in used_x or j in used_y:
            continue
        used_x.add(i)
        used_y.add(j)
        if duplicates == "drop" and (len(source_ids[i]) > 1 or len(target_ids[j]) > 1):
            continue
        scored += [(score, (a, b)) for a in source_ids[i] for b in target_ids[j]]
    return best_f1(scored, gold)


def gold_search(source: list, target: list, gold: set[tuple[str, str]], vector: Vector) -> float:
    """Return mteb's weighted F1: each foreign sentence of a gold pair looks for its English one among those."""
    source_text, target_text = dict(source), dict(target)
    pairs = sorted(gold)
    wanted = sorted({b for _, b in pairs})
    x = np.stack([vector(source_text[a]) for a, _ in pairs]).astype(np.float64)
    y = np.stack([vector(target_text[b]) for b in wanted]).astype(np.float64)
    found = (x @ y.T).argmax(axis=1)
    return float(f1_score([wanted.index(b) for _, b in pairs], found, average="weighted", zero_division=0))


def bitext(protocol: str, foreign: list[str], english: list[str], vector: Vector) -> float:
    """Return the score of a bitext under a protocol."""
    x, y = (np.stack([vector(text) for text in side]).astype(np.float64) for side in (english, foreign))
    right = np.arange(len(x))
    ahead, back = (x @ y.T).argmax(axis=1), (y @ x.T).argmax(axis=1)
    if protocol == "mteb":
        return float(f1_score(right, back, average="weighted", zero_division=0))
    found = {"jiant": [ahead], "xtreme": [ahead], "laser": [back], "st": [ahead, back]}[protocol]
    return float(np.mean([(one == right).mean() for one in found]))
