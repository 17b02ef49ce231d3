"""Summaries of scores over languages: the zero-shot mean, the gap to the training language, the mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from toolkit.results.score import Score, metric_name

ZERO_SHOT_MEAN = "zero_shot_mean"
GAP = "gap"
MEAN = "mean"


@dataclass(frozen=True)
class Summary:
    """What the languages of one metric come to.

    Args:
        english: the value in the training (pivot) language, or None where it was not scored.
        zero_shot_mean: the mean over all other languages, or None where there is none.
        gap: `english - zero_shot_mean`, or None where either is absent.
        mean: the mean over all languages scored, English included.
        by_language: language -> value, in the order scored.
    """

    english: float | None
    zero_shot_mean: float | None
    gap: float | None
    mean: float
    by_language: Mapping[str, float] = field(default_factory=dict)


def mean(values: Iterable[float]) -> float | None:
    """Return the mean of `values`, summed without rounding error, or None where there is none.

    Example:
        >>> mean([0.25, 0.75])
        0.5
    """
    found = list(values)
    return math.fsum(found) / len(found) if found else None


def summarise(scores: Sequence[Score], *, pivot_language: str = "en") -> dict[str, Summary]:
    """Return English, zero-shot mean and gap of one composition on one task, per metric.

    The zero-shot mean runs over the languages other than the training language; each language counts once,
    whatever its number of rows.

    Args:
        scores: scores of one task, composition, seed and protocol; several metrics may be among them.
        pivot_language: the language the task was trained in.

    Returns:
        metric -> Summary, in the order in which the metrics appear.

    Raises:
        ValueError: the scores belong to several tasks, compositions, seeds or protocols, or a language of one
            metric comes twice: a mean over such a mixture has no meaning.

    Example:
        >>> rows = [Score("xnli", code, "accuracy", value, 100, "mnli", 0)
        ...         for code, value in [("en", 0.64), ("de", 0.57), ("sw", 0.53)]]
        >>> found = summarise(rows)["accuracy"]
        >>> found.english, round(found.zero_shot_mean, 4), round(found.gap, 4), round(found.mean, 4)
        (0.64, 0.55, 0.09, 0.58)
    """
    for noun in ("task", "composition", "seed", "protocol", "backbone"):
        found = {getattr(score, noun) for score in scores}
        if len(found) > 1:
            raise ValueError(f"Scores of several {noun}s ({', '.join(sorted(map(str, found)))}) have no common mean.")
    by_metric: dict[str, dict[str, float]] = {}
    for score in scores:
        languages = by_metric.setdefault(score.metric, {})
        if score.language in languages:
            raise ValueError(f"{score.name} comes twice among the scores; each language counts once.")
        languages[score.language] = score.value
    return {metric: summary(values, pivot_language=pivot_language) for metric, values in by_metric.items()}


def summary(by_language: Mapping[str, float], *, pivot_language: str = "en") -> Summary:
    """Return the Summary of one metric's values by language.

    Args:
        by_language: language -> value in [0, 1]; at least one.
        pivot_language: the language the task was trained in.

    Raises:
        ValueError: there is no value.

    Example:
        >>> summary({"de": 0.9, "fr": 0.8}).english is None
        True
    """
    everything = mean(by_language.values())
    if everything is None:
        raise ValueError("A summary needs at least one score.")
    english = by_language.get(pivot_language)
    zero_shot = mean(value for code, value in by_language.items() if code != pivot_language)
    gap = english - zero_shot if english is not None and zero_shot is not None else None
    return Summary(english, zero_shot, gap, everything, dict(by_language))


def named_values(scores: Sequence[Score], *, pivot_language: str = "en") -> dict[str, float]:
    """Return every score and every summary under its name, ready for a tracker.

    Args:
        scores: as for `summarise`.
        pivot_language: the language the task was trained in.

    Returns:
        `{task}/{metric}/{language}` for each score, then `/zero_shot_mean`, `/gap` and `/mean` where they exist.

    Example:
        >>> rows = [Score("xnli", code, "accuracy", value, 10, "mnli", 0) for code, value in [("en", 0.6), ("de", 0.5)]]
        >>> [name.removeprefix("xnli/accuracy/") for name in named_values(rows)]
        ['en', 'de', 'zero_shot_mean', 'gap', 'mean']
    """
    named = {score.name: score.value for score in scores}
    for metric, found in summarise(scores, pivot_language=pivot_language).items():
        for what, value in ((ZERO_SHOT_MEAN, found.zero_shot_mean), (GAP, found.gap), (MEAN, found.mean)):
            if value is not None:
                named[metric_name(scores[0].task, metric, what)] = value
    return named
