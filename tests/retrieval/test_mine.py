from __future__ import annotations

import math

import numpy as np
import pytest

from tests.retrieval import slow
from tests.retrieval.test_margin import unit
from toolkit.errors import ToolkitError
from toolkit.metrics.mining import quality
from toolkit.retrieval import Gold, Lines, Mined, Pairs, get_protocol, held, mine, sweep
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


class Found:
    """What was mined of two sides, as pairs of ids."""

    def __init__(self, x: dict[str, str], y: dict[str, str], duplicates: Duplicates) -> None:
        self.ids = sorted(x), sorted(y)
        lines, vectors = [], []
        for side in (x, y):
            by_text = arranged(side[id] for id in sorted(side))
            places = np.array(by_text.places)
            lines.append(own := Lines.of(places, duplicates=duplicates))
            texts = [by_text.distinct[at] for at in places[own.lines]] if duplicates == "keep" else by_text.distinct
            vectors.append(vectors_of(tuple(texts)))
        self.mined = mine(*lines, *vectors, protocol=JIANT.having(duplicates=duplicates))
        self.scores = self.mined.pairs.scores.tolist()
        self.pairs = self.named(self.mined.pairs)

    def named(self, pairs: Pairs) -> list[tuple[str, str]]:
        return [(self.ids[0][a], self.ids[1][b]) for a, b in zip(pairs.sources, pairs.targets, strict=True)]

    def gold(self, pairs: set[tuple[str, str]]) -> Gold:
        places = [tuple(side.index(id) for side, id in zip(self.ids, pair, strict=True)) for pair in pairs]
        return Gold.of(*np.array(places, np.int64).T)


def corpora(seed: int) -> tuple[dict[str, str], dict[str, str]]:
    rng = np.random.default_rng(seed)
    x = {f"s{i}": f"x{rng.integers(0, 40)}" for i in range(50)}
    y = {f"t{i}": f"X{rng.integers(20, 60)}" for i in range(60)}
    return x, y


@pytest.mark.parametrize("duplicates", ["expand", "first", "drop", "keep"])
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_lines_changes_no_pair_and_no_bit_of_a_score(duplicates: Duplicates, seed: int) -> None:
    x, y = corpora(seed)
    rng = np.random.default_rng(seed)
    shuffled = [dict([list(side.items())[i] for i in rng.permutation(len(side))]) for side in (x, y)]
    one, other = Found(x, y, duplicates), Found(*shuffled, duplicates)
    assert one.pairs == other.pairs
    assert one.scores == other.scores


def test_expand_gives_every_pair_of_ids_first_the_lowest_and_drop_none() -> None:
    x = {"s1": "x1", "s3": "x1", "s2": "x2"}
    y = {"t9": "X1", "t8": "X1", "t2": "X2"}
    assert set(Found(x, y, "expand").pairs) == {(a, b) for a in ("s1", "s3") for b in ("t8", "t9")} | {("s2", "t2")}
    assert set(Found(x, y, "first").pairs) == {("s1", "t8"), ("s2", "t2")}
    assert set(Found(x, y, "drop").pairs) == {("s2", "t2")}
    # Each copy is a line of its own, and both copies of a side prefer the same line of the other.
    assert set(Found(x, y, "keep").pairs) == {("s1", "t8"), ("s2", "t2")}


@pytest.mark.parametrize("seed", range(5))
def test_the_best_cut_is_the_best_of_all_and_its_threshold_gives_that_f1(seed: int) -> None:
    x, y = corpora(seed)
    found = Found(x, y, "expand")
    gold = {(a, b) for a in x for b in y if x[a][1:] == y[b][1:] and (int(x[a][1:]) + seed) % 3}
    curve = sweep(found.mined, found.gold(gold))
    assert curve.f1.max() == pytest.approx(slow.best_f1(found.scores, found.pairs, gold))
    for threshold, precision, recall, f1 in zip(curve.thresholds, curve.precision, curve.recall, curve.f1, strict=True):
        kept = set(found.named(found.mined.above(threshold)))
        assert quality(len(kept & gold), len(kept), len(gold)) == pytest.approx(
            {"f1": f1, "precision": precision, "recall": recall}
        )


