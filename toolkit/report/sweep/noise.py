"""What noise leaves of each row's score, and whether that is more than it leaves of the baseline's."""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolkit.report.sweep.columns import Columns, less
from toolkit.statistics.estimates import Estimate, holm


@dataclass(frozen=True)
class NoiseEffect:
    """One row on one target under one noise.

    Attributes:
        row, task, variant: where it stands; `variant` is the noise's name on the axis `settings`.
        clean, noisy: scores, fractions.
        change: noisy minus clean.
        spared: its change minus the baseline's, above 0 where it loses less; None of the baseline.
    """

    row: str
    task: str
    variant: str
    clean: float
    noisy: float
    change: Estimate
    spared: Estimate | None

    @property
    def left(self) -> float | None:
        """The share of the clean score that is left; None where there was none."""
        return self.noisy / self.clean if self.clean > 0 else None


def noise_effects(columns: Columns) -> tuple[NoiseEffect, ...]:
    """Return the effect of every noise on every row; Holm's correction over all changes, and over all that is spared."""
    base = columns.baseline
    found = []
    for task in columns.targets:
        for row in columns.rows:
            for variant in columns.noises:
                change, clean = columns.change(row, task, [variant]), columns.draws(row, task)
                if change is None or clean is None:
                    continue
                other = None if base is None or row.is_baseline else columns.change(base, task, [variant])
                spared = less(change, other) if other is not None else None
                found.append(
                    NoiseEffect(
                        row.name,
                        task,
                        variant,
                        clean.value,
                        clean.value + change.value,
                        change.estimate,
                        None if spared is None else spared.estimate,
                    )
                )
    changes = iter(holm([one.change.p for one in found]))
    spares = iter(holm([one.spared.p for one in found if one.spared is not None]))
    return tuple(
        replace(
            one,
            change=replace(one.change, adjusted=next(changes)),
            spared=None if one.spared is None else replace(one.spared, adjusted=next(spares)),
        )
        for one in found
    )
