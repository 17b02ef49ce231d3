"""Entries of a sweep's table: scores over seeds, and differences to the baseline with Holm's correction."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from toolkit.report.compare import MEAN, means_of
from toolkit.results.score import Score
from toolkit.results.summary import mean
from toolkit.statistics.draws import Resampled
from toolkit.statistics.estimates import Estimate, holm
from toolkit.sweeps import CellResult
from toolkit.sweeps.values import State

CONTAMINATED = "!"


@dataclass(frozen=True)
class Entry:
    """One cell of the table, over its seeds.

    Attributes:
        row, task: its place.
        state: `done`, `partial` (some seeds), `failed`, `blocked`, `running` or `waiting`.
        error: why, if it failed.
        seeds: the seeds scored.
        metric: of the scores.
        by_language: language -> mean over the seeds.
        groups: `zero-shot`, `low-resource` and `mean`, those that are over several languages -> their languages.
        spread: standard deviation over seeds of the mean over languages; None below two seeds.
        gain: difference of the mean over languages to the baseline; None without a baseline.
        estimate: the gain with its interval, and p corrected over the whole table; None without outcomes by row.
        differences: the gain by language and by name of a mean, each kind corrected over the target's page.
        contamination: sentences about training rows that overlap with the rows scored.
        is_baseline: whether others are compared with it.
        is_generated: whether its rows come from the built-in generator.
    """

    row: str
    task: str
    state: State | Literal["partial"]
    error: str = ""
    seeds: tuple[int, ...] = ()
    metric: str = ""
    by_language: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spread: float | None = None
    gain: float | None = None
    estimate: Estimate | None = None
    differences: Mapping[str, Estimate] = field(default_factory=dict)
    contamination: tuple[str, ...] = ()
    is_baseline: bool = False
    is_generated: bool = False

    @property
    def mean(self) -> float | None:
        """The mean over languages and seeds."""
        return mean(self.by_language.values())

    def over(self, name: str) -> float | None:
        """Return one of the means of `groups`; None if the cell does not have it."""
        return mean(self.by_language[code] for code in self.groups.get(name, ()))

    @property
    def worst(self) -> str | None:
        """The language of the lowest score."""
        return min(self.by_language, key=self.by_language.__getitem__) if self.by_language else None


def entry_of(row: str, task: str, cells: Sequence[CellResult], metric: str, pivot: str) -> Entry:
    """Return a cell of the table from its seeds; `pivot` is the target's training language."""
    done = [cell for cell in cells if cell.state == "done"]
    first = cells[0].cell
    state: State | Literal["partial"] = "done" if len(done) == len(cells) else "partial" if done else cells[0].state
    error = next((cell.error for cell in cells if cell.error), "")
    scores = [[score for score in cell.scores if score.metric == metric] for cell in done]
    languages = list(dict.fromkeys(score.language for some in scores for score in some))
    by_language = {code: mean(_value(some, code) for some in scores) or 0.0 for code in languages}
    means = [mean(score.value for score in some) or 0.0 for some in scores]
    return Entry(
        row=row,
        task=task,
        state=state,
        error=error,
        seeds=tuple(cell.cell.seed for cell in done),
        metric=metric,
        by_language=by_language,
        groups=means_of(languages, pivot_language=pivot),
        spread=statistics.stdev(means) if len(means) > 1 else None,
        contamination=tuple(dict.fromkeys(sentence for cell in cells for sentence in cell.contamination)),
        is_baseline=first.is_baseline,
        is_generated=any(score.is_generated for some in scores for score in some),
    )


def _value(scores: Sequence[Score], language: str) -> float:
    return next(score.value for score in scores if score.language == language)


def compared(entry: Entry, base: Entry | None, drawn: Resampled | None) -> Entry:
    """Return a cell with its differences to the baseline's cell, tested if there are outcomes by row."""
    if base is None or entry.is_baseline or entry.mean is None or base.mean is None:
        return entry
    # A difference of means over different languages has no meaning.
    if list(base.by_language) != list(entry.by_language):
        return entry
    entry = replace(entry, gain=entry.mean - base.mean)
    if drawn is None or not {entry.row, base.row} <= set(drawn.observed):
        return entry
    groups = {**entry.groups, **{code: (code,) for code in entry.by_language}}
    differences = {what: drawn.difference(entry.row, base.row, some) for what, some in groups.items()}
    estimate = drawn.difference(entry.row, base.row, drawn.languages)
    return replace(entry, gain=estimate.value, estimate=estimate, differences=differences)


def correct(entries: dict[tuple[str, str], Entry], targets: Sequence[str]) -> None:
    """Apply Holm's correction to the table of means, and on each target's page to the languages and each further mean."""
    tested = [key for key, entry in entries.items() if entry.estimate is not None]
    for key, p in zip(tested, holm([_p(entries[key].estimate) for key in tested]), strict=True):
        estimate = entries[key].estimate
        assert estimate is not None
        differences = {what: each for what, each in entries[key].differences.items() if what != MEAN}
        estimate = replace(estimate, adjusted=p, tests=len(tested))
        entries[key] = replace(entries[key], estimate=estimate, differences=differences)
    for task in targets:
        page = [key for key in tested if key[1] == task]
        means = dict.fromkeys(name for key in page for name in entries[key].groups)
        singles = {code for key in page for code in entries[key].by_language}
        for family in (singles, *({name} for name in means)):
            places = [(key, what) for key in page for what in entries[key].differences if what in family]
            adjusted = holm([entries[key].differences[what].p for key, what in places])
            for (key, what), p in zip(places, adjusted, strict=True):
                found = replace(entries[key].differences[what], adjusted=p)
                entries[key] = replace(entries[key], differences={**entries[key].differences, what: found})


def _p(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.p
