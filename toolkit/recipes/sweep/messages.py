"""Messages of a sweep: jobs for its processes and events from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from toolkit.engine.messages import Answer, Event, Job
from toolkit.recipes.sweep.facts import BackboneFact, Need, RowsFact
from toolkit.results.score import Score
from toolkit.sweeps import Step

Outcome = Literal["made", "found"]
"""Of a step that is done: it was done by this attempt, or an earlier attempt had finished it and could not say so."""
RunStatus = Literal["FINISHED", "FAILED", "KILLED"]

# -- jobs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LookUp(Job):
    """Job: look up the digests of backbones (keys of `Facts.backbones`) and the fingerprints of rows."""

    backbones: tuple[str, ...]
    needs: tuple[Need, ...]


@dataclass(frozen=True)
class Measure(Job):
    """Job: measure the speed of steps, one of each kind of work."""

    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Below:
    """An entry that a step builds on.

    Attributes:
        entry: its name.
        zoo: the zoo that holds it, relative to the sweep's folder.
        is_direct: whether it is a parent of the step, not only of a parent.
    """

    entry: str
    zoo: str
    is_direct: bool


@dataclass(frozen=True)
class DoStep(Job):
    """Job: do one step.

    Attributes:
        step: what is done.
        root: the sweep's folder.
        home: the step's own folder.
        below: the entries that it builds on, the lowest first.
        run_id: the sweep's run in the tracker, which the step's run is nested under; empty without one.
        experiment: of the step's run.
    """

    step: Step
    root: str
    home: str
    below: tuple[Below, ...]
    run_id: str
    experiment: str

    @property
    def direct(self) -> list[str]:
        """Names of the entries that the step itself is made from."""
        return [below.entry for below in self.below if below.is_direct]


@dataclass(frozen=True)
class OpenRun(Job):
    """Job: open the sweep's run in the tracker, or the run that an earlier try opened, and leave it open.

    Attributes:
        run_id: of the earlier try, as the sweep's folder has it.
        resume: key of the sweep, by which a try is found that was killed before the folder had its run.
    """

    name: str
    experiment: str
    tags: Mapping[str, str]
    params: Mapping[str, str | int]
    run_id: str = ""
    resume: str = ""


@dataclass(frozen=True)
class CloseRun(Job):
    """Job: log metrics and files to the sweep's run and close it."""

    name: str
    experiment: str
    tags: Mapping[str, str]
    run_id: str
    status: RunStatus
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: tuple[str, ...] = ()


# -- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resumed(Event):
    """Event: training began, after the optimiser step `at` of a checkpoint; 0 for a fresh start."""

    at: int


@dataclass(frozen=True)
class LookedUp(Answer):
    """Answer to `LookUp`."""

    backbones: Mapping[str, BackboneFact]
    rows: Mapping[str, RowsFact]


@dataclass(frozen=True)
class Measured(Answer):
    """Answer to `Measure`.

    Attributes:
        speeds: kind of work -> seconds per row, and seconds that do not depend on the rows.
        faults: sentences about what could not be measured.
    """

    speeds: Mapping[str, tuple[float, float]]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class StepDone(Answer):
    """Answer to `DoStep`; its fields are those of `Record`.

    Attributes:
        outcome: `made` or `found`.
        seconds: of this attempt.
        peak_memory_mib: largest memory during the step.
        parents: name -> digest of the entries that it was made from.
        folder: the step's folder, or that of its scores; relative to the sweep's folder.
        scores: one row per language and measure.
        digest: of a stage's entry.
        predictions: folder of the answers, relative to the sweep's folder; empty if none were written.
        contamination: sentences about training rows that overlap with the rows scored.
    """

    outcome: Outcome
    seconds: float
    peak_memory_mib: float
    parents: Mapping[str, str]
    folder: str
    scores: tuple[Score, ...]
    digest: str = ""
    predictions: str = ""
    contamination: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunOpened(Answer):
    """Answer to `OpenRun`; the id is empty if nothing is recorded."""

    run_id: str


@dataclass(frozen=True)
class RunClosed(Answer):
    """Answer to `CloseRun`."""
