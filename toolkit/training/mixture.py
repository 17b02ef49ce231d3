"""Mixtures: how often each task of a multi-task adapter is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from toolkit.config.words import MixtureKind
from toolkit.errors import ToolkitError

KINDS: tuple[MixtureKind, ...] = get_args(MixtureKind)


@dataclass(frozen=True)
class Mixture:
    """Sampling rates over tasks.

    With n_i the rows of task i: proportional p_i ~ min(n_i, cap); equal p_i ~ 1; temperature
    p_i ~ min(n_i, cap)^(1/T). Source: Raffel et al. 2020, section 3.5.2; jiant's X-STILTs guide.

    Attributes:
        kind: `proportional`, `equal` or `temperature`.
        cap: largest row count that counts.
        temperature: T of `temperature`.

    Example:
        >>> Mixture("proportional").rates([300, 100])
        [0.75, 0.25]
        >>> Mixture("equal").counts([300, 100], total=400)
        [200, 200]
    """

    kind: MixtureKind = "proportional"
    cap: int | None = None
    temperature: float = 2.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ToolkitError(f"No mixture named '{self.kind}'. Known: {', '.join(KINDS)}.")

    def rates(self, sizes: Sequence[int]) -> list[float]:
        """Return each task's share, adding up to 1, from its number of rows."""
        capped = [size if self.cap is None else min(size, self.cap) for size in sizes]
        if self.kind == "equal":
            weights = [1.0] * len(capped)
        elif self.kind == "temperature":
            weights = [size ** (1 / self.temperature) for size in capped]
        else:
            weights = [float(size) for size in capped]
        return [weight / sum(weights) for weight in weights]

    def shares(self, sizes: Sequence[int], *, total: int) -> list[int]:
        """Return how many different rows of each task make `total` rows: what a small task lacks comes from the others.

        The shares are those of `counts`, but for tasks that have fewer rows than their share: these give all they have, and
        the rest is shared among the others in proportion to their rates.

        Raises:
            ToolkitError: there are fewer rows than `total`, or fewer than one for each task.

        Example:
            >>> Mixture("equal").shares([500, 100, 500], total=600)
            [250, 100, 250]
        """
        if not len(sizes) <= total <= sum(sizes):
            raise ToolkitError(
                f"{total:,} examples in all were asked for, of {' + '.join(f'{size:,}' for size in sizes)} rows; expected "
                f"{len(sizes):,} to {sum(sizes):,}: change --total-examples."
            )
        taken: dict[int, int] = {}
        while True:
            left = [i for i in range(len(sizes)) if i not in taken]
            rates = self.rates(sizes)
            budget = total - sum(taken.values())
            wanted = dict(zip(left, _rounded([rates[i] for i in left], budget), strict=True))
            small = {i: sizes[i] for i in left if wanted[i] > sizes[i]}
            if not small:
                taken |= wanted
                break
            taken |= small
        return [taken[i] for i in range(len(sizes))]

    def counts(self, sizes: Sequence[int], *, total: int) -> list[int]:
        """Return how many rows of each task `total` rows hold: at least one each, rounded by largest remainder."""
        return _rounded(self.rates(sizes), total)


def _rounded(rates: Sequence[float], total: int) -> list[int]:
    """Return whole numbers in the proportion of `rates`, at least 1 each, that add up to `total` (or one each)."""
    exact = [rate * total / sum(rates) for rate in rates]
    counts = [max(1, int(value)) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (-(exact[i] - int(exact[i])), i))
    for i in by_remainder[: max(0, total - sum(counts))]:
        counts[i] += 1
    while sum(counts) > max(total, len(counts)):  # a rate too small for a row had one all the same
        counts[counts.index(max(counts))] -= 1
    return counts
