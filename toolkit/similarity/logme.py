"""LogME: the evidence of a Bayesian linear model that predicts labels from features, its two variances chosen for the task.

Source: You, Liu, Wang and Long 2021, *LogME: Practical Assessment of Pre-trained Models for Transfer Learning* (ICML).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from toolkit.similarity.checks import Floats, labelled

LEAST_NOISE = 1e-6
"""Least noise variance of a 0/1 label. Labels that are an exact linear function of the features have evidence without bound;
with this they come to about 6 nats an example, above anything that real features reach."""
_STEP = 0.1  # decades between the points where the evidence is looked at first
_CHUNK = 512  # points at once


def logme(features: ArrayLike, labels: ArrayLike) -> float:
    r"""Return the log of the maximum evidence, per example, averaged over the classes.

    For each class the labels are y in {0, 1}^N, and y = F w + noise with w ~ N(0, I / alpha) and noise ~ N(0, I / beta).
    The evidence p(y | F, alpha, beta), w integrated out, is

        log p = N/2 log beta + D/2 log alpha - N/2 log 2 pi - beta/2 |F m - y|^2 - alpha/2 |m|^2 - 1/2 log |A|,
        A = alpha I + beta F'F,  m = beta A^-1 F'y,

    and is maximised over alpha > 0 and 0 < beta <= 1 / `LEAST_NOISE`. Features are taken as they are: not centred, no
    intercept; the value does not change when they are rotated or multiplied by one number.

    At a given ratio r = alpha / beta the best beta is known in closed form, so that what is left is a search in one
    dimension: a grid over all ratios that can matter, then a bracketed search around its best point. The paper's iteration has the
    same fixed points, and its code stops after 11 steps: for weak signals short of the maximum, by 0.25 nats an example on 300
    examples of 100 dimensions in tests/similarity/test_logme.py. One QR and one SVD serve all classes and all ratios.

    Args:
        features: float [N, D], N at least D; one row an example.
        labels: int [N], at least two different ones; which integers they are does not matter.

    Returns:
        nats per example; higher means the features explain the labels better. Comparable between sources on the same
        target (same N, same labels), not between targets.

    Raises:
        DataError: one label, fewer examples than dimensions, numbers that are not finite, shapes that do not fit.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.integers(0, 2, 200)
        >>> noise = rng.normal(size=(200, 4))
        >>> telling = noise.copy(); telling[:, 0] += 3 * labels
        >>> logme(telling, labels) > logme(noise, labels)
        True
    """
    matrix, numbers, n_classes = labelled(features, labels, estimator="LogME")
    n, d = matrix.shape
    targets = np.zeros((n, n_classes))
    targets[np.arange(n), numbers] = 1.0
    # R of [F Y] holds R of F and next to it Q'Y: Q itself, [N, D], is never formed.
    triangle = np.asarray(np.linalg.qr(np.concatenate([matrix, targets], axis=1), mode="r"))
    left, singular, _ = np.linalg.svd(triangle[:d, :d])
    projected = (
        left.T @ triangle[:d, d:]
    ) ** 2  # [D, C]: squared coordinates of each y along the left singular vectors
    outside = (triangle[d:, d:] ** 2).sum(axis=0)  # [C]: what no w explains
    # Below this a singular value is rounding, and the direction is none.
    singular = np.where(singular > singular[0] * n * np.finfo(np.float64).eps, singular, 0.0)
    if not singular.any():
        projected, outside = np.zeros_like(projected), outside + projected.sum(axis=0)
    return float(np.mean([_most_evidence(singular**2, projected[:, c], outside[c], n) for c in range(n_classes)]) / n)


def _most_evidence(squares: Floats, projected: Floats, outside: float, n: int) -> float:
    """Return the evidence of one class at its best alpha and beta: squares [D], projected [D]."""
    from scipy.optimize import minimize_scalar

    kept = squares[squares > 0]
    # Beyond these ratios nothing changes: all of every direction is shrunk away, or none of any.
    low, high = (np.log10(kept.min()) - 14, np.log10(kept.max()) + 16) if len(kept) else (0.0, 0.0)
    grid = np.arange(low, high + _STEP, _STEP)
    found = np.concatenate(
        [_evidence(grid[i : i + _CHUNK], squares, projected, outside, n) for i in range(0, len(grid), _CHUNK)]
    )
    best = int(found.argmax())
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    if around[0] == around[1]:
        return float(found[best])
    finer = minimize_scalar(
        lambda at: -_evidence(np.array([at]), squares, projected, outside, n)[0],
        bounds=around,
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(max(found[best], -finer.fun))


def _evidence(decades: Floats, squares: Floats, projected: Floats, outside: float, n: int) -> Floats:
    """Return the evidence [P] at ratios 10^decades [P] of alpha to beta, each with its best beta."""
    ratio = 10.0 ** decades[:, None]  # [P, 1]
    left_over = ratio / (ratio + squares)  # [P, D]: the share of a direction that shrinking leaves unexplained
    # |Fm - y|^2 + ratio |m|^2
    error = left_over @ projected + outside  # [P]
    beta = np.minimum(n / np.maximum(error, n * LEAST_NOISE), 1 / LEAST_NOISE)
    half_log_det = 0.5 * np.log(left_over).sum(axis=1)  # [P]: 1/2 log (alpha^D / |A|), beta cancelling
    return np.asarray(0.5 * n * np.log(beta / (2 * np.pi)) + half_log_det - 0.5 * beta * error, np.float64)
