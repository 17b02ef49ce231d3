"""The matrix of tasks and its tree."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.similarity import Matrix, matrix_of_pairs

NEAR = np.array([[1.0, 0.2, 0.9, 0.1], [0.2, 1.0, 0.3, 0.8], [0.9, 0.3, 1.0, 0.15], [0.1, 0.8, 0.15, 1.0]])


def plain_heights(values):
    """Average linkage by a plain loop: merge the two clusters whose members are nearest in the mean."""
    clusters, heights = [[i] for i in range(len(values))], []
    while len(clusters) > 1:
        pairs = [(i, j) for i in range(len(clusters)) for j in range(i)]
        gaps = [np.mean([values.max() - values[a, b] for a in clusters[i] for b in clusters[j]]) for i, j in pairs]
        i, j = pairs[int(np.argmin(gaps))]
        heights.append(min(gaps))
        clusters[j] += clusters.pop(i)
    return heights


def test_the_tree_joins_by_mean_distance_and_stands_alike_tasks_beside_each_other():
    matrix = Matrix(("nli", "pos", "qa", "ccg"), NEAR, True, "text")
    assert matrix.linkage()[:, 2] == pytest.approx(plain_heights(NEAR))
    order = matrix.order()
    assert abs(order.index("nli") - order.index("qa")) == 1 and abs(order.index("pos") - order.index("ccg")) == 1


def test_the_tree_does_not_depend_on_the_order_in_which_tasks_are_named():
    matrix = Matrix(("nli", "pos", "qa", "ccg"), NEAR, True, "text")
    turned = matrix.only(["ccg", "qa", "nli", "pos"])
    assert turned.value("nli", "pos") == 0.2
    assert turned.linkage()[:, 2] == pytest.approx(matrix.linkage()[:, 2])


def test_a_symmetric_function_is_asked_once_for_each_pair():
    asked = []

    def value(a, b):
        asked.append((a, b))
        return 1.0 if a == b else 0.5

    found = matrix_of_pairs(["x", "y", "z"], value, is_symmetric=True, predictor="text")
    assert len(asked) == 6 and (found.values == found.values.T).all()
    asked.clear()
    matrix_of_pairs(["x", "y", "z"], value, is_symmetric=False, predictor="logme")
    assert len(asked) == 9


def test_a_task_without_values_is_named_and_taken_out():
    found = matrix_of_pairs("abc", lambda a, b: None if "c" in (a, b) else 1.0, is_symmetric=True, predictor="fisher")
    assert found.absent == ("c",) and np.isnan(found.value("a", "c"))
    assert found.only(["a", "b"]).absent == ()
    with pytest.raises(DataError, match="no value for a and c"):
        found.order()


def test_one_task_has_an_order_and_no_tree():
    alone = Matrix(("a",), np.ones((1, 1)), True, "text")
    assert alone.order() == ("a",) and alone.absent == ()
    with pytest.raises(DataError, match="one task; a tree needs two"):
        alone.linkage()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Matrix(("a", "b"), np.eye(3), True, "text"), r"text matrix has shape \[3, 3\] for 2 tasks"),
        (lambda: Matrix(("a", "a"), np.eye(2), True, "text"), "each once"),
        (lambda: Matrix(("a", "b"), np.array([[1, 0.1], [0.2, 1]]), True, "text"), "differs from its transpose"),
        (lambda: Matrix(("a", "b"), np.array([[1, np.inf], [0.2, 1]]), False, "logme"), "infinite"),
        (lambda: Matrix(("a", "b"), np.array([[1, 0.1], [0.2, 1]]), False, "logme").order(), "is not symmetric"),
        (lambda: Matrix(("a", "b"), np.eye(2), True, "text").only(["c"]), "holds no 'c'; it holds a, b"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(DataError, match=sentence):
        call()
