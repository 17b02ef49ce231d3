import numpy as np
import pytest

from toolkit.metrics import MAIN, accuracy, accuracy_f1
from toolkit.tasks.kinds import METRICS


def test_the_share_of_equal_labels_is_the_accuracy():
    assert accuracy([0, 1, 2, 2, 1], [0, 1, 2, 0, 0]) == {"accuracy": 0.6}


def test_lists_arrays_and_strings_score_alike():
    assert accuracy(np.array([0, 1, 1]), [0, 1, 0]) == accuracy(["a", "b", "b"], ["a", "b", "a"])


@pytest.mark.parametrize(("predictions", "gold"), [([], []), ([1], [1, 2])])
def test_nothing_and_unequal_lengths_are_refused(predictions, gold):
    with pytest.raises(ValueError, match=r"No rows|1 predictions for 2"):
        accuracy(predictions, gold)


def test_every_task_metric_has_a_main_measure():
    assert set(MAIN) == {metric for metrics in METRICS.values() for metric in metrics}


def test_qqp_counts_the_f1_of_duplicates_only() -> None:
    # 2 of 3 predicted duplicates are right and 2 of 4 are found: precision 2/3, recall 1/2.
    found = accuracy_f1([1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 1, 1, 0, 0])
    assert found == {"accuracy": 4 / 7, "f1": pytest.approx(4 / 7)}
    assert accuracy_f1([0, 0], [0, 0]) == {"accuracy": 1.0, "f1": 0.0}
    assert accuracy_f1([1, 0, 1, 1], [1, 0, 0, 0])["f1"] == pytest.approx(2 * (1 / 3) / (4 / 3))
