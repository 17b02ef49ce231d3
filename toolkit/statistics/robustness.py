"""Robustness: the loss of a score under noise, from outcomes by row; no model and no files.

Every perturbation and strength answers two questions: how far a composition falls (`drop`: its clean score minus its noisy
score, on the same rows), and whether it falls less far than a baseline (`spared`: the baseline's `drop` minus its own). Both
use a paired bootstrap over the rows: clean and noisy, composition and baseline, are all scored on the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from toolkit.statistics.bootstrap import RESAMPLES, resample
from toolkit.statistics.estimates import Estimate, holm
from toolkit.statistics.outcomes import Outcomes

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
        spared: the baseline's drop minus this one; above 0 the composition is more robust; None for the baseline.
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
    """Return the fall of each composition under each perturbation.

    Args:
        outcomes: (composition, perturbation, strength) -> language -> outcomes; with (composition, `clean`, 0.0) for each.
        baseline: the composition that the others are compared with.
        is_parallel: whether an id means the same example in every language.

    Returns:
        In the order of `outcomes`. The p-values of `drop`, `gain` and `spared` are corrected by Holm, each for all tests of
        its kind in the result.
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
        trained = {key: key.partition("\0")[0] for key in systems}
        drawn = resample(systems, is_parallel=is_parallel, n_resamples=n_resamples, seed=seed, trained=trained)
        at = {key: drawn.draws(key, languages) for key in systems}
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
                    at[clean].value,
                    at[noisy].value,
                    (at[clean] - at[noisy]).estimate,
                    (at[noisy] - at[base_noisy]).estimate if is_other else None,
                    ((at[base_clean] - at[base_noisy]) - (at[clean] - at[noisy])).estimate if is_other else None,
                )
    ordered = [found[key] for key in outcomes if key in found]
    for field in ("drop", "gain", "spared"):
        ordered = _corrected(ordered, field)
    return ordered


def _corrected(all_falls: list[Fall], field: str) -> list[Fall]:
    tested = [i for i, fall in enumerate(all_falls) if getattr(fall, field) is not None]
    adjusted = holm([getattr(all_falls[i], field).p for i in tested])
    for i, p in zip(tested, adjusted, strict=True):
        all_falls[i] = replace(all_falls[i], **{field: replace(getattr(all_falls[i], field), adjusted=p)})
    return all_falls
