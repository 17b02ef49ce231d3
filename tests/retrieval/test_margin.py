from __future__ import annotations

import numpy as np
import pytest

from tests.retrieval import slow
from tests.retrieval.test_knn import sides
from toolkit.errors import ToolkitError
from toolkit.retrieval import both_ways, candidates
from toolkit.retrieval.margin import DIRECTIONS, MARGINS, Pairs, in_order, margin_scores, one_to_one


def unit(vectors: np.ndarray) -> np.ndarray:
    # All in one corner, so that no mean is near zero and no ratio explodes.
    vectors = np.abs(vectors) + 0.1
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("k", [1, 4])
def test_pairs_and_scores_are_those_of_the_direct_way(margin: str, direction: str, k: int) -> None:
    x, y = map(unit, sides(k, "plain", 60, 80))
    found = candidates(*both_ways(x, y, k), margin=margin, direction=direction)
    expected = slow.mined(x, y, k=k, margin=margin, direction=direction)
    assert found.scores == pytest.approx([score for score, _, _ in expected], rel=1e-5, abs=1e-6)
    if margin == "ratio" and k == 1:
        return  # the best of both sides is 1 to the last bit for many pairs: their order is one of rounding
    assert sorted(zip(found.sources.tolist(), found.targets.tolist(), strict=True)) == sorted(
        (i, j) for _, i, j in expected
    )


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_repeated_vectors_give_the_scores_of_the_direct_way(direction: str) -> None:
    x, y = map(unit, sides(7, "copies", 60, 80))
    found = candidates(*both_ways(x, y, 4), margin="distance", direction=direction)
    expected = slow.mined(x, y, k=4, margin="distance", direction=direction)
    assert found.scores == pytest.approx([score for score, _, _ in expected], abs=1e-5)


def free(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Sources and targets of which none is taken."""
    return np.zeros(int(pairs.sources.max()) + 1, bool), np.zeros(int(pairs.targets.max()) + 1, bool)


@pytest.mark.parametrize("seed", range(20))
def test_one_to_one_takes_what_a_greedy_walk_takes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    rows = [rng.integers(0, int(rng.integers(1, 40)), n) for _ in range(2)]
    (pairs,) = in_order(Pairs(rows[0], rows[1], rng.integers(0, 9, n) / 8))
    found = one_to_one(pairs, *free(pairs))
    expected = slow.greedy(
        list(zip(pairs.scores.tolist(), pairs.sources.tolist(), pairs.targets.tolist(), strict=True))
    )
    assert list(zip(found.scores.tolist(), found.sources.tolist(), found.targets.tolist(), strict=True)) == expected


def test_a_chain_that_needs_a_round_for_each_pair_is_walked_to_its_end() -> None:
    n = 400  # 0-0, 1-0, 1-1, 2-1, ...: each pair shares a side with the one before it
    steps = np.arange(n)
    (pairs,) = in_order(Pairs((steps + 1) // 2, steps // 2, -steps.astype(float)))
    assert one_to_one(pairs, *free(pairs)).scores.tolist() == [-float(step) for step in range(0, n, 2)]


def test_no_pairs_stay_no_pairs() -> None:
    none = np.zeros(0, np.int64)
    assert len(one_to_one(Pairs(none, none, np.zeros(0)), np.zeros(0, bool), np.zeros(0, bool))) == 0


def test_an_intersection_is_one_to_one_and_part_of_both_directions() -> None:
    x, y = map(unit, sides(11, "plain", 50, 70))
    near = both_ways(x, y, 4)
    found = {
        direction: set(zip(*(getattr(pairs, side).tolist() for side in ("sources", "targets")), strict=True))
        for direction in DIRECTIONS
        for pairs in [candidates(*near, margin="ratio", direction=direction)]
    }
    assert found["intersection"] == found["forward"] & found["backward"]


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    near = both_ways(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 1)
    with pytest.raises(ToolkitError, match="Known: absolute, distance, ratio"):
        candidates(*near, margin="log", direction="max")
    with pytest.raises(ToolkitError, match="Known: forward, backward, intersection, max"):
        candidates(*near, margin="ratio", direction="both")


def test_a_mean_of_zero_keeps_the_order_of_the_cosines() -> None:
    scores = margin_scores(np.array([0.2, 0.1]), np.zeros(2), np.zeros(2), "ratio")
    assert scores[0] > scores[1]
