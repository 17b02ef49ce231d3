"""Messages of a sweep: jobs for its workers and events from them; `lines.py` makes a line of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from toolkit.recipes.sweep.facts import BackboneFact, Need, RowsFact
from toolkit.results.score import Score
from toolkit.sweeps import Step

Outcome = Literal["made", "found"]
"""Of a step that is done: it was done by this attempt, or an earlier attempt had finished it and could not say so."""
RunStatus = Literal["FINISHED", "FAILED", "KILLED"]

# -- jobs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hire:
    """First message to a worker.

    Attributes:
        number: of the worker, from 0.
        places: the settings that are not part of a step, as plain values: folders, task files and tracker.
        log: file that the worker's output goes to.
    """

    number: int
    places: Mapping[str, Any]
    log: str


@dataclass(frozen=True)
class LookUp:
    """Job: look up the digests of backbones (keys of `Facts.backbones`) and the fingerprints of rows."""

    backbones: tuple[str, ...]
    needs: tuple[Need, ...]


@dataclass(frozen=True)
class Measure:
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
class DoStep:
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
class OpenRun:
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
class CloseRun:
    """Job: log metrics and files to the sweep's run and close it."""

    name: str
    experiment: str
    tags: Mapping[str, str]
    run_id: str
    status: RunStatus
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: tuple[str, ...] = ()


Job = LookUp | Measure | DoStep | OpenRun | CloseRun

# -- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """Event: a process has started and can be given jobs."""


@dataclass(frozen=True)
class Began:
    """Event: a process has taken a step."""

    host: str
    pid: int


@dataclass(frozen=True)
class Progressed:
    """Event: progress within a job; its fields are those of `Progress`."""

    what: str
    done: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Resumed:
    """Event: training began, after the optimiser step `at` of a checkpoint; 0 for a fresh start."""

    at: int


@dataclass(frozen=True)
class Said:
    """Event: a sentence for the reader."""

    text: str


@dataclass(frozen=True)
class Failed:
    """Event that ends a job.

    Attributes:
        error: why it failed, in one sentence.
        is_dead: whether the worker ended as well.
        is_killed: whether a signal ended it, which it did not do of itself.
        is_unspoken: whether it had not sent an event about the job: it may have been dead when it was given it.
        is_unready: whether its process had never been ready for any job.
    """

    error: str
    is_dead: bool = False
    is_killed: bool = False
    is_unspoken: bool = False
    is_unready: bool = False


@dataclass(frozen=True)
class LookedUp:
    """Answer to `LookUp`."""

    backbones: Mapping[str, BackboneFact]
    rows: Mapping[str, RowsFact]


@dataclass(frozen=True)
class Measured:
    """Answer to `Measure`.

    Attributes:
        speeds: kind of work -> seconds per row, and seconds that do not depend on the rows.
        faults: sentences about what could not be measured.
    """

    speeds: Mapping[str, tuple[float, float]]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class StepDone:
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
class RunOpened:
    """Answer to `OpenRun`; the id is empty if nothing is recorded."""

    run_id: str


@dataclass(frozen=True)
class RunClosed:
    """Answer to `CloseRun`."""


Answer = LookedUp | Measured | StepDone | RunOpened | RunClosed
Event = Ready | Began | Progressed | Resumed | Said | Failed | Answer
