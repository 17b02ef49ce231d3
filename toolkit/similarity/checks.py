"""Checks of the input of every estimator; each fault is one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.errors import DataError

Floats = NDArray[np.float64]


def matrix_of(features: ArrayLike, *, name: str = "The features") -> Floats:
    """Return features as float64 [N, D].

    Raises:
        DataError: not a matrix, an empty one, or a number that is not finite.
    """
    found = np.asarray(features)
    if found.ndim != 2 or not found.size:
        raise DataError(
            f"{name} have shape {list(found.shape)}; [N, D] is expected, one row an example, with both at least 1."
        )
    values = _numbers(found, name)
    if not (is_finite := np.isfinite(values)).all():
        row = int(np.flatnonzero(~is_finite.all(axis=1))[0])
        raise DataError(
            f"{name} hold a number that is not finite in row {row}; take the row out, or extract the features again."
        )
    return values


def vector_of(vector: ArrayLike, *, name: str = "The vector") -> Floats:
    """Return a vector as float64 [D].

    Raises:
        DataError: not a vector, an empty one, or a number that is not finite.
    """
    found = np.asarray(vector)
    if found.ndim != 1 or not found.size:
        raise DataError(f"{name} has shape {list(found.shape)}; [D] is expected, with D at least 1.")
    values = _numbers(found, name)
    if not np.isfinite(values).all():
        raise DataError(f"{name} holds a number that is not finite; extract it again.")
    return values


def labelled(features: ArrayLike, labels: ArrayLike, *, estimator: str) -> tuple[Floats, NDArray[np.int64], int]:
    """Return features float64 [N, D], labels int64 [N] renumbered 0..C-1 without holes, and C.

    Raises:
        DataError: the shapes do not fit, labels are not integers, there is one label only, or fewer examples than
            dimensions.
    """
    matrix = matrix_of(features)
    found = np.asarray(labels)
    if found.ndim != 1 or len(found) != len(matrix):
        raise DataError(
            f"{estimator} was given labels of shape {list(found.shape)} for features of shape {list(matrix.shape)}; one "
            "label for each row of the features is expected."
        )
    if not np.issubdtype(found.dtype, np.integer):
        raise DataError(
            f"{estimator} was given labels of type {found.dtype}; integers, one for each class, are expected."
        )
    names, numbers = np.unique(found, return_inverse=True)
    if len(names) < 2:
        raise DataError(
            f"{estimator} was given {len(found)} examples which all have the label {int(names[0])}; it tells labels apart "
            "and needs two at least: take more examples, or a predictor that reads no labels."
        )
    n, d = matrix.shape
    if n < d:
        raise DataError(
            f"{estimator} was given {n} examples of {d} dimensions; with fewer examples than dimensions every labelling "
            f"fits and the estimate says nothing: take {d} examples or more."
        )
    return matrix, numbers.astype(np.int64), len(names)


def _numbers(found: NDArray[Any], name: str) -> Floats:
    if not (np.issubdtype(found.dtype, np.number) or found.dtype == np.bool_) or np.iscomplexobj(found):
        raise DataError(f"{name} are of type {found.dtype}; real numbers are expected.")
    return found.astype(np.float64)
