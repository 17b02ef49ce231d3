"""Outlook of a sweep: the states of its steps, and the time that is left, from the steps that are finished."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.sweeps.folder import SweepFolder
from toolkit.sweeps.results import SweepResults, load_results, states_of
from toolkit.sweeps.values import Record, State, Step


@dataclass(frozen=True)
class Speed:
    """Time of a step of one kind: seconds per row, and fixed seconds that do not depend on the rows."""

    a_row: float
    fixed: float = 0.0

    def of(self, rows: int) -> float:
        """Return the seconds that a step with this number of rows takes."""
        return self.fixed + self.a_row * max(1, rows)


Speeds = Mapping[str, Speed]
"""By kind of work (`train pair`)."""


@dataclass(frozen=True)
class Outlook:
    """Outlook of a sweep.

    Attributes:
        results: the content of the folder.
        states: of all steps, by key.
        steps: all steps, parents first.
        records: by key.
        errors: key -> why a step failed or is blocked.
        is_alive: whether a sweep works in the folder now.
        seconds_left: None if nothing was measured yet.
    """

    results: SweepResults
    steps: tuple[Step, ...]
    states: Mapping[str, State]
    records: Mapping[str, Record]
    errors: Mapping[str, str]
    is_alive: bool
    seconds_left: float | None

    def count(self, state: State, *, stages: bool) -> int:
        """Return how many stages (or cells) are in a state."""
        if not stages:
            return self.results.count(state)
        return sum(self.states[step.key] == state for step in self.steps if step.is_stage)

    def among(self, state: State) -> list[Step]:
        """Return the steps in a state, in order."""
        return [step for step in self.steps if self.states[step.key] == state]


def outlook(root: Path | str, *, now: float) -> Outlook:
    """Read a sweep's folder and return its outlook; `now` in seconds since 1970.

    Raises:
        ToolkitError: there is no sweep in the folder.
    """
    results = load_results(root)
    folder = SweepFolder(root)
    planned = folder.plan()
    assert planned is not None  # load_results has read it
    records = folder.records(planned.steps)
    is_alive = folder.is_locked()
    states, errors = states_of(planned.steps, records, is_alive=is_alive)
    left = seconds_left(planned.steps, states, records, speeds=speeds_of(planned.steps, records), now=now)
    whole = None if left is None else left_with(left, planned.workers, planned.steps, states)
    return Outlook(results, planned.steps, states, records, errors, is_alive, whole)


def speeds_of(steps: Sequence[Step], records: Mapping[str, Record]) -> dict[str, Speed]:
    """Return the median speed of finished steps by kind of work; all of their time counts as their rows'.

    Example:
        >>> step = Step("k", "train", "a", 0, (), {}, work="train pair", examples=100)
        >>> speeds_of([step], {"k": Record("k", "train", "a", "done", seconds=5.0)})["train pair"].of(200)
        10.0
    """
    spent: dict[str, list[float]] = {}
    for step in steps:
        record = records.get(step.key)
        if record is not None and record.state == "done" and record.seconds > 0:
            spent.setdefault(step.work, []).append(record.seconds / max(1, step.examples or 1))
    return {work: Speed(statistics.median(found)) for work, found in spent.items()}


def seconds_of(step: Step, speeds: Speeds) -> float | None:
    """Return the seconds that a step will take; None if no step of its kind was measured."""
    if (own := speeds.get(step.work)) is not None:
        return own.of(step.examples or 1)
    # Without a measurement of its own kind of work, that of other work of the same kind of step is used.
    like = [speed.of(step.examples or 1) for work, speed in speeds.items() if work.split()[0] == step.work.split()[0]]
    return statistics.median(like) if like else None


def seconds_left(
    steps: Sequence[Step],
    states: Mapping[str, State],
    records: Mapping[str, Record],
    *,
    speeds: Speeds,
    now: float,
) -> dict[str, float] | None:
    """Return the seconds left of each step that is waiting or running; None if the speed of a kind of work is unknown."""
    found: dict[str, float] = {}
    for step in steps:
        if states[step.key] not in ("waiting", "running"):
            continue
        whole = seconds_of(step, speeds)
        if whole is None:
            return None
        record = records.get(step.key)
        if states[step.key] == "running" and record is not None and record.attempts:
            whole = max(0.0, whole - (now - record.attempts[-1].started))
        found[step.key] = whole
    return found


def left_with(left: Mapping[str, float], workers: int, steps: Sequence[Step], states: Mapping[str, State]) -> float:
    """Return the seconds until all is done: the work divided by the workers, or the longest chain if that takes longer."""
    chain: dict[str, float] = {}
    for step in steps:
        own = left.get(step.key, 0.0)
        chain[step.key] = own + max((chain[parent] for parent in step.parents), default=0.0)
    return max(sum(left.values()) / max(1, workers), max(chain.values(), default=0.0))
