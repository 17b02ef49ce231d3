"""Rankings joined without fitting."""

from __future__ import annotations

import pytest

from toolkit.similarity.ranks import ranks, reciprocal_rank_fusion


def test_the_highest_value_has_the_first_place_and_ties_share_theirs() -> None:
    assert ranks({"a": -3.0, "b": 7.0, "c": -3.0, "d": 0.0}) == {"a": 3.5, "b": 1.0, "c": 3.5, "d": 2.0}


def test_scales_do_not_matter_only_places_do() -> None:
    small, large = {"a": 0.1, "b": 0.2, "c": 0.3}, {"a": -5e6, "b": 0.0, "c": 4e9}
    assert reciprocal_rank_fusion([small]) == reciprocal_rank_fusion([large])
    assert reciprocal_rank_fusion([small, large]) == pytest.approx({"a": 1 / 63, "b": 1 / 62, "c": 1 / 61})


def test_a_predictor_that_says_the_same_of_all_changes_nothing() -> None:
    one, same = {"a": 1.0, "b": 2.0}, {"a": 0.7, "b": 0.7, "c": 0.7}
    assert reciprocal_rank_fusion([one, same]) == reciprocal_rank_fusion([one])
    assert reciprocal_rank_fusion([same]) == {}


def test_a_source_is_not_punished_for_a_predictor_without_a_value_for_it() -> None:
    found = reciprocal_rank_fusion([{"a": 3.0, "b": 2.0, "c": 1.0}, {"b": 2.0, "c": 1.0}])
    assert found["a"] == pytest.approx(1 / 61)
    assert found["b"] == pytest.approx((1 / 62 + 1 / 61) / 2)
    assert found["a"] > found["b"] > found["c"]
