import numpy as np
import pytest

from toolkit.metrics import retrieval_accuracy


def test_the_share_of_right_rows_is_the_accuracy():
    assert retrieval_accuracy(np.array([0, 1, 5, 3]), np.arange(4)) == {"accuracy": 0.75}


def test_nothing_found_is_a_miss_and_not_the_last_row():
    assert retrieval_accuracy([-1, 1], [1, 1]) == {"accuracy": 0.5}


@pytest.mark.parametrize(
    ("predicted", "gold", "sentence"),
    [
        ([], [], "No rows"),
        ([1], [1, 2], "1 predictions for 2"),
        ([[1]], [1], r"shape \[1, 1\]"),
        ([1.0], [1], "float64"),
        ([1], [-1], "-1 is negative"),
    ],
)
def test_rows_that_do_not_fit_are_refused(predicted, gold, sentence):
    with pytest.raises(ValueError, match=sentence):
        retrieval_accuracy(predicted, gold)
