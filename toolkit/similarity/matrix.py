"""Matrices: a predictor's value for every pair of tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DataError
from toolkit.similarity.checks import Floats

_SAME = 1e-9  # two ways round, summed in another order


@dataclass(frozen=True)
class Matrix:
    """A predictor's value for every pair of tasks; higher is more similar, or a better source.

    Attributes:
        names: K tasks.
        values: float64 [K, K]: row i for source i, column j for target j; NaN if there is none.
        is_symmetric: whether source and target may be exchanged.
        predictor: its name.

    Raises:
        DataError: the shape does not fit, a name comes twice, or values said to be symmetric are not.

    Example:
        >>> import numpy as np
        >>> near = Matrix(("a", "x", "b"), np.array([[1, 0, 0.9], [0, 1, 0.1], [0.9, 0.1, 1]]), True, "text")
        >>> near.order()
        ('x', 'b', 'a')
        >>> near.value("a", "b")
        0.9
    """

    names: tuple[str, ...]
    values: Floats
    is_symmetric: bool
    predictor: str

    def __post_init__(self) -> None:
        k = len(self.names)
        if self.values.shape != (k, k) or len(set(self.names)) != k or not k:
            raise DataError(
                f"The {self.predictor} matrix has shape {list(self.values.shape)} for {k} tasks; [K, K] is expected, one row "
                "for each task, each once."
            )
        if np.isinf(self.values).any():
            raise DataError(f"The {self.predictor} matrix holds an infinite number; finite ones, or NaN, are expected.")
        if self.is_symmetric and not np.allclose(self.values, self.values.T, rtol=_SAME, atol=_SAME, equal_nan=True):
            raise DataError(f"The {self.predictor} matrix differs from its transpose, and was said to be symmetric.")

    def value(self, source: str, target: str) -> float:
        """Return the value of a source for a target; NaN if there is none."""
        return float(self.values[self.names.index(source), self.names.index(target)])

    @property
    def absent(self) -> tuple[str, ...]:
        """The tasks that have no value with any other task."""
        is_known = ~np.isnan(self.values)
        np.fill_diagonal(is_known, False)
        return tuple(
            name
            for i, name in enumerate(self.names)
            if len(self.names) > 1 and not (is_known[i] | is_known[:, i]).any()
        )

    def only(self, names: Sequence[str]) -> Matrix:
        """Return the matrix of some of the tasks, in the order given.

        Raises:
            DataError: a name is not in it.
        """
        if odd := [name for name in names if name not in self.names]:
            raise DataError(f"The {self.predictor} matrix holds no '{odd[0]}'; it holds {', '.join(self.names)}.")
        at = [self.names.index(name) for name in names]
        return Matrix(tuple(names), self.values[np.ix_(at, at)], self.is_symmetric, self.predictor)

    def linkage(self) -> Floats:
        """Return the average linkage of the tasks as scipy writes it: float64 [K - 1, 4].

        The distance of two tasks is the highest value of the matrix minus theirs; the value of a task with itself does not
        enter unless it is the highest one.

        Raises:
            DataError: values that are not symmetric, one task, or a pair without a value (`only` takes tasks out).
        """
        from scipy.cluster.hierarchy import linkage

        return np.asarray(linkage(self._distances(), method="average", optimal_ordering=True), np.float64)

    def order(self) -> tuple[str, ...]:
        """Return the tasks in the order of a dendrogram, similar ones next to each other; a single task as it is.

        Raises:
            DataError: as for `linkage`.
        """
        from scipy.cluster.hierarchy import leaves_list

        if len(self.names) == 1:
            return self.names
        return tuple(self.names[i] for i in leaves_list(self.linkage()))

    def _distances(self) -> Floats:
        """Return the condensed distances: float64 [K (K - 1) / 2]."""
        if not self.is_symmetric:
            raise DataError(f"The {self.predictor} matrix is not symmetric, so its tasks form no tree.")
        if len(self.names) < 2:
            raise DataError(f"The {self.predictor} matrix holds one task; a tree needs two.")
        upper = self.values[np.triu_indices(len(self.names), k=1)]
        if np.isnan(upper).any():
            i, j = (int(at[0]) for at in np.nonzero(np.triu(np.isnan(self.values), k=1)))
            raise DataError(
                f"The {self.predictor} matrix has no value for {self.names[i]} and {self.names[j]}; take one of them out."
            )
        return np.asarray(np.nanmax(self.values) - upper, dtype=np.float64)


def matrix_of_pairs(
    names: Sequence[str], value: Callable[[str, str], float | None], *, is_symmetric: bool, predictor: str
) -> Matrix:
    """Return the matrix of a function of two tasks; if source and target may be exchanged, it is called once for each pair.

    Args:
        names: K tasks.
        value: (source, target) -> number, or None where there is none.
        is_symmetric: whether `value(a, b)` is `value(b, a)`.
        predictor: its name.

    Example:
        >>> matrix_of_pairs("ab", lambda a, b: 1.0 if a == b else 0.25, is_symmetric=True, predictor="text").values.tolist()
        [[1.0, 0.25], [0.25, 1.0]]
    """
    values: NDArray[np.float64] = np.full((len(names), len(names)), math.nan)
    for i, source in enumerate(names):
        for j, target in enumerate(names):
            if is_symmetric and j < i:
                values[i, j] = values[j, i]
            elif (found := value(source, target)) is not None:
                values[i, j] = found
    return Matrix(tuple(names), values, is_symmetric, predictor)
