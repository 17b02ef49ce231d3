"""Tasks as vectors, compared by their angle.

Source: Vu et al. 2020, *Exploring and Predicting Transferability across NLP Tasks* (EMNLP): the text embedding is the mean of
a frozen encoder's last vectors over a task's texts, the task embedding the diagonal empirical Fisher information of its weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from toolkit.errors import DataError
from toolkit.similarity.checks import Floats, matrix_of, vector_of


def cosine(a: ArrayLike, b: ArrayLike) -> float:
    """Return the cosine of the angle between two vectors, in [-1, 1].

    Raises:
        DataError: other lengths, a vector of zeros, a number that is not finite.

    Example:
        >>> round(cosine([1.0, 0.0], [1.0, 1.0]), 4)
        0.7071
    """
    first, second = vector_of(a, name="The first vector"), vector_of(b, name="The second vector")
    if first.shape != second.shape:
        raise DataError(
            f"A cosine was asked of vectors of {len(first)} and {len(second)} numbers; both are to come from one backbone."
        )
    lengths = _length(first), _length(second)
    if not all(lengths):
        raise DataError("A cosine was asked of a vector of zeros, which has no direction; extract it from other texts.")
    return float(np.clip((first / lengths[0]) @ (second / lengths[1]), -1.0, 1.0))


def mean_vector(features: ArrayLike) -> Floats:
    """Return the mean row of features [N, D]: float64 [D].

    Example:
        >>> mean_vector([[0.0, 1.0], [2.0, 3.0]]).tolist()
        [1.0, 2.0]
    """
    return np.asarray(matrix_of(features).mean(axis=0), np.float64)


def fisher_similarity(a: Mapping[str, ArrayLike], b: Mapping[str, ArrayLike]) -> float:
    """Return the mean over modules of the cosine between two tasks' Fisher diagonals, in [0, 1].

    The mean over modules, and not one cosine of everything end to end, since the modules' scales differ by orders of magnitude
    and the largest would decide alone. Of Vu et al. it differs in whose weights these are: an adapter's here, the whole
    encoder's there. Where a module has no information in either task (all zeros) it is left out; where in one of them only, its
    cosine is 0: nothing that matters to one matters to the other.

    Args:
        a: module -> diagonal, any shape, not negative.
        b: the same modules with the same shapes.

    Raises:
        DataError: other modules or shapes, a negative number, zeros throughout.

    Example:
        >>> fisher_similarity({"up": [1.0, 0.0], "down": [2.0]}, {"up": [0.0, 3.0], "down": [5.0]})
        0.5
    """
    if not a or set(a) != set(b):
        odd = sorted(set(a) ^ set(b))
        raise DataError(
            f"Two Fisher diagonals hold {len(a)} and {len(b)} modules{f', not both {odd[0]!r}' if odd else ''}; adapters of one "
            "shape on one backbone are expected."
        )
    cosines = []
    for module in a:
        first = vector_of(np.ravel(np.asarray(a[module])), name=f"The Fisher diagonal of {module}")
        second = vector_of(np.ravel(np.asarray(b[module])), name=f"The Fisher diagonal of {module}")
        if first.shape != second.shape:
            raise DataError(
                f"The Fisher diagonals of {module} hold {len(first)} and {len(second)} numbers; adapters of one shape on one "
                "backbone are expected."
            )
        if min(first.min(), second.min()) < 0:
            raise DataError(f"The Fisher diagonal of {module} holds a negative number; squares are expected.")
        if first.any() and second.any():
            cosines.append(cosine(first, second))
        elif first.any() or second.any():
            cosines.append(0.0)
    if not cosines:
        raise DataError(
            "Two Fisher diagonals are zero throughout; compute them on examples that the adapter has not fitted."
        )
    return float(np.mean(cosines))


def _length(vector: Floats) -> float:
    """Return the norm; squares of numbers below 1e-160, as Fisher information may be, are not lost."""
    largest = float(np.abs(vector).max())
    return largest * float(np.linalg.norm(vector / largest)) if largest else 0.0
