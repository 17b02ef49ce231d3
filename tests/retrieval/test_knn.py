from __future__ import annotations

import numpy as np
import pytest

from tests.retrieval import slow
from toolkit.errors import ToolkitError
from toolkit.progress import Progress
from toolkit.retrieval import SearchSettings, both_ways, knn, nearest


def sides(seed: int, kind: str, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    if kind == "ties":  # small whole numbers: products are exact, and most of them are equal
        return tuple(rng.integers(-1, 2, (size, 3)).astype(np.float32) for size in (n, m))  # type: ignore[return-value]
    x, y = (rng.standard_normal((size, 16)).astype(np.float32) for size in (n, m))
    if kind == "copies":
        x, y = x[rng.integers(0, max(1, n // 3), n)], y[rng.integers(0, max(1, m // 3), m)]
    return x, y


@pytest.mark.parametrize("kind", ["plain", "copies", "ties"])
@pytest.mark.parametrize(
    ("n", "m", "k"), [(1, 1, 1), (3, 70, 4), (150, 90, 4), (40, 200, 1), (33, 65, 40), (100, 5, 8)]
)
def test_both_directions_are_what_every_single_product_says(kind: str, n: int, m: int, k: int) -> None:
    x, y = sides(n * m + k, kind, n, m)
    for found, (scores, rows) in zip(
        both_ways(x, y, k, settings=SearchSettings(tile=(64, 32))),
        (slow.neighbours(x, y, k), slow.neighbours(y, x, k)),
        strict=True,
    ):
        assert found.scores == pytest.approx(np.array(scores, np.float32), rel=1e-5, abs=1e-5)
        assert found.rows.tolist() == rows


@pytest.mark.parametrize("kind", ["plain", "copies", "ties"])
@pytest.mark.parametrize("block", [5, 17, 64])
def test_the_size_of_a_block_changes_no_bit(kind: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = sides(7, kind, 70, 45)
    whole = (*both_ways(x, y, 4), nearest(x, y, 50))
    told: list[Progress] = []
    monkeypatch.setattr(knn, "BLOCK", block)
    for one, other in zip(whole, (*both_ways(x, y, 4, report=told.append), nearest(x, y, 50)), strict=True):
        assert np.array_equal(one.rows, other.rows) and np.array_equal(one.scores, other.scores)
    assert all(0 <= each.done <= each.total for each in told)


@pytest.mark.parametrize("kind", ["plain", "copies", "ties"])
def test_the_size_of_a_tile_changes_no_row(kind: str) -> None:
    x, y = sides(5, kind, 130, 170)
    whole = both_ways(x, y, 4)
    for tile in ((32, 32), (64, 128), (128, 32)):
        for one, other in zip(whole, both_ways(x, y, 4, settings=SearchSettings(tile=tile)), strict=True):
            assert np.array_equal(one.rows, other.rows)


def test_of_equal_vectors_the_lower_row_comes_first_and_no_row_is_minus_one() -> None:
    x = np.tile(np.array([[0.6, 0.8]], np.float32), (500, 1))
    forward, backward = both_ways(x, x[:7], 4)
    assert forward.rows.tolist() == [[0, 1, 2, 3]] * 500
    assert backward.rows.tolist() == [[0, 1, 2, 3]] * 7


def test_the_two_spellings_of_zero_are_one_vector() -> None:
    x = np.array([[0.0, 1.0], [-0.0, 1.0]], np.float32)
    assert both_ways(x, x, 2)[0].rows.tolist() == [[0, 1], [0, 1]]


def test_the_permuted_lines_find_the_same_neighbours() -> None:
    x, y = sides(3, "plain", 90, 110)
    rng = np.random.default_rng(0)
    p, q = rng.permutation(90), rng.permutation(110)
    plain, permuted = both_ways(x, y, 4)[0], both_ways(x[p], y[q], 4)[0]
    assert np.array_equal(q[permuted.rows], plain.rows[p])


@pytest.mark.parametrize(
    ("x", "y", "k", "said"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), 1, "of one width"),
        (np.zeros(3), np.zeros((2, 3)), 1, "of one width"),
        (np.zeros((0, 3)), np.zeros((2, 3)), 1, "0 and 2 vectors"),
        (np.zeros((2, 3)), np.zeros((0, 3)), 1, "2 and 0 vectors"),
        (np.zeros((2, 3)), np.zeros((2, 3)), 0, "0 neighbours"),
        (np.zeros((2, 3)), np.array([[0, 0, 0], [0, np.nan, 0]]), 1, "Vector 1 of the second side"),
    ],
)
def test_what_cannot_be_searched_is_refused(x: np.ndarray, y: np.ndarray, k: int, said: str) -> None:
    with pytest.raises(ToolkitError, match=said):
        both_ways(x.astype(np.float32), y.astype(np.float32), k)
