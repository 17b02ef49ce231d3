"""LogME against a direct maximisation of the evidence with dense matrices, and its identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from toolkit.errors import DataError
from toolkit.similarity import logme
from toolkit.similarity.logme import LEAST_NOISE


def evidence(log_alpha, log_beta, features, y):
    """The definition, term by term: no decomposition, no profile."""
    alpha, beta = math.exp(log_alpha), math.exp(log_beta)
    n, d = features.shape
    a = alpha * np.eye(d) + beta * features.T @ features
    m = beta * np.linalg.solve(a, features.T @ y)
    return (
        n / 2 * log_beta
        + d / 2 * log_alpha
        - n / 2 * math.log(2 * math.pi)
        - beta / 2 * np.sum((features @ m - y) ** 2)
        - alpha / 2 * m @ m
        - 0.5 * np.linalg.slogdet(a)[1]
    )


def directly(features, labels):
    """Each class's evidence maximised over both precisions by a simplex from several starts."""
    found = []
    for c in np.unique(labels):
        y = (labels == c).astype(float)
        best = -np.inf
        for start in [(0.0, 0.0), (5.0, 2.0), (-5.0, 2.0), (2.0, 5.0)]:
            end = minimize(
                lambda at, y=y: -evidence(*at, features, y),
                start,
                method="Nelder-Mead",
                options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000},
            )
            best = max(best, -end.fun)
        found.append(best / len(y))
    return float(np.mean(found))


def sample(seed, n, d, n_classes, signal, scale=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    labels[:n_classes] = np.arange(n_classes)
    features = rng.normal(size=(n, d)) * rng.gamma(1.0, 1.0, d) + 0.5
    return scale * (features + signal * rng.normal(size=(n_classes, d))[labels]), labels


@pytest.mark.parametrize(
    ("n", "d", "n_classes", "signal", "scale"),
    [(60, 5, 3, 1.0, 1.0), (40, 12, 2, 0.3, 1.0), (20, 20, 2, 1.0, 1.0), (50, 6, 4, 3.0, 1e-3), (50, 6, 2, 0.0, 1e3)],
)
def test_it_is_the_maximum_of_the_evidence(n, d, n_classes, signal, scale):
    features, labels = sample(n + d, n, d, n_classes, signal, scale)
    assert logme(features, labels) == pytest.approx(directly(features, labels), abs=1e-6)


def test_no_pair_of_precisions_has_more_evidence():
    features, labels = sample(3, 50, 6, 2, 0.5)
    y = (labels == 1).astype(float)
    both = [
        max(evidence(a, b, features, 1 - y) for a in np.arange(-8, 9) for b in np.arange(-8, 9)) for y in (y, 1 - y)
    ]
    assert logme(features, labels) >= np.mean(both) / 50


@pytest.mark.parametrize(("n", "d", "n_classes", "signal"), [(80, 7, 3, 0.8), (300, 100, 2, 0.1)])
def test_it_agrees_with_the_fixed_point_of_the_paper_run_to_its_end(n, d, n_classes, signal):
    features, labels = sample(1, n, d, n_classes, signal)
    u, s, _ = np.linalg.svd(features, full_matrices=False)
    found = []
    for c in range(n_classes):
        y = (labels == c).astype(float)
        z2, rest = (u.T @ y) ** 2, y @ y - np.sum((u.T @ y) ** 2)
        alpha = beta = 1.0
        for _ in range(5000):
            t = alpha / beta
            gamma = np.sum(s**2 / (s**2 + t))
            alpha = gamma / np.sum(s**2 * z2 / (t + s**2) ** 2)
            beta = (n - gamma) / (np.sum(z2 * (t / (t + s**2)) ** 2) + rest)
        found.append(evidence(math.log(alpha), math.log(beta), features, y) / n)
    assert logme(features, labels) == pytest.approx(np.mean(found), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1e4])
def test_the_scale_of_the_features_does_not_matter(scale):
    features, labels = sample(7, 60, 8, 3, 0.7)
    assert logme(scale * features, labels) == pytest.approx(logme(features, labels), abs=1e-9)


def test_neither_rotation_nor_the_order_of_examples_nor_the_names_of_labels_matter():
    features, labels = sample(8, 60, 8, 3, 0.7)
    rng = np.random.default_rng(0)
    rotation, order = np.linalg.qr(rng.normal(size=(8, 8)))[0], rng.permutation(60)
    named = np.array([40, -3, 7])[labels]
    assert logme((features @ rotation)[order], named[order]) == pytest.approx(logme(features, labels), abs=1e-9)


def test_features_that_tell_the_labels_score_higher_the_more_they_tell():
    scores = [logme(*sample(11, 300, 10, 3, signal)) for signal in (0.0, 0.5, 1.0, 3.0)]
    assert scores == sorted(scores)


def test_repeated_columns_are_no_fault_and_a_column_of_zeros_changes_nothing():
    features, labels = sample(9, 60, 5, 2, 1.0)
    twice = np.concatenate([features, features], axis=1)
    # Twice the same column is the same prior with half the variance, so the same maximum.
    assert logme(twice, labels) == pytest.approx(logme(features, labels), abs=1e-9)
    padded = np.concatenate([features, np.zeros((60, 3))], axis=1)
    assert logme(padded, labels) == pytest.approx(logme(features, labels), abs=1e-9)


def test_features_of_zeros_are_worth_what_a_constant_variance_is_worth():
    labels = np.array([0, 1] * 10)
    # alpha does not enter; beta is one over the mean square of y, 1/2.
    expected = 0.5 * math.log(2.0 / (2 * math.pi)) - 0.5
    assert logme(np.zeros((20, 3)), labels) == pytest.approx(expected, abs=1e-12)


def test_labels_that_are_a_linear_function_of_the_features_stay_finite():
    labels = np.array([0, 1, 2] * 20)
    exact = np.eye(3)[labels]
    most = 0.5 * math.log(1 / (2 * math.pi * LEAST_NOISE))
    assert 0 < logme(exact, labels) < most
    assert logme(exact, labels) > logme(exact + 0.1 * np.random.default_rng(0).normal(size=exact.shape), labels)


def test_a_label_with_one_example_is_a_class_as_any_other():
    features, labels = sample(10, 40, 4, 2, 1.0)
    labels[0] = 2
    assert logme(features, labels) == pytest.approx(directly(features, labels), abs=1e-6)


def test_half_precision_features_are_computed_in_double():
    features, labels = sample(12, 60, 5, 2, 1.0)
    half = features.astype(np.float16)
    assert logme(half, labels) == logme(half.astype(np.float64), labels)


@pytest.mark.parametrize(
    ("features", "labels", "sentence"),
    [
        (np.eye(4), np.zeros(4, int), "4 examples which all have the label 0.*needs two at least"),
        (np.ones((3, 5)), np.array([0, 1, 0]), "3 examples of 5 dimensions.*take 5 examples or more"),
        (np.array([[1.0], [np.nan]]), np.array([0, 1]), "not finite in row 1"),
        (np.eye(2), np.array([0, 1, 1]), r"shape \[3\] for features of shape \[2, 2\]"),
        (np.eye(2), np.array([0.0, 1.0]), "labels of type float64; integers"),
        (np.ones(3), np.array([0, 1, 1]), r"shape \[3\]; \[N, D\] is expected"),
        (np.array([["a"], ["b"]]), np.array([0, 1]), "real numbers are expected"),
    ],
)
def test_bad_input_is_one_sentence(features, labels, sentence):
    with pytest.raises(DataError, match=sentence):
        logme(features, labels)
