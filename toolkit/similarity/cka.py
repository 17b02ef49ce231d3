"""Linear CKA: similarity of two sets of vectors for the same texts, whatever their rotation and scale.

Source: Kornblith, Norouzi, Lee and Hinton 2019, *Similarity of Neural Network Representations Revisited* (ICML); without
bias Song et al. 2012, *Feature Selection via Dependence Maximization* (JMLR).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from toolkit.errors import DataError
from toolkit.similarity.checks import Floats, matrix_of


def linear_cka(a: ArrayLike, b: ArrayLike, *, debiased: bool = False) -> float:
    """Return the centred kernel alignment of two sets of vectors, with linear kernels.

        CKA = |A'B|^2 / (|A'A| |B'B|), Frobenius norms, columns of A and B centred.

    Symmetric; 1 for a set with itself, rotated, shifted or multiplied by a number.

    Args:
        a: float [N, D1]; row i belongs to text i.
        b: float [N, D2]; row i belongs to the same text.
        debiased: use the unbiased estimate of each of the three products. The plain value of unrelated features rises towards
            1 if N is not far above D; this one is about 0 then, and may be negative.

    Returns:
        in [0, 1]; debiased at most 1 up to sampling, and negative by chance.

    Raises:
        DataError: other numbers of rows, fewer than 2 (debiased 4), features that are the same for every text.

    Example:
        >>> import numpy as np
        >>> a = np.random.default_rng(0).normal(size=(50, 3))
        >>> round(linear_cka(a, 2 * a[:, ::-1] + 1), 6)
        1.0
    """
    first, second = matrix_of(a, name="The first features"), matrix_of(b, name="The second features")
    least = 4 if debiased else 2
    if len(first) != len(second) or len(first) < least:
        raise DataError(
            f"CKA was given vectors of {len(first)} and of {len(second)} texts; it compares vectors of the same texts, "
            f"{least} or more."
        )
    centred = [_centred(first), _centred(second)]
    product = _unbiased if debiased else _biased
    own = product(centred[0], centred[0]) * product(centred[1], centred[1])
    if own <= 0:
        raise DataError(
            "CKA was given too few texts for an estimate without bias; take more texts, or the plain estimate."
        )
    found = float(product(*centred) / np.sqrt(own))
    # At most 1 by Cauchy and Schwarz, but for the rounding of sums.
    return found if debiased else min(found, 1.0)


def _centred(matrix: Floats) -> Floats:
    centred = matrix - matrix.mean(axis=0)
    norm = np.linalg.norm(centred)
    if norm <= 1e-12 * np.abs(matrix).max() * np.sqrt(matrix.size):
        raise DataError("CKA was given features that are the same for every text; extract them from other texts.")
    return np.asarray(centred / norm, np.float64)


def _biased(a: Floats, b: Floats) -> float:
    return float(((a.T @ b) ** 2).sum())


def _unbiased(a: Floats, b: Floats) -> float:
    """Return Song's estimate of HSIC times N (N - 3), from features: no [N, N] kernel is formed.

    With K = AA' and L = BB' without their diagonals: tr(KL) + 1'K1 1'L1 / ((N-1)(N-2)) - 2 / (N-2) 1'KL1.
    """
    n = len(a)
    diagonals = [(x**2).sum(axis=1) for x in (a, b)]  # each [N]
    sums = [x @ x.sum(axis=0) - diagonal for x, diagonal in zip((a, b), diagonals, strict=True)]  # K1 and L1, each [N]
    trace = _biased(a, b) - float(diagonals[0] @ diagonals[1])
    return float(trace + sums[0].sum() * sums[1].sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (sums[0] @ sums[1]))
