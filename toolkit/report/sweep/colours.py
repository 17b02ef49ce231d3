"""Colours of differences in a sweep's report, on its page and in its picture."""

from __future__ import annotations

from toolkit.report.sweep.report import SweepReport
from toolkit.statistics.estimates import Estimate

# Blue for better, orange for worse: colour-blind readers can distinguish them, and every cell has its number.
BETTER, WORSE = (33, 102, 172), (179, 88, 6)
LEAST_SCALE = 0.02  # a table of tiny differences stays pale
_BY_CHANCE = 0.35  # of the colour for what may be chance
_DEEP = 0.92  # from this share of the full colour on, white is easier to read on a light page than black


def shade(difference: float, scale: float, estimate: Estimate | None = None) -> tuple[str, bool]:
    """Return the background of a difference as CSS, and whether white text belongs on it; it fits a light and a dark page.

    Example:
        >>> shade(0.0, 0.05), shade(0.05, 0.05)
        (('rgba(33,102,172,0.00)', False), ('rgba(33,102,172,1.00)', True))
        >>> shade(0.05, 0.05, Estimate(0.05, -0.01, 0.11, 0.1))
        ('rgba(33,102,172,0.35)', False)
    """
    share = abs(shown_gain(difference, estimate, scale)) / scale
    red, green, blue = WORSE if difference < 0 else BETTER
    return f"rgba({red},{green},{blue},{share:.2f})", share >= _DEEP


def shown_gain(gain: float, estimate: Estimate | None, scale: float) -> float:
    """Return a difference as its colour shows it: at most `scale`, and much paler if it may be chance."""
    shown = min(max(gain, -scale), scale)
    return shown if estimate is None or estimate.is_significant else shown * _BY_CHANCE


def scale_of(report: SweepReport) -> float:
    """Return the difference that has the full colour, a fraction."""
    gains = [abs(entry.gain) for entry in report.entries.values() if entry.gain is not None]
    return max([LEAST_SCALE, *gains])
