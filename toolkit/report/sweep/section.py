"""Section of a report's answer: sentences and the contrasts behind them, and the phrases that sentences are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolkit.report.compare import points
from toolkit.report.sweep.columns import Columns, Contrast
from toolkit.statistics.draws import Draws
from toolkit.statistics.estimates import Estimate
from toolkit.statistics.power import smallest_seen

Lines = dict[str, Callable[[str], Draws | None]]


@dataclass(frozen=True)
class Section:
    """The answer of one axis.

    Attributes:
        title: of the axis.
        said: sentences for the top of the report.
        contrasts: behind the sentences.
        note: what a reader has to know about them.
    """

    title: str
    said: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    note: str = ""


def interval(estimate: Estimate) -> str:
    """Return a difference in points with its interval.

    Example:
        >>> interval(Estimate(0.021, 0.004, 0.038, 0.01))
        '+2.1 [+0.4, +3.8]'
    """
    return f"{points(estimate.value)} [{points(estimate.low)}, {points(estimate.high)}]"


def smallest_text(estimate: Estimate) -> str:
    """Return the smallest true difference that would have been seen, in points."""
    found = smallest_seen(estimate)
    return "cannot say" if found is None else size_text(found)


def size_text(size: float) -> str:
    """Return the size of a difference of scores in points; none is larger than 100.

    Example:
        >>> size_text(0.064), size_text(1.495)
        ('6.4', 'more than 100')
    """
    return points(size, is_signed=False) if size <= 1 else "more than 100"


def verdict(estimate: Estimate) -> str:
    """Return in words whether a difference is more than chance."""
    return "more than chance" if estimate.is_significant else "may be chance"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence.

    Example:
        >>> listed(["a"]), listed(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def described(contrast: Contrast, columns: Columns) -> str:
    """Return a difference with its interval and verdict, and the targets that it is a mean over, unless there is only one."""
    found = f"{interval(contrast.estimate)} points, {verdict(contrast.estimate)}"
    n = len(contrast.targets)
    return (
        f"{found} (mean of {n} targets)"
        if n > 1
        else found
        if len(columns.targets) == 1
        else f"{found} ({contrast.targets[0]})"
    )


def overall(found: Sequence[Contrast], columns: Columns) -> list[Contrast]:
    """Return the contrasts over all targets, which come first, one for each name."""
    by_name: dict[tuple[str, str], Contrast] = {}
    for contrast in found:
        by_name.setdefault((contrast.name, contrast.about), contrast)
    return list(by_name.values())
