"""Values of a sweep: cells (what is scored), steps (what is done for them), records (the results)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from toolkit.results.score import Score
from toolkit.sweeps.expects import Expectation

Kind = Literal["train", "evaluate", "retrieve"]
State = Literal["waiting", "running", "done", "failed", "blocked"]
Axis = Literal["intermediates", "orders", "mixtures", "sources", "domains", "fusions", "compositions"]
Group = Axis | Literal["baseline"]
Method = Literal["stack", "warm", "fuse", "avg", "merge", "ties", "dare", "mix", "seq"]
"""`stack`: a/b/T; `warm`: seq[a,b,T], one adapter all the way; the others: the block below the target, seq[a,b]/T."""
Outcome = Literal["", "made", "found", "failed"]
Texts = Mapping[str, str]
"""Settings by dotted key, each as it is written in YAML or after `--set`."""


@dataclass(frozen=True)
class Cell:
    """One cell of the table for one seed and variant: a composition, scored on a task.

    Attributes:
        name: unique in its sweep, for example `mnli | xnli | seed 0`.
        row: label of the table's row, `mnli`.
        group: the axis that the row comes from, `intermediates`; of the baseline row `baseline`.
        method: how the members are combined: `stack`, `seq`, `warm`, `mix`, `fuse`, `avg`, `merge`, `ties`, `dare`,
            or `given` for a composition that is written in the file.
        members: the names (for a row of `sources` the languages) that the row combines, in order.
        composition: trained and scored, in its canonical form.
        task: the task that it is scored on; label of the table's column.
        languages: `all`, or codes with commas.
        seed: `train.seed` of every stage of the cell.
        variant: name of its point on the axis `settings`; empty without that axis.
        is_baseline: whether other rows of the same task, seed and variant are compared with it.
        settings: those of the variant.
        key: of the step that scores it, and of its record; empty before a plan is made.
    """

    name: str
    row: str
    group: Group
    method: Method | Literal["given"]
    members: tuple[str, ...]
    composition: str
    task: str
    languages: str
    seed: int
    variant: str = ""
    is_baseline: bool = False
    settings: Texts = field(default_factory=dict)
    key: str = ""

    @property
    def axes(self) -> dict[str, str | int]:
        """The cell's place in the grid, for tags and tables."""
        found: dict[str, str | int] = {"row": self.row, "group": self.group, "method": self.method}
        found |= {"target": self.task, "seed": self.seed}
        return found | ({"settings": self.variant} if self.variant else {})


@dataclass(frozen=True)
class Sweep:
    """A grid, expanded.

    Attributes:
        name: of the file, and of the folder.
        title, question: for people.
        cells: every cell, in the order of the table.
        settings: for all stages; `intermediate`: for the stages below a cell's own last one; `target`: for that one;
            `tasks`: for the stages that train a task. Later ones win over earlier ones.
        left_out: sentences about combinations that were left out, such as a target stacked on itself.
        expects: what the author expects, to be checked by the report.
    """

    name: str
    title: str
    question: str
    cells: tuple[Cell, ...]
    settings: Texts = field(default_factory=dict)
    intermediate: Texts = field(default_factory=dict)
    target: Texts = field(default_factory=dict)
    tasks: Mapping[str, Texts] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    expects: tuple[Expectation, ...] = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """The labels of the table's rows, in order."""
        return tuple(dict.fromkeys(cell.row for cell in self.cells))

    @property
    def targets(self) -> tuple[str, ...]:
        """The tasks scored: the table's columns, in order."""
        return tuple(dict.fromkeys(cell.task for cell in self.cells))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(dict.fromkeys(cell.seed for cell in self.cells))

    @property
    def variants(self) -> tuple[str, ...]:
        """The names on the axis `settings`, in order; one empty name without that axis."""
        return tuple(dict.fromkeys(cell.variant for cell in self.cells))


@dataclass(frozen=True)
class Step:
    """A piece of work that is done once for all cells that need it: train (or merge) a stage, or score a composition.

    Attributes:
        key: 16 hex digits over everything that determines the outcome.
        kind: `train`, `evaluate` or `retrieve`.
        composition: the stage's entry, or the composition that is scored.
        seed: its `train.seed`.
        parents: keys of the steps that must be done first.
        settings: the resolved configuration as nested plain values, without places (folders, tracker, mirror).
        learns_from: names of the tasks, in the composition's spelling, whose rows a stage learns from; none for a merge.
        task, languages: that are scored; empty for a stage.
        work: kind of work, for estimates of time: `train pair`, `evaluate span`.
        examples: number of rows that it processes, for estimates of time; None if unknown.
    """

    key: str
    kind: Kind
    composition: str
    seed: int
    parents: tuple[str, ...]
    settings: Mapping[str, Any]
    learns_from: tuple[str, ...] = ()
    task: str = ""
    languages: str = ""
    work: str = ""
    examples: int | None = None

    @property
    def is_stage(self) -> bool:
        """Whether it makes a zoo entry; if not, it scores."""
        return self.kind == "train"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a step.

    Attributes:
        started, ended: seconds since 1970; `ended` is None while it runs, and stays None if the process was killed.
        resumed_at: optimiser step of the checkpoint that it continued from, 0 for a fresh start.
        outcome: `made`, `found` (an earlier attempt had finished and could not say so) or `failed`; empty while it runs,
            and stays empty if the process was killed.
    """

    started: float
    ended: float | None = None
    resumed_at: int = 0
    outcome: Outcome = ""


@dataclass(frozen=True)
class Record:
    """Result of a step so far: `stages/KEY.json` or `cells/KEY.json`.

    Attributes:
        key, kind, composition: as in the step.
        state: `running`, `done` or `failed`.
        attempts: all of them, also those that were killed; a finished stage was trained to its end exactly once.
        seconds: of the last attempt and of the earlier ones that it continued, as far as they were recorded.
        host, pid: of the process that works on it, or did.
        what, done, total: progress within the step.
        error: one sentence, if it failed.
        peak_memory_mib: largest memory during the step (GPU: allocated); None if it cannot be measured.
        examples: number of rows processed.
        digest: of a stage's zoo entry; `parents`: of the entries it was made from, by name.
        folder: of a stage's zoo, or of a cell's scores and predictions; relative to the sweep's folder.
        predictions: folder of answers by row, relative to the sweep's folder; empty if none were written.
        scores: one row per language and measure.
        contamination: sentences about training rows that overlap with the rows scored.
    """

    key: str
    kind: Kind
    composition: str
    state: State
    attempts: tuple[Attempt, ...] = ()
    seconds: float = 0.0
    host: str = ""
    pid: int = 0
    what: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    peak_memory_mib: float | None = None
    examples: int = 0
    digest: str = ""
    parents: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    predictions: str = ""
    scores: tuple[Score, ...] = ()
    contamination: tuple[str, ...] = ()
