"""Texts of the zoo for people: what two adapters differ in, and what an adapter was evaluated to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.face.shared import aligned
from toolkit.results.score import printed

if TYPE_CHECKING:
    from toolkit.zoo import AdapterCard
    from toolkit.zoo.diff import Difference


def score_lines(card: AdapterCard) -> list[str]:
    """Return what an adapter reached since its training, as comments below its card.

    Args:
        card: with the scores that `toolkit.zoo.record.with_scores` adds.
    """
    from toolkit.zoo.zero_shot import evaluated, zero_shot_means

    lines = [f"# Evaluated: {found.in_words()}" for found in zero_shot_means(card)]
    for one in evaluated(card):
        taken = f"language adapter {one.language_adapter}" if one.language_adapter else ""
        how = ", ".join(filter(None, (one.split, f"n={one.n}", one.protocol, taken)))
        lines.append(f"#   {one.task} {one.language} {one.metric} {printed(one.metric, one.value):.1f} ({how})")
    return lines


def difference_lines(found: Difference, heads: tuple[str, str]) -> list[str]:
    """Return what two adapters differ in, as tables under the names of both."""
    lines: list[str] = []
    for title, rows in (("made", found.made), ("data seen", found.data)):
        if rows:
            lines += [*aligned((title, *heads), rows), ""]
    if found.scores:
        shown = [
            (" ".join(key), *("-" if one is None else f"{100 * one:.2f}" for one in (a, b)), _change(a, b))
            for key, a, b in found.scores
        ]
        lines += [*aligned(("score", *heads, "change"), shown), ""]
    if found.weights:
        weights = [
            (
                one.part,
                "" if one.layer is None else str(one.layer),
                f"{one.relative:.4f}",
                f"{one.cosine:.4f}",
                *(f"{norm:.3f}" for norm in one.norms),
            )
            for one in found.weights
        ]
        norms = ("first", "second") if heads[0] == heads[1] else heads
        headers = ("weights", "layer", "relative difference", "cosine", *(f"norm of {one}" for one in norms))
        lines += aligned(headers, weights)
    return [*lines, *found.notes]


def _change(a: float | None, b: float | None) -> str:
    return "" if a is None or b is None else f"{100 * (b - a):+.2f}"
