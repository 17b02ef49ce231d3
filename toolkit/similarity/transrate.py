"""TransRate: the part of the features' coding rate that the labels account for.

Source: Huang, Huang, Rong, Yang and Wei 2022, *Frustratingly Easy Transferability Estimation* (ICML).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from toolkit.errors import DataError
from toolkit.similarity.checks import Floats, labelled


def transrate(features: ArrayLike, labels: ArrayLike, *, eps: float = 1e-4) -> float:
    """Return the coding rate of all features less the mean coding rate within the classes.

    With Z the features, centred over all examples and divided by the root of their total variance (so that the mean squared
    length is 1),

        R(Z) = 1/2 log det(I + Z'Z / (N eps)),   TransRate = R(Z) - sum over classes of N_c / N R(Z_c).

    Z_c is not centred again: two classes of equal size and spread that differ in their means alone have the same
    Z_c'Z_c, and a TransRate near 0. That is the paper's definition; it tells classes apart by the directions they fill, and is
    at its weakest with two classes. The paper leaves the scale of Z open, on which eps depends; its code gives every row length
    1, and the code of others none: here one number serves all rows, which keeps what lengths say.

    Args:
        features: float [N, D], N at least D.
        labels: int [N], at least two different ones.
        eps: the distortion that the code may have, above 0.

    Returns:
        nats, not negative; higher means that the classes are further apart for their extent.

    Raises:
        DataError: one label, fewer examples than dimensions, features that are all the same, `eps` not above 0.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.integers(0, 3, 200)
        >>> noise = rng.normal(size=(200, 3))
        >>> telling = noise.copy(); telling[np.arange(200), labels] += 3
        >>> transrate(telling, labels) > transrate(noise, labels)
        True
    """
    matrix, numbers, n_classes = labelled(features, labels, estimator="TransRate")
    if not eps > 0 or not np.isfinite(eps):
        raise DataError(f"TransRate was given eps = {eps!r}; a number above 0 is expected, the paper's is 1e-4.")
    centred = matrix - matrix.mean(axis=0)
    scale = np.sqrt((centred**2).sum() / len(centred))
    if scale <= 1e-12 * np.abs(matrix).max():
        raise DataError(
            "TransRate was given features that are the same in every example; extract them from other texts."
        )
    centred /= scale
    within = sum((numbers == c).mean() * _coding_rate(centred[numbers == c], eps) for c in range(n_classes))
    return float(max(_coding_rate(centred, eps) - within, 0.0))


def _coding_rate(rows: Floats, eps: float) -> float:
    n, d = rows.shape
    # det(I + X'X) = det(I + XX'): the smaller of the two.
    product = rows.T @ rows if d <= n else rows @ rows.T
    return float(0.5 * np.linalg.slogdet(np.eye(len(product)) + product / (n * eps))[1])
