"""Masked language modelling: the share of masked pieces that are guessed, and the perplexity of all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from toolkit.metrics.accuracy import accuracy

PERPLEXITY = "perplexity"


def masked(
    guesses: Sequence[int] | NDArray[Any], gold: Sequence[int] | NDArray[Any], losses: Sequence[float] | NDArray[Any]
) -> dict[str, float]:
    """Return how well masked pieces are guessed.

    Args:
        guesses: N pieces, the most probable ones.
        gold: the N pieces that were masked.
        losses: N negative log probabilities of these, in nats.

    Returns:
        `{"masked_accuracy", "perplexity"}`: a fraction in [0, 1], and the exponential of the mean loss, 1 or more; the size of
        the vocabulary is that of a uniform guess.

    Raises:
        ValueError: the lengths differ, or there is nothing to score.

    Example:
        >>> masked([3, 5], [3, 4], [math.log(2), math.log(8)])
        {'masked_accuracy': 0.5, 'perplexity': 4.0}
    """
    found = accuracy(guesses, gold)["accuracy"]
    if len(losses) != len(gold):
        raise ValueError(f"{len(losses)} losses for {len(gold)} gold pieces; a metric needs one for each.")
    return {"masked_accuracy": found, PERPLEXITY: perplexity(math.fsum(losses) / len(losses))}


def perplexity(loss: float) -> float:
    """Return the exponential of a mean loss in nats, which a rounding below zero does not lower under 1."""
    return math.exp(min(max(loss, 0.0), _MOST))


_MOST = 700.0  # of which the exponential is still a number
