"""Goldens worked out by hand along the official evaluate-v2.0.py."""

from __future__ import annotations

import pytest

from toolkit.metrics import squad2

PREDICTED = {"a": "the Denver Broncos", "b": "2015", "c": "Paris", "d": "Rome", "e": "blue"}
GOLD = {"a": ["Denver Broncos", "Broncos"], "b": ["in 2015"], "c": [], "d": [], "e": ["blue"]}
NO_ANSWER = {"a": -3.0, "b": -1.0, "c": 2.0, "d": -2.0, "e": 1.0}


def test_answers_above_the_threshold_are_replaced_by_no_answer() -> None:
    found = squad2(PREDICTED, GOLD, NO_ANSWER).measures
    # a right, b half right, c rightly unanswered, d wrongly answered, e wrongly unanswered
    assert found["em"] == pytest.approx(2 / 5)
    assert found["f1"] == pytest.approx((1 + 2 / 3 + 1) / 5)
    assert found["has_answer_em"] == pytest.approx(1 / 3)
    assert found["has_answer_f1"] == pytest.approx((1 + 2 / 3) / 3)
    assert found["no_answer_accuracy"] == 0.5


def test_a_value_at_the_threshold_keeps_its_answer() -> None:
    assert squad2(PREDICTED, GOLD, NO_ANSWER, threshold=1.0).measures["has_answer_em"] == pytest.approx(2 / 3)


def test_the_best_threshold_is_found_for_each_measure() -> None:
    # Best first: all unanswered 2; + a 3; - d 2; + b 2 (em) or 2.67 (f1); + e 3 or 3.67; - c.
    found = squad2(PREDICTED, GOLD, NO_ANSWER)
    assert (found.measures["best_em"], found.best_thresholds["em"]) == (pytest.approx(3 / 5), -3.0)
    assert (found.measures["best_f1"], found.best_thresholds["f1"]) == (pytest.approx((3 + 2 / 3) / 5), 1.0)


def test_the_best_cut_may_be_the_last_question() -> None:
    found = squad2({"a": "x", "b": "y"}, {"a": ["x"], "b": ["y"]}, {"a": 1.0, "b": 5.0})
    assert found.measures["em"] == 0
    assert (found.measures["best_em"], found.best_thresholds["em"]) == (1.0, 5.0)


def test_where_nothing_is_better_than_no_answer_the_best_threshold_is_zero() -> None:
    found = squad2({"a": "x"}, {"a": []}, {"a": -1.0})
    assert (found.measures["best_em"], found.best_thresholds["em"]) == (1.0, 0.0)


def test_an_empty_prediction_is_right_for_a_question_without_answer_whatever_its_score() -> None:
    assert squad2({"a": ""}, {"a": []}, {"a": -9.0}).measures["f1"] == 1.0


def test_texts_that_normalise_to_nothing_agree_and_answers_that_do_are_dropped() -> None:
    # v1.1 gives F1 0 here; v2.0 gives 1.
    assert squad2({"a": "the"}, {"a": ["a"]}, {"a": -1.0}).measures["f1"] == 1.0
    assert squad2({"a": "the"}, {"a": ["a", "cat"]}, {"a": -1.0}).measures["em"] == 0.0


def test_only_the_measures_that_the_questions_allow_are_given() -> None:
    assert "no_answer_accuracy" not in squad2({"a": "x"}, {"a": ["x"]}, {"a": 0.0}).measures
    assert "has_answer_em" not in squad2({"a": "x"}, {"a": []}, {"a": 0.0}).measures


@pytest.mark.parametrize(
    ("predicted", "gold", "no_answer"), [({}, {}, {}), ({}, {"a": []}, {"a": 0.0}), ({"a": ""}, {"a": []}, {})]
)
def test_questions_that_lack_something_are_refused(predicted: dict, gold: dict, no_answer: dict) -> None:
    with pytest.raises(ValueError, match=r"undefined|lacks its prediction"):
        squad2(predicted, gold, no_answer)
