"""Ranks: places of sources, and several rankings of the same sources joined into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolkit.similarity.agreement import Values

K = 60
"""The paper's constant: the higher, the less the very first places count."""


def ranks(predicted: Values) -> dict[str, float]:
    """Return each source's place, 1 for the highest value; sources that tie share the mean of their places.

    Example:
        >>> ranks({"nli": 0.9, "qa": 0.5, "pos": 0.5})
        {'nli': 1.0, 'qa': 2.5, 'pos': 2.5}
    """
    from scipy.stats import rankdata

    found = rankdata([-value for value in predicted.values()])
    return dict(zip(predicted, map(float, found), strict=True))


def reciprocal_rank_fusion(rankings: Sequence[Mapping[str, float]], *, k: int = K) -> dict[str, float]:
    """Return one value for each source from several predictors' values of them: the mean of 1 / (k + rank).

    Nothing is fitted, and the scales of the predictors do not matter. A predictor whose values are all equal is left out; a source takes the mean over the predictors that have a value for it, where the paper, which ranks
    documents that a system may not have found, takes the sum.

    Args:
        rankings: of each predictor source -> value, higher is better.
        k: the paper's constant.

    Returns:
        source -> value in the order of their first appearance, of the sources that some predictor distinguishes.

    Source: Cormack, Clarke and Büttcher 2009, *Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods* (SIGIR).

    Example:
        >>> found = reciprocal_rank_fusion([{"nli": 3.0, "qa": 2.0, "pos": 1.0}, {"nli": 7, "qa": 5}, {"nli": 1, "qa": 1}])
        >>> {source: round(1 / value, 1) for source, value in found.items()}
        {'nli': 61.0, 'qa': 62.0, 'pos': 63.0}
    """
    places: dict[str, list[float]] = {}
    for values in rankings:
        if len(set(values.values())) < 2:
            continue
        for source, place in ranks(values).items():
            places.setdefault(source, []).append(1.0 / (k + place))
    return {source: sum(found) / len(found) for source, found in places.items()}
