"""Sentences of a sweep's report: the answer to its question, and for each target what helps and what hurts."""

from __future__ import annotations

from toolkit.report.compare import points
from toolkit.report.sweep.entries import Entry
from toolkit.report.sweep.report import SweepReport
from toolkit.report.sweep.section import interval, size_text, verdict
from toolkit.statistics.estimates import Estimate
from toolkit.statistics.power import smallest_seen

_NAMED = 5  # rows named in a sentence; the table has all


def answers(report: SweepReport) -> list[str]:
    """Return the answer to the sweep's question, in sentences with intervals."""
    clean = [e for e in report.entries.values() if e.estimate is not None]
    found = [sentence for section in report.sections for sentence in section.said]
    if clean and not any(section.title.startswith("Order") for section in report.sections):
        up = sum((e.gain or 0) > 0 and _is_sure(e) for e in clean)
        down = sum((e.gain or 0) < 0 and _is_sure(e) for e in clean)
        found = [
            f"Of {len(clean)} differences to '{report.baseline}', {up} {'is a gain' if up == 1 else 'are gains'} and {down} "
            f"{'a loss' if down == 1 else 'losses'} beyond chance; {len(clean) - up - down} may be chance.",
            *_best_overall(report),
            *found,
        ]
    for task, guess in report.unlearnt.items():
        lost = ", so there is nothing that noise could take" if report.noise else ", so its differences say little"
        found.append(
            f"On {task} no row is better than guessing ({points(guess, is_signed=False)}) beyond chance{lost}."
        )
    return found


def _seen(some: list[Estimate]) -> str:
    """Return the smallest differences that would have been seen, of those on one target."""
    found = sorted(size for one in some if (size := smallest_seen(one)) is not None)
    if not found:
        return "the smallest difference that could be seen cannot be said (one seed, or seeds that do not differ)"
    ends = [size_text(size) for size in (found[0], found[-1])]
    return f"a true difference of {ends[0] if ends[0] == ends[1] else ' to '.join(ends)} points would be seen four times in five"


def _is_sure(entry: Entry) -> bool:
    return entry.estimate is not None and entry.estimate.is_significant


def _best_overall(report: SweepReport) -> list[str]:
    """Return the sentence about the row that helps most over the targets that it is compared on."""
    ranked = sorted(report.overall.items(), key=lambda item: -item[1].estimate.value)
    if not ranked:
        return []
    row, best = ranked[0]
    of = f"mean of {len(best.targets)} target{'' if len(best.targets) == 1 else 's'}"
    return [f"Best over its targets: {row}, {interval(best.estimate)} points ({of}; {verdict(best.estimate)})."]


def verdicts(report: SweepReport) -> list[str]:
    """Return for each target a sentence: what helps, what hurts, and what may be chance."""
    found = []
    for task in report.targets:
        entries = [e for (_, target), e in report.entries.items() if target == task and e.gain is not None]
        tested = sorted((e for e in entries if e.estimate is not None), key=lambda e: -(e.gain or 0.0))
        sure = [e for e in tested if e.estimate is not None and e.estimate.is_significant]
        parts = []
        for word, some in (
            ("helps", [e for e in sure if (e.gain or 0) > 0]),
            ("hurts", [e for e in reversed(sure) if (e.gain or 0) < 0]),
        ):
            if some:
                named = ", ".join(f"{e.row} {interval(e.estimate)}" for e in some[:_NAMED] if e.estimate is not None)
                named += f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
                parts.append(f"{word} more than chance: {named}")
        rest = len(tested) - len(sure)
        if rest:
            parts.append(f"{rest} of {len(tested)} differences may be chance")
        if len(entries) > len(tested):
            parts.append(f"{len(entries) - len(tested)} not tested")
        if tested:
            parts.append(_seen([e.estimate for e in tested if e.estimate is not None]))
        found.append(f"{task}: {'; '.join(parts) if parts else 'nothing to compare yet'}.")
    return found
