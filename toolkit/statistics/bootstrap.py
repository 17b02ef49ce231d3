"""Paired bootstrap over the rows scored: tests whether a difference between compositions is more than chance.

Every score here is a ratio of two sums over rows. A mean (accuracy, a question's F1 or EM) has 1 in each denominator; a
corpus-level F1 has `2 tp` over `2 tp + fp + fn`. A resample draws as many rows as there are, with replacement, the same ones
for all compositions, and sums again. docs/decisions/0020-significance.md has the definitions and the reasons.

Source: Koehn 2004, Statistical significance tests for machine translation evaluation; Berg-Kirkpatrick, Burkett and Klein
2012, An empirical investigation of statistical significance in NLP; Holm 1979; for seeds Satterthwaite 1946, Welch 1947.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.errors import DataError
from toolkit.statistics.draws import Resampled
from toolkit.statistics.generators import Seed, generator
from toolkit.statistics.outcomes import Floats, Outcomes, ratio

RESAMPLES = 10_000
_CHUNK = 250  # resamples whose weights are in memory at once


def resample(
    systems: Mapping[str, Mapping[str, Outcomes]],
    *,
    is_parallel: bool,
    n_resamples: int = RESAMPLES,
    seed: Seed = 0,
    trained: Mapping[str, str] | None = None,
) -> Resampled:
    """Draw test sets from the rows, and score every composition on each of them.

    Languages are resampled independently, each by a generator of its name, and rows are drawn by their ids: neither the
    order of the languages nor that of the rows changes an interval or a p-value. If the rows of all languages are translations of the same examples, an
    example is drawn in all languages together: its 15 translations are one observation and not 15. The effect of a
    composition's seeds is kept apart (`Draws`).

    Args:
        systems: composition -> language -> outcomes; all with the same languages and the same rows.
        is_parallel: whether an id means the same example in every language.
        n_resamples: B.
        seed: of the draws; with names if several test sets are drawn that must be independent.
        trained: composition -> name of its training; compositions of one training (scored on clean and on noisy rows, for example)
            share its seeds, which cancel in their difference. None: each composition is a training of its own.

    Raises:
        DataError: the compositions were not scored on the same rows.

    Example:
        >>> import numpy as np
        >>> def answers(right): return Outcomes(("a", "b", "c", "d"), np.array([right], float), np.ones((1, 4)))
        >>> both = {"x": {"de": answers([1, 1, 1, 0])}, "y": {"de": answers([1, 0, 0, 0])}}
        >>> found = resample(both, is_parallel=False, n_resamples=1000).difference("x", "y", ["de"])
        >>> found.value, found.low <= 0 < found.high, found.p > 0.05
        (0.5, True, True)
    """
    names = list(systems)
    languages = tuple(systems[names[0]])
    for name in names[1:]:
        _require_same_rows(names[0], systems[names[0]], name, systems[name])
    by_seed = {name: np.empty((n_resamples, len(languages), _n_seeds(systems[name])), np.float64) for name in names}
    for group in [languages] if is_parallel else [(code,) for code in languages]:
        columns, slots = _columns(systems, group)
        rng = generator(seed, "parallel" if is_parallel else group[0])
        for first in range(0, n_resamples, _CHUNK):
            n = min(_CHUNK, n_resamples - first)
            sums = _weights(rng, n, columns.shape[0]) @ columns  # [n, columns]
            for (name, code), at in slots.items():
                numerators, denominators = np.split(sums[:, at], 2, axis=1)  # each [n, R]
                by_seed[name][first : first + n, languages.index(code)] = ratio(numerators, denominators)
    replicates = {name: values.mean(2) for name, values in by_seed.items()}
    observed = {name: np.stack([systems[name][code].by_seed for code in languages]) for name in names}
    trainings = {name: (repr(seed), (trained or {}).get(name, name)) for name in names}
    return Resampled(languages, observed, replicates, trainings)


def _require_same_rows(first: str, expected: Mapping[str, Outcomes], name: str, found: Mapping[str, Outcomes]) -> None:
    if list(expected) != list(found):
        raise DataError(
            f"'{first}' was scored in {', '.join(expected)} and '{name}' in {', '.join(found)}; a paired test needs the "
            "same languages: name them with --languages."
        )
    for code, outcomes in expected.items():
        if outcomes.ids != found[code].ids:
            raise DataError(
                f"'{first}' and '{name}' were not scored on the same rows in {code} ({len(outcomes.ids)} and "
                f"{len(found[code].ids)} of them); a paired test needs them equal: score both again with one --data-root "
                "and one eval.limit."
            )


def _n_seeds(system: Mapping[str, Outcomes]) -> int:
    counts: set[int] = {outcomes.numerators.shape[0] for outcomes in system.values()}
    if len(counts) > 1:
        raise DataError("The languages of a composition were scored with different seeds; score each with all of them.")
    return counts.pop()


def _columns(
    systems: Mapping[str, Mapping[str, Outcomes]], group: Sequence[str]
) -> tuple[Floats, dict[tuple[str, str], list[int]]]:
    """Return the numbers to sum, [units, columns], and for each composition and language its columns: R and R more.

    A unit is drawn as a whole: a row, or if languages are drawn together an id with its rows in all of them.
    """
    some = next(iter(systems.values()))
    if len(group) == 1:
        ids = some[group[0]].ids
        by_id = np.array(sorted(range(len(ids)), key=ids.__getitem__))
        n_units, unit_of = len(ids), {group[0]: np.argsort(by_id)}
    else:
        number = {key: i for i, key in enumerate(sorted({key for code in group for key in some[code].ids}))}
        n_units, unit_of = len(number), {code: np.array([number[key] for key in some[code].ids]) for code in group}
    columns: list[Floats] = []
    slots: dict[tuple[str, str], list[int]] = {}
    for name, system in systems.items():
        for code in group:
            slots[name, code] = []
            for values in (*system[code].numerators, *system[code].denominators):
                slots[name, code].append(len(columns))
                columns.append(np.bincount(unit_of[code], weights=values, minlength=n_units).astype(np.float64))
    return np.stack(columns, axis=1), slots


def _weights(rng: np.random.Generator, n: int, n_units: int) -> Floats:
    """Return how often each unit is drawn in each of `n` resamples: float64 [n, units], every line sums to `n_units`."""
    drawn = rng.integers(0, n_units, size=(n, n_units))
    drawn += np.arange(n)[:, None] * n_units
    return np.bincount(drawn.ravel(), minlength=n * n_units).reshape(n, n_units).astype(np.float64)
