"""Clock of a training run: its times and running losses, for reports and the card."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_LOSS_EVERY = 20  # steps


@dataclass
class Clock:
    """Times and running loss of one process: for reports and the card, never for a decision about weights.

    Attributes:
        before: seconds of earlier tries.
    """

    before: float
    began: float = field(default_factory=time.perf_counter)
    spent: float = 0.0
    rows: int = 0
    shown_at: float = 0.0
    total_loss: float = 0.0
    n_losses: int = 0
    apart: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def examples_per_s(self) -> float:
        """Rows per second of training steps."""
        return self.rows / self.spent if self.spent else 0.0

    def add(self, loss: float, member: str) -> None:
        """Count the loss of a step on rows of a member of a mix."""
        self.total_loss, self.n_losses = self.total_loss + loss, self.n_losses + 1
        total, n = self.apart.get(member, (0.0, 0))
        self.apart[member] = (total + loss, n + 1)

    def means_apart(self) -> dict[str, float]:
        """Return the mean losses of the members since this was last asked; empty where there is one member."""
        means = {member: total / n for member, (total, n) in self.apart.items() if member}
        self.apart = {}
        return means

    def mean_loss(self, *, is_last: bool) -> float | None:
        """Return the mean loss of the last 20 steps, or None while they are fewer."""
        if self.n_losses < _LOSS_EVERY and not is_last:
            return None
        mean = self.total_loss / self.n_losses if self.n_losses else None
        self.total_loss, self.n_losses = 0.0, 0
        return mean
