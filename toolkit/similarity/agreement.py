"""Agreement of a predictor's values of some sources with the gains that these sources brought one target.

A higher prediction means a better source, on any scale. Predictions that tie have no order: each measure takes its mean over
all orders of them, so that a constant predictor scores what a random ranking scores. Sums are those of `math.fsum`, which do
not depend on the order of the numbers nor on the processor, so that a perfect ranking scores exactly 1.

Source: Poth et al. 2021, *What to Pre-Train on? Efficient Intermediate Task Selection* (EMNLP), for NDCG and Regret@k; Järvelin
and Kekäläinen 2002 for NDCG; McSherry and Najork 2008, *Computing Information Retrieval Performance Measures Efficiently in the
Presence of Tied Scores*, for ties.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import comb, fsum, log2

import numpy as np

from toolkit.errors import DataError
from toolkit.similarity.checks import Floats

Values = Mapping[str, float]
"""source -> number."""


def spearman(predicted: Values, gain: Values) -> float | None:
    """Return Spearman's rank correlation over the sources, in [-1, 1], tied sources at their mean rank.

    The mean over random rankings is 0.

    Args:
        predicted: source -> predicted value.
        gain: the same sources -> observed gain.

    Returns:
        None if all predictions or all gains are equal: then there is no ranking to correlate, which is not the same as a
        correlation of 0.

    Raises:
        DataError: other sources in one than in the other, fewer than two, or a number that is not finite.

    Example:
        >>> spearman({"nli": 0.9, "qa": 0.5, "pos": 0.1}, {"nli": 0.02, "qa": 0.03, "pos": -0.01})
        0.5
        >>> spearman({"nli": 1.0, "qa": 1.0}, {"nli": 0.02, "qa": 0.03}) is None
        True
    """
    values, gains = _aligned(predicted, gain)
    # Twice N times a rank's deviation is a whole number, so that equal rankings correlate by exactly 1, and by Cauchy and
    # Schwarz (rounding keeps an order) none by more.
    first, second = (2 * len(each) * (_mean_ranks(each) - (len(each) + 1) / 2) for each in (values, gains))
    lengths = float(first @ first), float(second @ second)
    if not all(lengths):
        return None
    return float(first @ second) / float(np.sqrt(lengths[0] * lengths[1]))


def ndcg(predicted: Values, gain: Values) -> float | None:
    """Return the normalised discounted cumulative gain of the predicted ranking, in [0, 1], 1 for the best order.

    The relevance of a source is its gain minus the lowest gain among the sources, so that no source counts less than 0. The
    measure is the sum over ranks i of relevance / log2(i + 1), divided by the same sum in the best order.

    Returns:
        None if all gains are equal: every order is the best one, and the measure has no meaning.

    Raises:
        DataError: as for `spearman`.

    Example:
        >>> round(ndcg({"nli": 0.9, "qa": 0.5, "pos": 0.1}, {"nli": 0.02, "qa": 0.03, "pos": -0.01}), 4)
        0.9374
    """
    values, gains = _aligned(predicted, gain)
    relevance = gains - gains.min()
    if not relevance.any():
        return None
    # By the rearrangement inequality at most 1, but for rounding; equal orders have equal sums.
    return min(_discounted(_tie_means(values, relevance)) / _discounted(np.sort(relevance)[::-1]), 1.0)


def regret(predicted: Values, gain: Values, k: int = 1) -> float:
    """Return the loss of trying only the `k` sources predicted highest: the best gain minus the best gain among them.

    In the unit of the gains (fractions; a report multiplies by 100), at least 0 and at most the range of the gains. With fewer
    than `k` sources all are tried.

    Raises:
        DataError: as for `spearman`, or `k` below 1.

    Example:
        >>> round(regret({"nli": 0.9, "qa": 0.5, "pos": 0.1}, {"nli": 0.02, "qa": 0.03, "pos": -0.01}), 4)
        0.01
    """
    values, gains = _aligned(predicted, gain)
    if k < 1:
        raise DataError(f"Regret was asked for the best {k} sources; 1 or more are expected.")
    if k >= len(gains):
        return 0.0
    edge = np.sort(values)[::-1][k - 1]
    certain, tied = gains[values > edge].tolist(), sorted(gains[values == edge].tolist(), reverse=True)
    n_drawn = k - len(certain)
    # Of the tied ones n_drawn are tried, any as likely as any other: the i-th best is the best tried one in
    # C(t - i, n - 1) of C(t, n) draws.
    ways = [comb(len(tied) - i, n_drawn - 1) for i in range(1, len(tied) + 1)]
    best_tried = [max(one, *certain) if certain else one for one in tied]
    # The mean over a number of which all are at least: exact where all are equal.
    least = min(best_tried)
    above = fsum(way * (one - least) for way, one in zip(ways, best_tried, strict=True)) / sum(ways)
    return float(max(gains.max() - (least + above), 0.0))


def relative_regret(predicted: Values, gain: Values, k: int = 1, *, baseline: float) -> float:
    """Return the regret as a share of the best observed score, as Poth et al. report it.

    Args:
        predicted: source -> predicted value.
        gain: the same sources -> observed gain.
        k: how many sources are tried.
        baseline: the target's score without an intermediate task, which the gains are added to.

    Raises:
        DataError: as for `regret`, or a best score (`baseline` and the best gain) that is not above 0.

    Example:
        >>> gains = {"nli": 0.02, "qa": 0.03, "pos": -0.01}
        >>> round(relative_regret({"nli": 0.9, "qa": 0.5, "pos": 0.1}, gains, baseline=0.47), 4)
        0.02
    """
    lost = regret(predicted, gain, k)
    best = baseline + max(gain.values())
    if not best > 0 or not np.isfinite(best):
        raise DataError(f"Relative regret was asked against a best score of {best:g}; a score above 0 is expected.")
    return lost / best


def random_values(gain: Values) -> dict[str, float | None]:
    """Return the mean of each measure over random rankings of the sources.

    Example:
        >>> found = random_values({"nli": 0.02, "qa": 0.03, "pos": -0.01})
        >>> found["spearman"], round(found["regret@1"], 4)
        (0.0, 0.0167)
    """
    nothing = dict.fromkeys(gain, 0.0)
    found = measures(nothing, gain)
    # With all gains equal it is undefined for a random ranking as for any other.
    found["spearman"] = None if len(set(gain.values())) == 1 else 0.0
    return found


def measures(predicted: Values, gain: Values) -> dict[str, float | None]:
    """Return every measure of `MEASURES` for one target; None if it is undefined, or equal for all predictions.

    Example:
        >>> measures({"nli": 0.9, "qa": 0.5, "pos": 0.1}, {"nli": 0.02, "qa": 0.03, "pos": -0.01})["regret@3"] is None
        True
    """
    return {
        "spearman": spearman(predicted, gain),
        "ndcg": ndcg(predicted, gain),
        "regret@1": regret(predicted, gain, 1),
        "regret@3": regret(predicted, gain, 3) if len(gain) > 3 else None,
    }


MEASURES: dict[str, bool] = {"spearman": True, "ndcg": True, "regret@1": False, "regret@3": False}
"""measure -> whether higher is better."""


def _aligned(predicted: Values, gain: Values) -> tuple[Floats, Floats]:
    if set(predicted) != set(gain):
        only = sorted(set(predicted) ^ set(gain))
        raise DataError(
            f"{len(predicted)} sources were predicted and {len(gain)} observed, '{only[0]}' not in both; compare the sources "
            "that have both numbers."
        )
    if len(gain) < 2:
        raise DataError(f"Agreement was asked over {len(gain)} sources; a ranking needs two at least.")
    found = np.array([[predicted[name], gain[name]] for name in gain], dtype=np.float64)
    if not np.isfinite(found).all():
        name = list(gain)[int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])]
        raise DataError(f"The prediction or the gain of '{name}' is not a finite number; leave the source out.")
    return found[:, 0], found[:, 1]


def _mean_ranks(values: Floats) -> Floats:
    """Return ranks from 1; tied values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def _discounted(relevance: Iterable[float]) -> float:
    """Return the sum of relevance / log2(rank + 1), ranks from 1."""
    return fsum(float(one) / log2(rank + 1) for rank, one in enumerate(relevance, start=1))


def _tie_means(values: Floats, gains: Floats) -> list[float]:
    """Return the gains in descending order of the values, those of tied values replaced by their mean."""
    found: list[float] = []
    for value in np.unique(values)[::-1]:
        tied = gains[values == value].tolist()
        least = min(tied)  # the mean of equal gains is exactly that gain
        found += [least + fsum(one - least for one in tied) / len(tied)] * len(tied)
    return found
