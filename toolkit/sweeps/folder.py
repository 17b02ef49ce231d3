"""Folder of a sweep: `sweep.json`, a record per step, and the work of each; every file is whole or absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.files import load_json, replace_text
from toolkit.leases import Lease, TakenError, hold, is_held
from toolkit.results.score import from_dict as score_from_dict
from toolkit.safe_text import json_text
from toolkit.sweeps.expects import from_dict as expectation_from_dict
from toolkit.sweeps.values import Attempt, Cell, Record, Step, Sweep

FORMAT = 1
SWEEP_FILE = "sweep.json"
LEASE = ".lease"
LOCK_WAIT_S = 10.0  # a killed sweep's workers need a moment to notice


@dataclass(frozen=True)
class Planned:
    """A sweep with its steps, the content of `sweep.json`.

    Attributes:
        sweep: the grid; every cell's `key` names the step that scores it.
        steps: in an order in which they can be done.
        facts: digests of backbones, fingerprints and numbers of rows, as they were when the plan was made.
        run_id: of the sweep's run in the tracker; empty without one.
        workers: how many processes worked in the last run.
    """

    sweep: Sweep
    steps: tuple[Step, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    workers: int = 1

    @property
    def stages(self) -> tuple[Step, ...]:
        """The steps that make zoo entries."""
        return tuple(step for step in self.steps if step.is_stage)


class SweepFolder:
    """The folder of a sweep.

    Layout: `sweep.json`; `stages/KEY.json` and `cells/KEY.json`, the records; for each of them a folder `KEY/` with its own
    `zoo/` and `runs/`; `logs/`, the output of the workers.

    Args:
        root: the folder; made by the first write.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def home(self, step: Step | Record) -> Path:
        """Return the folder of a step's own zoo and runs."""
        return self.root / ("stages" if step.kind == "train" else "cells") / step.key

    def write_plan(self, planned: Planned) -> None:
        """Write `sweep.json`."""
        values = {"format": FORMAT, **asdict(planned)}
        replace_text(self.root / SWEEP_FILE, json_text(values, indent=1) + "\n")

    def plan(self) -> Planned | None:
        """Return the content of `sweep.json`; None if there is none.

        Raises:
            ToolkitError: it is of another release or damaged.
        """
        path = self.root / SWEEP_FILE
        values = read_object(path, "remove it and run the sweep again")
        if values is None:
            return None
        try:
            if values["format"] != FORMAT:
                raise ToolkitError(f"{path} has the format {values['format']}; this release reads {FORMAT}.")
            grid = dict(values["sweep"])
            cells = tuple(Cell(**{**cell, "members": tuple(cell["members"])}) for cell in grid.pop("cells"))
            expects = tuple(map(expectation_from_dict, grid.pop("expects", ())))  # absent before 0.2.0
            sweep = Sweep(**{**grid, "cells": cells, "left_out": tuple(grid["left_out"]), "expects": expects})
            steps = tuple(
                Step(**{**step, "parents": tuple(step["parents"]), "learns_from": tuple(step["learns_from"])})
                for step in values["steps"]
            )
            return Planned(sweep, steps, values["facts"], values["run_id"], values["workers"])
        except (KeyError, TypeError) as fault:
            raise ToolkitError(
                f"{path} is not a sweep of this release ({fault}); name another folder with --out."
            ) from None

    def write(self, record: Record) -> None:
        """Write a record."""
        # `asdict` copies what JSON only reads, and JSON with an indent is written by Python: most of what a large plan costs.
        lines = (f" {json_text(name)}: {json_text(_plain(value))}" for name, value in vars(record).items())
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        # What is lost of a step at work, where the machine itself ends, is only that it was at work.
        replace_text(self._path(record.kind, record.key), text, is_synced=record.state != "running")

    def record(self, step: Step) -> Record | None:
        """Return a step's record; None if it was never begun.

        Raises:
            ToolkitError: the file is damaged.
        """
        path = self._path(step.kind, step.key)
        values = read_object(path, "remove it and run the sweep again")
        if values is None:
            return None
        try:
            return record_of(values, f"A score of {path}")
        except (KeyError, TypeError, AttributeError) as fault:
            raise ToolkitError(
                f"{path} is not a record of this release ({fault}); remove it to do this step again."
            ) from None

    def records(self, steps: Sequence[Step]) -> dict[str, Record]:
        """Return the records of steps that were begun, by key."""
        found = {step.key: self.record(step) for step in steps}
        return {key: record for key, record in found.items() if record is not None}

    def lock(self) -> Lease:
        """Take this folder's lease, whose descriptor workers of this machine inherit.

        It is taken until the last process that holds the descriptor has ended, so workers that a killed sweep left running
        keep the next sweep out. A sweep of another machine is refused or found dead by its signs of life.

        Raises:
            ToolkitError: another sweep works here, or the folder cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return hold(self.root / LEASE, wait_s=LOCK_WAIT_S, doing="swept")
        except TakenError as taken:
            raise ToolkitError(
                f"Another sweep works in {self.root} ({taken}); wait for it (`xstilts status {self.root}`), or name "
                "another folder with --out."
            ) from None
        except OSError as error:
            raise ToolkitError(
                f"The sweep's folder {self.root} cannot be written ({error.strerror}); name another with --out."
            ) from None

    def is_locked(self) -> bool:
        """Return whether a sweep works here now."""
        return is_held(self.root / LEASE)

    def _path(self, kind: str, key: str) -> Path:
        return self.root / ("stages" if kind == "train" else "cells") / f"{key}.json"


def _plain(value: Any) -> Any:
    """Return a field of a record as JSON takes it: its attempts and scores, whose own fields are plain."""
    is_list = isinstance(value, tuple)
    return [vars(one) if is_dataclass(one) else one for one in value] if is_list else value


def record_of(values: Mapping[str, Any], where: str) -> Record:
    """Return the record that an object of JSON says.

    Args:
        values: fields of the record.
        where: what a score is of, for a sentence.

    Raises:
        KeyError, TypeError, AttributeError: it is not a record of this release.
    """
    scores = tuple(score_from_dict(row, where=where) for row in values["scores"])
    attempts = tuple(Attempt(**one) for one in values["attempts"])
    return Record(**{**values, "scores": scores, "attempts": attempts, "contamination": tuple(values["contamination"])})


def read_object(path: Path, way_out: str) -> dict[str, Any] | None:
    """Return the object in a file of JSON; None if there is no file.

    Raises:
        ToolkitError: it cannot be read, or is damaged; `way_out` says what to do then.
    """
    try:
        values = load_json(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ToolkitError(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError as fault:
        raise ToolkitError(f"{path} is damaged ({fault}); {way_out}.") from None
    if not isinstance(values, dict):
        raise ToolkitError(f"{path} is damaged (no object); {way_out}.")
    return values