def diagonal(*scores: float) -> Mined:
    """Pairs (0, 0), (1, 1), ... with these scores."""
    lines = np.arange(len(scores))
    return Mined(Pairs(lines, lines, np.array(scores, np.float64)))


def right(*lines: int) -> Gold:
    return Gold.of(np.array(lines, np.int64), np.array(lines, np.int64))


def kept(found: Mined, threshold: float) -> list[int]:
    return found.above(threshold).sources.tolist()


def test_the_sweep_may_end_with_the_last_item_and_keeps_everything() -> None:
    found = diagonal(3, 2, 1)
    assert sweep(found, right(0, 1, 2)).best == 1.0
    assert kept(found, 1.0) == [0, 1, 2]


def test_the_sweep_may_end_with_the_first_item() -> None:
    found = diagonal(3, 2, 1)
    assert kept(found, sweep(found, right(0)).best) == [0]


def test_where_nothing_is_right_nothing_is_kept() -> None:
    found = diagonal(3, 2, 1)
    assert sweep(found, right(7)).best == math.inf
    assert kept(found, math.inf) == []
    assert sweep(diagonal(), right(7)).best == math.inf


def test_equal_scores_are_never_cut_apart() -> None:
    found = diagonal(2, 2, 1)
    curve = sweep(found, right(0))
    assert curve.precision.tolist() == [0.5, pytest.approx(1 / 3)]
    assert kept(found, curve.best) == [0, 1]


def test_neighbouring_floats_are_parted() -> None:
    upper = 1.0
    found = diagonal(upper, float(np.nextafter(upper, 0)))
    assert kept(found, sweep(found, right(0)).best) == [0]


def test_no_pair_kept_is_an_f1_of_zero_and_no_fault() -> None:
    assert quality(0, 0, 3) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


def test_no_gold_and_vectors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ToolkitError, match="no gold pairs"):
        sweep(diagonal(3, 2, 1), right())
    side = Lines.of(np.zeros(1, np.int64), duplicates="expand")
    with pytest.raises(ToolkitError, match="2 and 1 vectors for 1 and 1 texts"):
        mine(side, side, np.zeros((2, 3)), np.zeros((1, 3)), protocol=JIANT)
    with pytest.raises(ToolkitError, match="Known: expand, first, drop, keep"):
        Lines.of(np.zeros(1, np.int64), duplicates="all")  # type: ignore[arg-type]


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_a_curve_and_a_look_at_gold_do_not_depend_on_the_blocks_that_they_are_made_in(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    pairs = np.unique(rng.integers(0, 9, (40, 2)), axis=0)
    found = Mined(Pairs(*rng.permutation(pairs).T.copy(), -np.sort(-rng.integers(0, 12, len(pairs)).astype(float))))
    wanted = rng.integers(0, 12, (2, 30))
    monkeypatch.setattr(held, "BLOCK", block)
    gold = Gold.of(*wanted)
    by_hand = set(map(tuple, wanted.T.tolist()))
    assert list(gold.pairs()) == sorted(by_hand)
    mined = list(zip(found.pairs.sources.tolist(), found.pairs.targets.tolist(), strict=True))
    assert gold.n_among(found.pairs) == sum(pair in by_hand for pair in mined)
    curve = sweep(found, gold)
    cuts = [i for i in range(len(mined)) if i + 1 == len(mined) or found.pairs.scores[i] != found.pairs.scores[i + 1]]
    assert curve.precision.tolist() == [sum(p in by_hand for p in mined[: i + 1]) / (i + 1) for i in cuts]
    assert curve.best == curve.thresholds[curve.f1.argmax()]


def test_a_picture_of_a_long_curve_has_few_points_and_its_ends() -> None:
    curve = sweep(diagonal(*range(5000, 0, -1)), right(*range(0, 5000, 2)))
    recall, precision = curve.drawn(most=100)
    assert len(recall) == len(precision) == 100
    assert (recall[0], recall[-1], precision[-1]) == (curve.recall[0], 1.0, 0.5)
    assert curve.drawn(most=5000) == (curve.recall.tolist(), curve.precision.tolist())
