"""Outcomes: what each answer of a composition is worth, by row and training seed; a score is a ratio of two sums of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """The worth of one composition's answers, row by row, in one language.

    Args:
        ids: N ids, in the order of the rows.
        numerators: float64 [R, N], one line for each training seed.
        denominators: float64 [R, N], not negative; a ratio of 0 to 0 counts as 0.
    """

    ids: tuple[str, ...]
    numerators: Floats
    denominators: Floats

    def __post_init__(self) -> None:
        shape = (self.numerators.shape[0], len(self.ids))
        if self.numerators.ndim != 2 or self.numerators.shape != shape or self.denominators.shape != shape:
            raise ValueError(
                f"Outcomes of {len(self.ids)} rows need two arrays [R, {len(self.ids)}], not "
                f"{self.numerators.shape} and {self.denominators.shape}."
            )
        if not self.ids:
            raise ValueError("Outcomes need at least one row.")

    @property
    def value(self) -> float:
        """The score: the mean over seeds of the ratio of sums."""
        return float(self.by_seed.mean())

    @property
    def by_seed(self) -> Floats:
        """The score of each seed: float64 [R]."""
        return ratio(self.numerators.sum(1), self.denominators.sum(1))


def ratio(numerators: Floats, denominators: Floats) -> Floats:
    """Return the ratio of each pair of numbers; 0 to 0 is 0."""
    return np.divide(numerators, denominators, out=np.zeros_like(numerators), where=denominators > 0)
