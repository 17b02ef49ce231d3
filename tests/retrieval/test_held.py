"""Arrays on the disk: what is searched and mined block by block is what is searched and mined at once, to the bit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from toolkit import nameless
from toolkit.errors import ToolkitError
from toolkit.retrieval import SearchSettings, both_ways, candidates, knn, margin, search, side
from toolkit.retrieval import held as blocks
from toolkit.retrieval.held import zeros
from toolkit.retrieval.margin import DIRECTIONS, Direction
from toolkit.retrieval.mine import DUPLICATES, Lines, pairs_of_lines


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, size in (
        (nameless, "IN_MEMORY", 64),
        (blocks, "BLOCK", 7),
        (margin, "SORTED", 16),
        (side, "HASHES", 16),
        (knn, "BLOCK", 32),
        (sys.modules[search.__module__], "QUERIES", 32),
    ):
        monkeypatch.setattr(module, name, size)


def vectors(seed: int, n: int) -> np.ndarray:
    """Return unit vectors of which many are repeated."""
    rng = np.random.default_rng(seed)
    found = rng.standard_normal((n, 8), np.float32)[rng.integers(0, n, n)]
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def everything() -> Iterator[list[float]]:
    """Yield all that is searched and mined of two sides."""
    x, y = vectors(0, 60), vectors(1, 70)
    for k in (1, 4):
        near = both_ways(x, y, k)
        approximate = search(x, y, k, settings=SearchSettings(index="IVF4,Flat", memory=0.001))
        assert approximate.backward is not None
        for found in (*near, approximate.forward, approximate.backward):
            yield found.scores.ravel().tolist()
            yield found.rows.ravel().tolist()
        for direction in DIRECTIONS:
            pairs = candidates(*near, margin="ratio", direction=direction)
            yield from (pairs.sources.tolist(), pairs.targets.tolist(), pairs.scores.tolist())
    rng = np.random.default_rng(2)
    places = [rng.permutation(np.concatenate([np.arange(n), rng.integers(0, n, 30)])) for n in (60, 70)]
    for duplicates in DUPLICATES:
        lines = [Lines.of(each, duplicates=duplicates) for each in places]
        yield from (each.tolist() for own in lines for each in (own.lines, own.starts))
        for some in pairs_of_lines(pairs, *lines, duplicates=duplicates):
            yield from zip(some.sources.tolist(), some.targets.tolist(), some.scores.tolist(), strict=True)  # type: ignore[misc]


def test_blocks_on_the_disk_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))
    expected = list(everything())
    small(monkeypatch)
    assert list(everything()) == expected
    assert (tmp_path / "numbers").is_dir() and not list((tmp_path / "numbers").iterdir())


def test_equal_scores_are_sorted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    scores = rng.choice([0.5, 0.25, -np.inf, np.inf, -0.0, 0.0], 200)
    pairs = margin.Pairs(rng.permutation(200), rng.integers(0, 9, 200), scores)
    monkeypatch.setattr(margin, "SORTED", 10)
    found = list(margin.in_order(pairs))
    order = np.lexsort((pairs.targets, pairs.sources, -scores))
    assert len(found) > 2 and np.concatenate([some.sources for some in found]).tolist() == pairs.sources[order].tolist()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sides_without_anything_near_give_no_pairs(direction: Direction) -> None:
    nothing = blocks.nothing_near(3, 2)
    assert len(candidates(nothing, nothing, margin="ratio", direction=direction)) == 0


def test_a_full_disk_is_one_sentence_and_not_a_signal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))
    monkeypatch.setattr(nameless.os, "posix_fallocate", full, raising=False)
    with pytest.raises(ToolkitError, match=r"The numbers read cannot be kept in .*numbers \(No space left"):
        zeros((1 << 20,), np.int64)


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")
