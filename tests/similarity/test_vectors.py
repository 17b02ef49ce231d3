"""Angles between tasks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.similarity import cosine, fisher_similarity, mean_vector


def test_a_cosine_agrees_with_a_plain_sum():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=7), rng.normal(size=7)
    dot, lengths = sum(x * y for x, y in zip(a, b, strict=True)), [math.sqrt(sum(x * x for x in v)) for v in (a, b)]
    assert cosine(a, b) == pytest.approx(dot / lengths[0] / lengths[1], abs=1e-15)
    assert cosine(a, b) == cosine(b, a)


def test_a_vector_and_its_multiples_lie_in_one_direction():
    a = np.random.default_rng(1).normal(size=50)
    assert cosine(a, 3 * a) == pytest.approx(1, abs=1e-15) and cosine(a, a) <= 1
    assert cosine(a, -a) == pytest.approx(-1, abs=1e-15)


def test_numbers_whose_squares_underflow_keep_their_angle():
    assert cosine([3e-200, 4e-200], [1.0, 0.0]) == pytest.approx(0.6, abs=1e-15)


def test_the_mean_vector_is_the_mean_of_the_rows():
    rows = np.random.default_rng(2).normal(size=(5, 3))
    assert mean_vector(rows) == pytest.approx([sum(column) / 5 for column in rows.T])


def test_every_module_counts_the_same_whatever_its_scale():
    a = {"up": np.array([1.0, 0.0]), "down": np.array([[1e-9, 0.0], [0.0, 0.0]])}
    b = {"up": np.array([0.0, 5.0]), "down": np.array([[3e-9, 4e-9], [0.0, 0.0]])}
    assert fisher_similarity(a, b) == pytest.approx((0 + 0.6) / 2, abs=1e-15)
    assert fisher_similarity(a, b) == fisher_similarity(b, dict(reversed(a.items())))
    assert fisher_similarity(a, a) == pytest.approx(1, abs=1e-15)


def test_a_module_without_information_is_left_out_in_both_and_counts_nothing_in_one():
    a, b = {"x": [1.0], "y": [0.0], "z": [0.0]}, {"x": [1.0], "y": [0.0], "z": [2.0]}
    assert fisher_similarity(a, b) == 0.5


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: cosine([1.0], [1.0, 2.0]), "vectors of 1 and 2 numbers"),
        (lambda: cosine([0.0, 0.0], [1.0, 2.0]), "a vector of zeros"),
        (lambda: cosine([np.nan], [1.0]), "The first vector holds a number that is not finite"),
        (lambda: cosine([[1.0]], [1.0]), r"shape \[1, 1\]; \[D\] is expected"),
        (lambda: mean_vector(np.empty((0, 3))), r"shape \[0, 3\]"),
        (lambda: fisher_similarity({"a": [1.0]}, {"b": [1.0]}), "1 and 1 modules, not both 'a'"),
        (lambda: fisher_similarity({}, {}), "0 and 0 modules"),
        (lambda: fisher_similarity({"a": [1.0]}, {"a": [1.0, 2.0]}), "of a hold 1 and 2 numbers"),
        (lambda: fisher_similarity({"a": [-1.0]}, {"a": [1.0]}), "holds a negative number"),
        (lambda: fisher_similarity({"a": [0.0]}, {"a": [0.0]}), "zero throughout"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(DataError, match=sentence):
        call()
