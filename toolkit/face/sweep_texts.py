"""Texts of a sweep for people: what a dry run found, and the state of the sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.face.shared import aligned

if TYPE_CHECKING:
    from toolkit.recipes.sweep.run import DryRun
    from toolkit.sweeps import Planned, Step
    from toolkit.sweeps.outlook import Outlook
    from toolkit.sweeps.values import State

STATES: tuple[State, ...] = ("done", "running", "failed", "blocked", "waiting")


def plan_text(found: DryRun, workers: int) -> str:
    """Return what a sweep would do: its size, the stages to train, and the time."""
    planned = found.planned
    grid, uses = planned.sweep, uses_of(planned)
    head = f"{grid.title}\n{grid.question}".strip()
    size = (
        f"{_n(len(grid.cells), 'cell')}: {_n(len(grid.rows), 'row')} x {_n(len(grid.targets), 'target')} x "
        f"{_n(len(grid.seeds), 'seed')} x {_n(len(grid.variants), 'setting')}."
    )
    cells = []
    for number, step in enumerate(found.stages, 1):
        rows = "?" if step.examples is None else f"{step.examples:,}"
        learns = "+".join(step.learns_from) or "computed"
        cells.append((str(number), step.composition, learns, str(step.seed), rows, _n(uses[step.key], "cell")))
    table = aligned(("", "stage", "learns from", "seed", "rows", "for"), cells)
    done = len(planned.stages) - len(found.stages)
    steps = len({cell.key for cell in found.cells})
    scored = f"{_n(steps, 'composition')} to score"
    if steps < len(found.cells):  # seeds of a backbone without adapters, for example
        scored += f", which fill {_n(len(found.cells), 'cell')}"
    shared = sum(uses[step.key] > 1 for step in planned.stages)
    work = (
        f"{_n(len(found.stages), 'stage')} to train ({done} done already) and {scored}; "
        f"{shared} stages are shared: one by one the cells would train {found.unshared}."
    )
    if found.seconds is None:
        estimate = f"No estimate of time: {found.measured}"
    else:
        estimate = f"About {in_words(found.seconds)} with {_n(workers, 'worker')}, measured {found.measured}."
    return "\n".join([head, size, *table, work, estimate])


def status_text(found: Outlook, folder: Path, now: float) -> str:
    """Return what is done, what runs, what failed, what is left, and when it will end; `now` in seconds since 1970."""
    cells = [
        (label, *(str(found.count(state, stages=is_stage)) for state in STATES))
        for label, is_stage in (("stages", True), ("scored", False))
    ]
    lines = [f"{found.results.sweep.title} ({folder})"]
    lines += aligned(("", *STATES[:-1], "left"), cells)
    for step in found.among("running"):
        record = found.records[step.key]
        spent = now - record.attempts[-1].started
        where = f"{record.what} {record.done}/{record.total}, " if record.what else ""
        lines.append(f"running: {_named(step)}: {where}{in_words(spent)} so far, process {record.pid} on {record.host}")
    failed: dict[str, list[str]] = {}
    for step in found.among("failed"):
        failed.setdefault(found.errors[step.key], []).append(_named(step))
    lines += [f"failed: {'; '.join(steps)}: {error}" for error, steps in failed.items()]
    return "\n".join([*lines, _ending(found, now)])


def _ending(found: Outlook, now: float) -> str:
    left = len(found.among("waiting")) + len(found.among("running"))
    if left == 0:
        if found.results.is_finished:
            return "Finished."
        return "Finished, but for what failed: the same command tries it again."
    stopped = "" if found.is_alive else "Nothing works here now; the same command continues. "
    if found.seconds_left is None:
        return f"{stopped}{_n(left, 'step')} left; too little is measured for an estimate."
    end = datetime.fromtimestamp(now + found.seconds_left)
    day = "" if end.date() == datetime.now().date() else f" on {end:%d %B}"
    when = f": until {end:%H:%M}{day}" if found.is_alive else ""
    return f"{stopped}{_n(left, 'step')} left, about {in_words(found.seconds_left)}{when}."


def uses_of(planned: Planned) -> Mapping[str, int]:
    """Return how many cells need each step."""
    from toolkit.sweeps.results import ancestors

    below: Mapping[str, Sequence[str]] = ancestors(planned.steps)
    uses = {step.key: 0 for step in planned.steps}
    for cell in planned.sweep.cells:
        for key in below[cell.key]:
            uses[key] += 1
    return uses


def _named(step: Step) -> str:
    return f"{step.composition}" + (f" on {step.task}" if step.task else "") + f", seed {step.seed}"


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def in_words(seconds: float) -> str:
    """Return a span of time as people say it.

    Example:
        >>> in_words(42), in_words(250), in_words(9000), in_words(200000)
        ('42 s', '4 min', '2 h 30 min', '2 days 7 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"
