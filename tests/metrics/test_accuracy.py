import numpy as np
import pytest

from toolkit.metrics import MAIN, accuracy


def test_the_share_of_equal_labels_is_the_accuracy():
    assert accuracy([0, 1, 2, 2, 1], [0, 1, 2, 0, 0]) == {"accuracy": 0.6}


def test_lists_arrays_and_strings_score_alike():
    assert accuracy(np.array([0, 1, 1]), [0, 1, 0]) == accuracy(["a", "b", "b"], ["a", "b", "a"])


@pytest.mark.parametrize(("predictions", "gold"), [([], []), ([1], [1, 2])])
def test_nothing_and_unequal_lengths_are_refused(predictions, gold):
    with pytest.raises(ValueError, match=r"No rows|1 predictions for 2"):
        accuracy(predictions, gold)


def test_every_task_metric_has_a_main_measure():
    assert MAIN == {"accuracy": "accuracy", "squad": "f1", "seqeval": "f1", "f1": "f1"}
