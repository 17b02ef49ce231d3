"""Linear CKA against its Gram form, and its identities."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.errors import DataError
from toolkit.similarity import linear_cka


def by_gram(a, b):
    """Kornblith et al., equation 4: HSIC of centred Gram matrices."""
    h = np.eye(len(a)) - 1 / len(a)

    def hsic(k, l):
        return np.trace(k @ h @ l @ h)

    k, l = a @ a.T, b @ b.T
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def by_gram_unbiased(a, b):
    """Song et al., equation 5, from [N, N] kernels without their diagonals."""
    n, ones = len(a), np.ones(len(a))

    def hsic(k, l):
        k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
        return (
            np.trace(k @ l)
            + (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
            - 2 / (n - 2) * ones @ k @ l @ ones
        )

    k, l = a @ a.T, b @ b.T
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def pair(seed, n=40, d1=6, d2=9, in_common=1.0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, d1)) + 3
    return a, in_common * a @ rng.normal(size=(d1, d2)) + rng.normal(size=(n, d2)) - 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("in_common", [0.0, 0.5])
def test_it_is_the_alignment_of_centred_gram_matrices(seed, in_common):
    a, b = pair(seed, in_common=in_common)
    assert linear_cka(a, b) == pytest.approx(by_gram(a, b), abs=1e-10)
    assert linear_cka(a, b, debiased=True) == pytest.approx(by_gram_unbiased(a, b), abs=1e-9)


@pytest.mark.parametrize("debiased", [False, True])
def test_it_is_symmetric_and_one_with_itself_rotated_scaled_and_shifted(debiased):
    a, b = pair(4)
    assert linear_cka(a, b, debiased=debiased) == pytest.approx(linear_cka(b, a, debiased=debiased), abs=1e-12)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    assert linear_cka(a, 7e4 * a @ rotation - 2, debiased=debiased) == pytest.approx(1, abs=1e-9)


def test_without_bias_unrelated_features_are_near_zero_where_the_plain_value_is_not():
    rng = np.random.default_rng(2)
    plain, unbiased = [], []
    for _ in range(30):
        a, b = rng.normal(size=(20, 40)), rng.normal(size=(20, 40))
        plain.append(linear_cka(a, b))
        unbiased.append(linear_cka(a, b, debiased=True))
    assert np.mean(plain) > 0.5 and abs(np.mean(unbiased)) < 0.05 and min(unbiased) < 0


def test_more_shared_means_higher():
    values = [linear_cka(*pair(3, n=400, in_common=shared)) for shared in (0.0, 0.1, 0.3, 1.0)]
    assert values == sorted(values) and values[0] < 0.1 and values[-1] > 0.5


@pytest.mark.parametrize(
    ("a", "b", "debiased", "sentence"),
    [
        (np.eye(3), np.eye(4), False, "vectors of 3 and of 4 texts"),
        (np.ones((1, 2)), np.ones((1, 2)), False, "of 1 and of 1 texts.*2 or more"),
        (np.eye(3), np.eye(3), True, "of 3 and of 3 texts.*4 or more"),
        (np.full((4, 2), 0.3), np.eye(4), False, "the same for every text"),
        (
            np.array([[np.inf, 0.0], [0.0, 1.0]]),
            np.eye(2),
            False,
            "The first features hold a number that is not finite in row 0",
        ),
        (np.eye(2), np.ones(2), False, "The second features have shape"),
    ],
)
def test_bad_input_is_one_sentence(a, b, debiased, sentence):
    with pytest.raises(DataError, match=sentence):
        linear_cka(a, b, debiased=debiased)
