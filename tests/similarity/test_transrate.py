"""TransRate against its log-determinants, and its identities."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.similarity import transrate


def directly(features, labels, eps):
    """By the eigenvalues of dense [D, D] second moments, N_c / N weighted."""
    z = features - features.mean(0)
    z = z / np.sqrt(np.mean(np.sum(z**2, axis=1)))

    def rate(rows):
        values = np.linalg.eigvalsh(rows.T @ rows / len(rows))
        return 0.5 * np.sum(np.log1p(np.maximum(values, 0) / eps))

    return rate(z) - sum(np.mean(labels == c) * rate(z[labels == c]) for c in np.unique(labels))


def sample(seed, n=90, d=8, n_classes=3, signal=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    return rng.normal(size=(n, d)) + signal * 3 * np.eye(d)[labels], labels


@pytest.mark.parametrize("eps", [1e-6, 1e-4, 1e-1])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_the_difference_of_coding_rates(seed, eps):
    features, labels = sample(seed)
    assert transrate(features, labels, eps=eps) == pytest.approx(directly(features, labels, eps), abs=1e-9)


def test_a_class_smaller_than_the_dimensions_is_no_fault():
    features, labels = sample(2)
    labels[labels == 2] = 1
    labels[:3] = 2
    assert transrate(features, labels) == pytest.approx(directly(features, labels, 1e-4), abs=1e-9)


def test_neither_scale_nor_shift_nor_rotation_nor_names_matter():
    features, labels = sample(3)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    moved = 1e3 * features @ rotation + 5
    assert transrate(moved, np.array([9, -1, 4])[labels]) == pytest.approx(transrate(features, labels), abs=1e-8)


def test_classes_in_directions_of_their_own_score_higher_the_further_they_lie_apart():
    scores = [transrate(*sample(4, n=600, signal=signal)) for signal in (0.0, 0.5, 1.0, 2.0)]
    assert scores == sorted(scores) and scores[0] < 0.1 < scores[-1]


def test_two_classes_that_are_each_others_mirror_image_score_nothing():
    half = np.random.default_rng(5).normal(size=(50, 4)) + 2
    features, labels = np.concatenate([half, -half]), np.repeat([0, 1], 50)
    assert transrate(features, labels) == pytest.approx(0, abs=1e-12)


def test_it_is_never_negative():
    rng = np.random.default_rng(6)
    for _ in range(20):
        assert transrate(rng.normal(size=(30, 5)), rng.integers(0, 2, 30)) >= 0


@pytest.mark.parametrize(
    ("features", "labels", "eps", "sentence"),
    [
        (np.eye(4), np.zeros(4, int), 1e-4, "TransRate was given 4 examples which all have the label 0"),
        (np.ones((3, 5)), np.array([0, 1, 0]), 1e-4, "TransRate was given 3 examples of 5 dimensions"),
        (np.full((4, 2), 0.1), np.array([0, 1, 0, 1]), 1e-4, "the same in every example"),
        (np.zeros((4, 2)), np.array([0, 1, 0, 1]), 1e-4, "the same in every example"),
        (np.eye(2), np.array([0, 1]), 0.0, "eps = 0.0; a number above 0"),
        (np.eye(2), np.array([0, 1]), float("nan"), "eps = nan"),
    ],
)
def test_bad_input_is_one_sentence(features, labels, eps, sentence):
    with pytest.raises(DataError, match=sentence):
        transrate(features, labels, eps=eps)
