from __future__ import annotations

import math

import numpy as np
import pytest

from tests.retrieval import slow
from tests.retrieval.test_margin import unit
from toolkit.errors import ToolkitError
from toolkit.metrics.mining import quality
from toolkit.retrieval import Mined, Side, get_protocol, mine, sweep
from toolkit.retrieval.mine import Lines, mine_texts, pairs_of_lines
from toolkit.retrieval.protocol import Duplicates
from toolkit.texts import arranged

JIANT = get_protocol("jiant")  # ratio margin over four neighbours, the best of both directions


def vectors_of(texts: tuple[str, ...]) -> np.ndarray:
    """A vector that depends on the text alone; `x` and `X` of one number are near each other."""
    made = []
    for text in texts:
        rng = np.random.default_rng(int(text[1:]))
        near = rng.standard_normal(16)
        made.append(near + 0.05 * np.random.default_rng(ord(text[0])).standard_normal(16))
    return unit(np.array(made, np.float32))


def mined(x: dict[str, str], y: dict[str, str], duplicates: str) -> Mined:
    source, target = (Side.of(list(side), list(side.values()), duplicates=duplicates) for side in (x, y))
    protocol = JIANT.having(duplicates=duplicates)
    return mine(source, target, vectors_of(source.texts), vectors_of(target.texts), protocol=protocol)


def corpora(seed: int) -> tuple[dict[str, str], dict[str, str]]:
    rng = np.random.default_rng(seed)
    x = {f"s{i}": f"x{rng.integers(0, 40)}" for i in range(50)}
    y = {f"t{i}": f"X{rng.integers(20, 60)}" for i in range(60)}
    return x, y


@pytest.mark.parametrize("duplicates", ["expand", "first", "drop", "keep"])
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_lines_changes_no_pair_and_no_bit_of_a_score(duplicates: str, seed: int) -> None:
    x, y = corpora(seed)
    rng = np.random.default_rng(seed)
    shuffled = [dict([list(side.items())[i] for i in rng.permutation(len(side))]) for side in (x, y)]
    one, other = mined(x, y, duplicates), mined(*shuffled, duplicates)
    assert one.pairs == other.pairs
    assert one.scores.tolist() == other.scores.tolist()


def test_expand_gives_every_pair_of_ids_first_the_lowest_and_drop_none() -> None:
    x = {"s1": "x1", "s3": "x1", "s2": "x2"}
    y = {"t9": "X1", "t8": "X1", "t2": "X2"}
    assert set(mined(x, y, "expand").pairs) == {(a, b) for a in ("s1", "s3") for b in ("t8", "t9")} | {("s2", "t2")}
    assert set(mined(x, y, "first").pairs) == {("s1", "t8"), ("s2", "t2")}
    assert set(mined(x, y, "drop").pairs) == {("s2", "t2")}
    # Each copy is a line of its own, and both copies of a side prefer the same line of the other.
    assert set(mined(x, y, "keep").pairs) == {("s1", "t8"), ("s2", "t2")}


@pytest.mark.parametrize("seed", range(5))
def test_the_best_cut_is_the_best_of_all_and_its_threshold_gives_that_f1(seed: int) -> None:
    x, y = corpora(seed)
    found = mined(x, y, "expand")
    gold = {(a, b) for a in x for b in y if x[a][1:] == y[b][1:] and (int(x[a][1:]) + seed) % 3}
    curve = sweep(found, gold)
    assert curve.f1.max() == pytest.approx(slow.best_f1(found.scores.tolist(), list(found.pairs), gold))
    for threshold, precision, recall, f1 in zip(curve.thresholds, curve.precision, curve.recall, curve.f1, strict=True):
        assert quality(found.above(threshold), gold) == pytest.approx(
            {"f1": f1, "precision": precision, "recall": recall}
        )


PAIRS = (("a", "a"), ("b", "b"), ("c", "c"))


def test_the_sweep_may_end_with_the_last_item_and_keeps_everything() -> None:
    found = Mined(PAIRS, np.array([3.0, 2.0, 1.0]))
    assert sweep(found, set(PAIRS)).best == 1.0
    assert found.above(1.0) == PAIRS


def test_the_sweep_may_end_with_the_first_item() -> None:
    found = Mined(PAIRS, np.array([3.0, 2.0, 1.0]))
    assert found.above(sweep(found, {("a", "a")}).best) == PAIRS[:1]


def test_where_nothing_is_right_nothing_is_kept() -> None:
    found = Mined(PAIRS, np.array([3.0, 2.0, 1.0]))
    assert sweep(found, {("x", "y")}).best == math.inf
    assert found.above(math.inf) == ()
    assert sweep(Mined((), np.zeros(0)), {("x", "y")}).best == math.inf


def test_equal_scores_are_never_cut_apart() -> None:
    found = Mined(PAIRS, np.array([2.0, 2.0, 1.0]))
    curve = sweep(found, {("a", "a")})
    assert curve.precision.tolist() == [0.5, pytest.approx(1 / 3)]
    assert found.above(curve.best) == PAIRS[:2]


def test_neighbouring_floats_are_parted() -> None:
    upper = 1.0
    found = Mined(PAIRS[:2], np.array([upper, np.nextafter(upper, 0)]))
    assert found.above(sweep(found, {("a", "a")}).best) == PAIRS[:1]


def test_no_pair_kept_is_an_f1_of_zero_and_no_fault() -> None:
    assert quality([], PAIRS) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


def test_no_gold_and_vectors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ToolkitError, match="no gold pairs"):
        sweep(Mined(PAIRS, np.array([3.0, 2.0, 1.0])), set())
    side = Side.of(["1"], ["a"], duplicates="expand")
    with pytest.raises(ToolkitError, match="2 and 1 vectors for 1 and 1 texts"):
        mine(side, side, np.zeros((2, 3)), np.zeros((1, 3)), protocol=JIANT)
    with pytest.raises(ToolkitError, match="Known: expand, first, drop, keep"):
        Side.of(["1"], ["a"], duplicates="all")


@pytest.mark.parametrize("duplicates", ["expand", "first", "drop", "keep"])
def test_lines_by_number_are_mined_as_lines_by_id(duplicates: Duplicates) -> None:
    x, y = (
        [f"{letter}{n}" for n in np.random.default_rng(seed).integers(0, 30, 50)] for seed, letter in enumerate("xX")
    )
    by_id = mined(*({f"{i:04d}": text for i, text in enumerate(side)} for side in (x, y)), duplicates)
    lines, vectors = [], []
    for side in (x, y):
        found = arranged(side)
        places = np.array(found.places)
        lines.append(own := Lines.of(places, duplicates=duplicates))
        texts = [found.distinct[place] for place in places[own.lines]] if duplicates == "keep" else list(found.distinct)
        vectors.append(vectors_of(tuple(texts)))
    pairs, words = mine_texts(vectors[0], vectors[1], protocol=JIANT.having(duplicates=duplicates))
    by_number = list(pairs_of_lines(pairs, lines[0], lines[1], duplicates=duplicates))
    found_pairs = [pair for some in by_number for pair in zip(some.sources, some.targets, strict=True)]
    assert [(f"{a:04d}", f"{b:04d}") for a, b in found_pairs] == list(by_id.pairs)
    scores = [score for some in by_number for score in some.scores.tolist()]
    assert scores == by_id.scores.tolist() and words == by_id.searched
