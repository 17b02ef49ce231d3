from __future__ import annotations

import numpy as np
import pytest

from tests.retrieval import slow
from tests.retrieval.test_knn import sides
from toolkit.errors import ToolkitError
from toolkit.retrieval import SearchSettings, both_ways, candidates, choose_index, exact_search, nearest, search
from toolkit.retrieval.rescore import Neighbours


def planted(n: int, m: int, width: int = 32, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    x, y = (rng.standard_normal((size, width)).astype(np.float32) for size in (n, m))
    y[: min(n, m)] = x[: min(n, m)] + noise * y[: min(n, m)]
    return tuple(side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, y))  # type: ignore[return-value]


@pytest.mark.parametrize("arithmetic", ["bf16", "fp32"])
@pytest.mark.parametrize("kind", ["plain", "copies", "ties", "one corner", "all but equal", "large"])
def test_the_result_is_exact_whatever_the_arithmetic_of_the_first_products(arithmetic: str, kind: str) -> None:
    if kind in ("plain", "copies", "ties"):
        x, y = sides(11, kind, 130, 110)
    elif kind == "large":
        x, y = (1e4 * side for side in sides(11, "plain", 130, 110))
    else:
        # As sentence vectors are: a large common part, and small differences, down to less than bf16 can tell.
        x, y = sides(11, "plain", 130, 110)
        x, y = (10 + side * (1 if kind == "one corner" else 1e-3) for side in (x, y))
        x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, y))
    for found, (scores, rows) in zip(
        both_ways(x, y, 4, settings=SearchSettings(arithmetic=arithmetic, tile=(32, 32))), (slow.neighbours(x, y, 4), slow.neighbours(y, x, 4)),
        strict=True,
    ):  # fmt: skip
        assert found.scores == pytest.approx(np.array(scores), rel=1e-6, abs=1e-6)
        expected = np.array(scores).astype(np.float32)
        # Of scores that are equal as float32 the lower row comes first; in double precision they may differ.
        assert [sorted(row) for row, s in zip(found.rows.tolist(), expected, strict=True) if len(set(s)) == 4] == [
            sorted(row) for row, s in zip(rows, expected, strict=True) if len(set(s)) == 4
        ]


def test_both_directions_give_a_pair_the_same_score_to_the_last_bit() -> None:
    x, y = planted(200, 180)
    forward, backward = both_ways(x, y, 4)
    ahead = {
        (i, j): s
        for i, (js, ss) in enumerate(zip(forward.rows, forward.scores, strict=True))
        for j, s in zip(js, ss, strict=True)
    }
    back = {
        (i, j): s
        for j, (is_, ss) in enumerate(zip(backward.rows, backward.scores, strict=True))
        for i, s in zip(is_, ss, strict=True)
    }
    shared = ahead.keys() & back.keys()
    assert len(shared) > 150
    assert all(ahead[pair] == back[pair] for pair in shared)


@pytest.mark.parametrize("memory", [4.0, 0.0001])
def test_a_bound_on_memory_changes_no_neighbour(memory: float) -> None:
    x, y = planted(500, 700)
    whole, bound = search(x, y, 4), search(x, y, 4, settings=SearchSettings(memory=memory, threads=1))
    assert np.array_equal(whole.forward.rows, bound.forward.rows)
    assert np.array_equal(whole.backward.scores, bound.backward.scores)  # type: ignore[union-attr]


def test_one_direction_is_the_first_half_of_both() -> None:
    x, y = planted(120, 90)
    one, both = nearest(x, y, 3), both_ways(x, y, 3)[0]
    assert np.array_equal(one.rows, both.rows)
    assert np.array_equal(one.rows, exact_search(x, y, 3)[1])
    assert search(x, y, 3, both=False).backward is None


@pytest.mark.parametrize("index", ["HNSW32", "IVF8,Flat", "IVF8,PQ4x4", "SQ8"])
def test_an_approximate_index_says_its_recall_and_scores_what_it_found_exactly(index: str) -> None:
    x, y = planted(450, 500)
    found, exact = search(x, y, 4, settings=SearchSettings(index)), search(x, y, 4)
    assert (found.index, exact.recall) == (index, 1.0)
    assert found.words == f"index={index} recall={found.recall:.4f}"
    hits = [np.intersect1d(a[a >= 0], b).size / 4 for a, b in zip(found.forward.rows, exact.forward.rows, strict=True)]
    back = [
        np.intersect1d(a[a >= 0], b).size / 4 for a, b in zip(found.backward.rows, exact.backward.rows, strict=True)
    ]  # type: ignore[union-attr]
    assert found.recall == pytest.approx(min(np.mean(hits), np.mean(back)), abs=0.08)  # of a sample
    assert 0.1 < found.recall <= 1
    for one in (found.forward.rows[:, 0],):
        product = np.einsum("pd,pd->p", x, y[one], dtype=np.float64).astype(np.float32)
        assert found.forward.scores[:, 0] == pytest.approx(product, rel=1e-6)


def test_an_index_in_parts_finds_rows_of_every_part_and_repeated_vectors() -> None:
    x, y = planted(1100, 2500)
    y[2400] = y[3]
    found = search(x, y, 4, settings=SearchSettings("HNSW32", 0.0003))
    assert found.recall > 0.9
    assert found.forward.rows[3, :2].tolist() == [3, 2400]
    assert found.forward.rows.max() > 2000


def test_an_index_that_finds_too_few_gives_no_pair_for_row_minus_one() -> None:
    scores, rows = np.array([[0.9, -np.inf], [-np.inf, -np.inf]], np.float32), np.array([[1, -1], [-1, -1]])
    forward = Neighbours(scores, rows)
    backward = Neighbours(np.array([[-np.inf], [0.9]], np.float32), np.array([[-1], [0]]))
    for direction in ("forward", "backward", "intersection", "max"):
        for margin in ("absolute", "distance", "ratio"):
            found = candidates(forward, backward, margin=margin, direction=direction)
            assert (found.sources.tolist(), found.targets.tolist()) == ([0], [1])
            assert np.isfinite(found.scores).all()


def test_the_default_is_exact_up_to_a_size_that_takes_minutes_and_cells_beyond() -> None:
    assert choose_index("auto", 1000, 1000, 384) == "Flat"
    assert choose_index("auto", 400_000, 400_000, 1024) == "Flat"
    assert choose_index("auto", 5_000_000, 5_000_000, 1024).startswith("IVF")
    assert choose_index("HNSW32", 10, 10, 8) == "HNSW32"


@pytest.mark.parametrize("index", ["Flat", "HNSW16"])
@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), "of one width"),
        (np.zeros((0, 3)), np.zeros((2, 3)), "0 and 2 vectors"),
        (np.full((2, 3), np.inf), np.zeros((2, 3)), "Vector 0 of the first side holds NaN or infinite"),
        (np.zeros((2, 3)), np.array([[0, 0, 0], [0, np.nan, 0]]), "Vector 1 of the second side holds NaN"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_every_index(index: str, x: np.ndarray, y: np.ndarray, said: str) -> None:
    with pytest.raises(ToolkitError, match=said):
        search(x.astype(np.float32), y.astype(np.float32), 1, settings=SearchSettings(index))


@pytest.mark.gpu
def test_a_gpu_finds_what_the_processor_finds() -> None:
    x, y = planted(3000, 2500, 256)
    for one, other in zip(
        both_ways(x, y, 4, settings=SearchSettings(device="cuda")),
        both_ways(x, y, 4, settings=SearchSettings(device="cpu")),
        strict=True,
    ):
        assert np.array_equal(one.rows, other.rows)
        assert np.array_equal(one.scores, other.scores)
