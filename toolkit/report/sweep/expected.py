"""Expectations of a sweep against its results: agrees, disagrees, or cannot say, by the report's own test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from toolkit.report.sweep.columns import Columns, Row, less
from toolkit.report.sweep.extra import Aside
from toolkit.report.sweep.section import interval, smallest_text
from toolkit.report.table import Table
from toolkit.statistics.draws import Draws, mean_draws
from toolkit.statistics.estimates import LEVEL, Estimate, holm
from toolkit.sweeps import SweepResults
from toolkit.sweeps.expects import Expectation
from toolkit.sweeps.registered import Registered, Registration

Verdict = Literal["agrees", "disagrees", "cannot say", "not checked"]

HEADING = "Registered plan"
_SHORT = 12  # hex digits of a digest that are shown


@dataclass(frozen=True)
class Check:
    """An expectation and what was found.

    Attributes:
        expectation: as it was registered.
        verdict: `agrees` or `disagrees` only beyond chance, after Holm's correction over all expectations; `not checked`
            if it is in words.
        estimate: the difference, with its interval and the smallest effect; None if it cannot be computed.
        asked: when it was registered; None if it never was.
        is_withdrawn: whether the file has it no longer.
        why: why there is no difference.
    """

    expectation: Expectation
    verdict: Verdict
    estimate: Estimate | None = None
    asked: Registration | None = None
    is_withdrawn: bool = False
    why: str = ""


def checks_of(columns: Columns, results: SweepResults) -> tuple[Check, ...]:
    """Return every expectation that the sweep's file has or ever had, checked.

    An expectation of a difference d that is higher by at least b asks whether d - b is more than 0: it agrees if the test of
    d - b is significant and d > b, and disagrees if it is significant and d < b. `same` within b asks this at both ends, of
    which the nearer one decides (two one-sided tests, Schuirmann 1987).
    """
    registered = results.registered
    every = tuple(dict.fromkeys((*registered.expects, *results.sweep.expects)))
    found = tested([(columns, [one]) for one in every])
    return tuple(
        replace(
            check,
            asked=registered.first_with(check.expectation),
            is_withdrawn=check.expectation not in results.sweep.expects,
        )
        for check in found
    )


def tested(every: Sequence[tuple[Columns, Sequence[Expectation]]]) -> tuple[Check, ...]:
    """Return expectations of one sweep or of several, checked, with Holm's correction over all of them.

    Args:
        every: one expectation each, or several: then the mean of their differences is held against the first.
    """
    made: list[Check] = []
    tests: list[float] = []
    for columns, some in every:
        one = some[0]
        parts = [_draws(columns, each) for each in some] if one.rows else ["in words"]
        why = next((each for each in parts if isinstance(each, str)), "")
        if why:
            made.append(Check(one, "cannot say" if one.rows else "not checked", why=why))
            continue
        found = mean_draws([each for each in parts if not isinstance(each, str)])
        bound = _bound(one, found.value)
        tests.append(replace(found, value=found.value - bound, replicates=found.replicates - bound).estimate.p)
        made.append(Check(one, "cannot say", found.estimate))
    adjusted = iter(holm(tests))
    return tuple(check if check.estimate is None else _decided(check, next(adjusted), len(tests)) for check in made)


def _decided(check: Check, p: float, tests: int) -> Check:
    assert check.estimate is not None
    estimate = replace(check.estimate, adjusted=p, tests=tests)
    verdict: Verdict = "cannot say"
    if p <= LEVEL:
        verdict = "agrees" if _holds(check.expectation, estimate.value) else "disagrees"
    return replace(check, estimate=estimate, verdict=verdict)


def _bound(one: Expectation, value: float) -> float:
    """Return the difference at which an expectation begins to hold, as a fraction; of two ends the nearer one."""
    by = one.by / 100
    if one.direction == "same":
        return by if value >= 0 else -by
    return by if one.direction == "higher" else -by


def _holds(one: Expectation, value: float) -> bool:
    bound = _bound(one, value)
    if one.direction == "same":
        return abs(value) < abs(bound)
    return value > bound if one.direction == "higher" else value < bound


def _draws(columns: Columns, one: Expectation) -> Draws | str:
    """Return the difference that an expectation is about, or why there is none."""
    by_name: Mapping[str, Row] = {row.name: row for row in columns.rows}
    missing = [name for name in (*one.rows, *one.than) if name not in by_name]
    missing += [task for task in one.on if task not in columns.targets]
    if missing:
        return f"no longer in the grid: {', '.join(missing)}"
    rows, than = ([by_name[name] for name in names] for names in (one.rows, one.than))
    found: dict[str, Draws] = {}
    for task in one.on or columns.targets:
        if one.measure == "change":
            own = less(columns.mean_change(rows, task), columns.mean_change(than, task)) if columns.noises else None
        else:
            own = _score(columns, one, rows, than, task)
        if own is not None:
            found[task] = own
        elif one.on:
            return f"not scored with all seeds on {task}, or not in these languages"
    return mean_draws(list(found.values())) if found else "not scored with all seeds, or not in these languages"


def _score(columns: Columns, one: Expectation, rows: Sequence[Row], than: Sequence[Row], task: str) -> Draws | None:
    if not set(one.languages) <= set(columns.languages(task)):
        return None
    codes = one.languages or None
    return less(columns.mean(rows, task, languages=codes), columns.mean(than, task, languages=codes))


def plan_aside(results: SweepResults, checks: Sequence[Check]) -> Aside | None:
    """Return the section of the registered plan: what was asked, when, and what was found; None if nothing was asked."""
    registered = results.registered
    if not registered.entries and not registered.fault and not checks:
        return None
    lines = list(_said(registered))
    if checks:
        lines.insert(0, counted(checks))
    return Aside(HEADING, tuple(lines), (_table(checks),) if checks else ())


def counted(checks: Sequence[Check]) -> str:
    """Return how many expectations agree, in a sentence."""
    verdicts: tuple[Verdict, ...] = ("agrees", "disagrees", "cannot say", "not checked")
    one = {"agrees": "agrees", "disagrees": "disagrees", "cannot say": "cannot be said", "not checked": "is in words"}
    many = {"agrees": "agree", "disagrees": "disagree", "cannot say": "cannot be said", "not checked": "are in words"}
    counts = {verdict: sum(check.verdict == verdict for check in checks) for verdict in verdicts}
    said = ", ".join(f"{n} {(one if n == 1 else many)[verdict]}" for verdict, n in counts.items() if n)
    late = sum(check.asked is None or not check.asked.is_blind for check in checks)
    after = f"; {late} of them asked after results were seen" if late else ""
    return f"Of {len(checks)} expectation{'' if len(checks) == 1 else 's'}: {said}{after}."


def _said(registered: Registered) -> list[str]:
    """Return what was asked at each start, and what was changed after results were seen."""
    if registered.fault:
        found = [f"The registered plan cannot be trusted: {registered.fault}."]
    elif not registered.entries:
        return ["Nothing was registered before the first step: this folder was begun by an older release."]
    else:
        found = []
    for number, entry in enumerate(registered.entries):
        digest = f"digest {entry.digest[:_SHORT]}"
        when = "before any step was finished" if entry.is_blind else f"after {_done(entry)}"
        if number == 0:
            found.append(f'Registered {entry.time}, {when} ({digest}): "{entry.question}"')
            continue
        changed = "; ".join(_differences(registered.entries[number - 1], entry)) or "nothing that is shown here"
        mark = "Changed" if entry.is_blind else "Asked after results were seen"
        found.append(f"{mark}, {entry.time}, {when} ({digest}): {changed}.")
    return found


def _done(entry: Registration) -> str:
    steps = f"{entry.steps_done} step{'' if entry.steps_done == 1 else 's'}"
    return f"{steps} ({entry.cells_done} of them scorings) had been finished"


def _differences(before: Registration, now: Registration) -> list[str]:
    found = []
    if before.question != now.question:
        found.append(f'the question is now "{now.question}"')
    lists = (
        ("expectations", tuple(map(str, before.expects)), tuple(map(str, now.expects))),
        ("rows", before.rows, now.rows),
        ("targets", before.targets, now.targets),
        ("seeds", tuple(map(str, before.seeds)), tuple(map(str, now.seeds))),
        ("points of settings", before.variants, now.variants),
    )
    for what, old, new in lists:
        for word, some in (("added", [x for x in new if x not in old]), ("left out", [x for x in old if x not in new])):
            if some:
                found.append(f"{what} {word}: {', '.join(some)}")
    for key in dict.fromkeys((*before.settings, *now.settings)):
        then, here = before.settings.get(key, "not given"), now.settings.get(key, "not given")
        if then != here:
            found.append(f"{key} {then} -> {here}")
    return found


def _table(checks: Sequence[Check]) -> Table:
    columns = ("expected", "asked", "difference", "smallest that could be seen", "p (Holm)", "found")
    rows = []
    for check in checks:
        e = check.estimate
        asked = "never registered" if check.asked is None else check.asked.time
        if check.asked is not None and not check.asked.is_blind:
            asked += ", after results"
        asked += ", withdrawn" if check.is_withdrawn else ""
        rows.append(
            (
                str(check.expectation),
                asked,
                "" if e is None else interval(e),
                "" if e is None else smallest_text(e),
                "" if e is None else f"{e.corrected:.4f}",
                check.verdict + (f" ({check.why})" if check.why else ""),
            )
        )
    notes = (
        "Differences in points with 95 % intervals. An expectation agrees or disagrees if the difference is beyond chance on that side of "
        "what was expected, with Holm's correction over all expectations; else the result cannot say. Smallest that could be "
        "seen: the true difference that this test would have called more than chance four times in five.",
    )
    return Table("Expected and found", columns, tuple(rows), notes, named=1)
