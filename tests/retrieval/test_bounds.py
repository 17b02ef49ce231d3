"""Bounds of what retrieval measures: precision, recall and F1 of mined pairs, the recall of a search, and margins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies

from tests.bounds import hundred, seeds, ten
from toolkit.metrics.mining import quality
from toolkit.retrieval.gold import Gold, sweep
from toolkit.retrieval.margin import Pairs, candidates, margin_scores
from toolkit.retrieval.mine import Mined
from toolkit.retrieval.search import search

pairs = strategies.sets(strategies.tuples(strategies.integers(0, 3), strategies.integers(0, 3)), max_size=9)


def columns(pairs):
    return np.array(sorted(pairs), np.int64).reshape(-1, 2).T


@given(pairs, pairs)
@hundred
def test_quality_is_within_its_bounds_and_one_for_the_gold_pairs(kept, gold):
    assert all(0 <= value <= 1 for value in quality(len(kept & gold), len(kept), len(gold)).values())
    assert set(quality(len(gold), len(gold), len(gold)).values()) == ({1.0} if gold else {0.0})


@given(pairs, pairs.filter(bool), seeds)
@hundred
def test_a_curve_is_within_its_bounds_and_reaches_one_for_the_gold_pairs(kept, gold, seed):
    scores = -np.sort(-np.random.default_rng(seed).integers(0, 4, len(kept)).astype(float))
    right = Gold.of(*columns(gold))
    curve = sweep(Mined(Pairs(*columns(kept), scores)), right)
    for values in (curve.precision, curve.recall, curve.f1):
        assert ((values >= 0) & (values <= 1)).all()
    perfect = sweep(Mined(Pairs(*columns(gold), np.arange(len(gold), 0, -1.0))), right)
    assert perfect.f1.max() == perfect.recall.max() == 1.0 and (perfect.precision == 1.0).all()


@given(seeds)
@ten
def test_cosines_and_margins_of_unit_vectors_are_within_their_bounds(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(int(rng.integers(2, 20)), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = search(vectors, vectors, 2)
    assert found.recall == 1.0
    near = found.backward
    assert near is not None
    # Unit vectors in float32 have the length 1 up to two roundings a number.
    assert np.abs(found.forward.scores).max() <= 1 + 1e-6
    assert found.forward.scores[:, 0] == pytest.approx(1, abs=1e-6)
    kept = candidates(found.forward, near, margin="distance", direction="max")
    assert np.abs(kept.scores).max() <= 2 + 1e-5
    assert len(set(kept.sources)) == len(kept) == len(set(kept.targets))


@given(strategies.floats(-1, 1), strategies.floats(-1, 1), strategies.floats(-1, 1))
@hundred
def test_margins_but_the_ratio_are_bounded(cosine, source_mean, target_mean):
    at = np.array([cosine]), np.array([source_mean]), np.array([target_mean])
    assert margin_scores(*at, "absolute") == cosine
    assert abs(margin_scores(*at, "distance")[0]) <= 2
