from __future__ import annotations

import numpy as np
import pytest

from toolkit.features.ragged import Ragged

ROWS = [[5, 6, 7], [], [8], [9, 10]]


def test_each_row_comes_back_as_it_was_put_in():
    held = Ragged.of(ROWS)
    assert [held[i].tolist() for i in range(len(held))] == ROWS


def test_lengths_are_those_of_the_rows():
    assert Ragged.of(ROWS).lengths.tolist() == [3, 0, 1, 2]


def test_padding_fills_the_shorter_rows_on_the_right():
    padded = Ragged.of(ROWS).padded([3, 0, 1], fill=-7)
    assert padded.tolist() == [[9, 10, -7], [5, 6, 7], [-7, -7, -7]]
    assert padded.dtype == np.int64


def test_rows_may_be_asked_for_in_any_order_and_twice():
    assert Ragged.of(ROWS).padded(np.array([2, 2, 0]), fill=0).tolist() == [[8, 0, 0], [8, 0, 0], [5, 6, 7]]


def test_rows_of_pairs_keep_their_width():
    held = Ragged.of([[(0, 1), (1, 4)], [], [(2, 3)]], width=2)
    assert held[0].tolist() == [[0, 1], [1, 4]]
    assert held[1].shape == (0, 2)
    assert held[2].tolist() == [[2, 3]]


def test_no_rows_are_a_ragged_array_of_length_zero():
    held = Ragged.of([])
    assert len(held) == 0
    assert held.lengths.tolist() == []
    assert held.padded([], fill=0).shape == (0, 0)


def test_the_values_keep_the_dtype_asked_for():
    assert Ragged.of([[-100]], np.int64).values.dtype == np.int64
    assert Ragged.of([[1]]).values.dtype == np.int32


def test_a_row_beyond_the_last_is_refused():
    with pytest.raises(IndexError):
        Ragged.of(ROWS)[4]
