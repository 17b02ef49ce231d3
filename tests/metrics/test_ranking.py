import numpy as np
import pytest

from toolkit.metrics import retrieval_accuracy, weighted_f1


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


@pytest.mark.parametrize("seed", range(5))
def test_weighted_f1_is_that_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    predicted, gold = rng.integers(0, 9, 40), rng.integers(0, 12, 40)
    assert weighted_f1(predicted, gold)["weighted_f1"] == pytest.approx(
        metrics.f1_score(gold, predicted, average="weighted", zero_division=0)
    )
    assert weighted_f1(np.full(40, -1), gold)["weighted_f1"] == 0.0
