"""What noise and attacks leave of a score: numbers from row-by-row outcomes, no model and no files.

Two questions are kept apart for every perturbation and strength: how far a composition falls (`drop`: its clean score minus its
noisy one, on the same rows), and whether it falls less far than a baseline (`drop` against the baseline's `drop`). Both have a
paired bootstrap over the rows: clean and noisy, composition and baseline, are all scored on the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.significance import RESAMPLES, Estimate, Floats, Outcomes, estimate, holm, resample

CLEAN = "clean"


@dataclass(frozen=True)
class Fall:
    """One composition under one perturbation at one strength, in the mean over languages.

    Attributes:
        composition: canonical text.
        perturbation: its name, or a chain of them.
        strength: of the perturbation, in [0, 1].
        languages: the languages of the mean.
        clean: score without noise, a fraction.
        noisy: score with it.
        drop: clean - noisy, with its interval.
        gain: noisy score minus the baseline's; None for the baseline.
        spared: the baseline's drop minus this one's: above 0 it is the more robust; None for the baseline.
    """

    composition: str
    perturbation: str
    strength: float
    languages: tuple[str, ...]
    clean: float
    noisy: float
    drop: Estimate
    gain: Estimate | None = None
    spared: Estimate | None = None

    @property
    def drop_rate(self) -> float:
        """Performance drop rate: the share of the clean score that is lost (Zhu et al. 2023, arXiv 2306.04528)."""
        return (self.clean - self.noisy) / self.clean if self.clean else 0.0


def falls(
    outcomes: Mapping[tuple[str, str, float], Mapping[str, Outcomes]],
    *,
    baseline: str,
    is_parallel: bool,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Fall]:
    """Return how far each composition falls under each perturbation.

    Args:
        outcomes: (composition, perturbation, strength) -> language -> outcomes; with (composition, `clean`, 0.0) for each.
        baseline: the composition that the others are set beside.
        is_parallel: whether an id means the same example in every language.

    Returns:
        In the order of `outcomes`. The p-values of `gain` and of `spared` are corrected by Holm, each for all tests of its
        kind in the result; so are those of `drop`.
    """
    compositions = list(dict.fromkeys(name for name, _, _ in outcomes))
    found: dict[tuple[str, str, float], Fall] = {}
    for perturbation in dict.fromkeys(p for _, p, _ in outcomes if p != CLEAN):
        strengths = list(dict.fromkeys(s for _, p, s in outcomes if p == perturbation))
        languages = list(outcomes[compositions[0], perturbation, strengths[0]])
        systems = {
            f"{name}\0{p}\0{s}": {code: outcomes[name, p, s][code] for code in languages}
            for name in compositions
            for p, s in [(CLEAN, 0.0), *((perturbation, s) for s in strengths)]
        }
        drawn = resample(systems, is_parallel=is_parallel, n_resamples=n_resamples, seed=seed)
        drawn_means = _Means(
            {key: float(values.mean()) for key, values in drawn.observed.items()},
            {key: values.mean(1) for key, values in drawn.replicates.items()},
        )
        base_clean = f"{baseline}\0{CLEAN}\0{0.0}"
        for name in compositions:
            clean = f"{name}\0{CLEAN}\0{0.0}"
            for s in strengths:
                noisy, base_noisy = f"{name}\0{perturbation}\0{s}", f"{baseline}\0{perturbation}\0{s}"
                is_other = name != baseline
                found[name, perturbation, s] = Fall(
                    name,
                    perturbation,
                    s,
                    tuple(languages),
                    drawn_means.observed[clean],
                    drawn_means.observed[noisy],
                    drawn_means.difference([clean], [noisy]),
                    drawn_means.difference([noisy], [base_noisy]) if is_other else None,
                    drawn_means.difference([base_clean, noisy], [base_noisy, clean]) if is_other else None,
                )
    ordered = [found[key] for key in outcomes if key in found]
    for field in ("drop", "gain", "spared"):
        ordered = _corrected(ordered, field)
    return ordered


@dataclass(frozen=True)
class _Means:
    """Means over languages of every system: observed, and of each resample (float64 [B])."""

    observed: Mapping[str, float]
    replicates: Mapping[str, Floats]

    def difference(self, plus: Sequence[str], minus: Sequence[str]) -> Estimate:
        """Return the sum of some systems' scores minus that of others."""
        signs = [(key, 1) for key in plus] + [(key, -1) for key in minus]
        return estimate(
            sum(sign * self.observed[key] for key, sign in signs),
            np.sum([sign * self.replicates[key] for key, sign in signs], axis=0),
        )


def _corrected(all_falls: list[Fall], field: str) -> list[Fall]:
    tested = [i for i, fall in enumerate(all_falls) if getattr(fall, field) is not None]
    adjusted = holm([getattr(all_falls[i], field).p for i in tested])
    for i, p in zip(tested, adjusted, strict=True):
        all_falls[i] = replace(all_falls[i], **{field: replace(getattr(all_falls[i], field), adjusted=p)})
    return all_falls
