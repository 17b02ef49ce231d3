"""Noise: perturbations with strengths as one text, `swap:0.1`, or several in order, `code-switch:0.3+swap:0.1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import ToolkitError
from toolkit.perturb.apply import perturb, row_rng
from toolkit.perturb.lexicon import Lexicon
from toolkit.perturb.perturbation import Need, Perturbation, check_strength, get_perturbation
from toolkit.tasks import Row, Rows
from toolkit.tasks.kinds import Kind


@dataclass(frozen=True)
class Noise:
    """Perturbations with their strengths, in the order in which they are applied.

    Example:
        >>> str(parse_noise("swap:0.10+case:1"))
        'swap:0.1+case:1'
    """

    steps: tuple[tuple[Perturbation, float], ...]

    def __str__(self) -> str:
        return "+".join(f"{each.name}:{strength:g}" for each, strength in self.steps)

    @property
    def needs(self) -> frozenset[Need]:
        """What it needs in addition to the rows: of `lexicon` and `partner`."""
        return frozenset(each.needs for each, _ in self.steps if each.needs)

    def why_not(self, kind: Kind, language: str) -> str | None:
        """Return why it cannot be applied, or None where it can; see `Perturbation.why_not`."""
        return next((reason for each, _ in self.steps if (reason := each.why_not(kind, language))), None)

    def apply(
        self,
        rows: Rows,
        *,
        seed: int,
        fields: Sequence[str] | None = None,
        lexicons: Sequence[Lexicon] = (),
        partner: Rows | None = None,
    ) -> Rows:
        """Return the rows after every step; see `perturb`."""
        for each, strength in self.steps:
            rows = perturb(rows, each, strength=strength, seed=seed, fields=fields, lexicons=lexicons, partner=partner)
        return rows


def parse_noise(text: str) -> Noise:
    """Return the noise that a text describes.

    Raises:
        ToolkitError: an unknown perturbation, or a strength that is missing, not a number, or outside [0, 1].
    """
    steps = []
    for part in text.split("+"):
        name, colon, amount = part.strip().partition(":")
        try:
            strength = float(amount)
        except ValueError:
            found = f"the strength '{amount}'" if colon else "no strength"
            raise ToolkitError(
                f"Noise '{part.strip()}' has {found}; write NAME:STRENGTH, for example swap:0.1."
            ) from None
        steps.append((get_perturbation(name), check_strength(strength)))
    return Noise(tuple(steps))


def augment(rows: Rows, noise: Noise, *, rate: float, seed: int, lexicons: Sequence[Lexicon] = ()) -> Rows:
    """Return training rows of which a share is noisy: a defence that trains on what it will be attacked with.

    Args:
        rows: training rows.
        noise: what is done to the share.
        rate: the share of the rows, in [0, 1], drawn row by row.
        seed: any integer.
        lexicons: for `code-switch`; of several each word takes one at random (randomised code-switching, Qin et al. 2020).
    """
    noisy = noise.apply(rows, seed=seed, lexicons=lexicons)
    rolls = (row_rng(seed, "augment", rows.language, row.id).random() for row in rows)
    mixed: tuple[Row, ...] = tuple(b if roll < rate else a for a, b, roll in zip(rows, noisy, rolls, strict=True))
    return rows.holding(mixed, f"{noisy.origin}; {rate:g} of the rows")
