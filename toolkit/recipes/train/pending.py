"""Record of an entry that is in the zoo and not in the tracker yet: a note, by which the next command completes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.files import load_json, replace_text
from toolkit.recipes.session.lease import leased_names
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.traces import log_adapters
from toolkit.tracking import Tracker
from toolkit.training.checkpoint import remove_checkpoint

FILE = "put.json"


@dataclass(frozen=True)
class Record:
    """Run of a stage, as it is opened and closed.

    Attributes:
        name, experiment, tags, params, resume: as `Session.tracked` takes them.
        numbers: what it logs at its end: values, and the step or None.
        at: when, in milliseconds since 1970; logging again changes nothing.
    """

    name: str
    experiment: str
    tags: Mapping[str, Any]
    params: Mapping[str, Any]
    resume: str
    numbers: tuple[tuple[Mapping[str, float], int | None], ...] = ()
    at: int = 0

    def log(self, tracker: Tracker) -> None:
        """Log the numbers."""
        for values, step in self.numbers:
            tracker.log_metrics(values, step, at=self.at)


@dataclass(frozen=True)
class Pending:
    """The note about an entry.

    Attributes:
        folder: of the entry's checkpoints.
        entry: its name.
        record: of the run that is made with it; None where none is missing.
    """

    folder: Path
    entry: str
    record: Record | None = None

    def write(self, session: Session) -> None:
        """Write the note, before the entry is put into the zoo."""
        before = ""
        with suppress(ToolkitError):  # there is none, or a damaged one
            before = session.zoo.get(self.entry, session.shelf).digest
        root = str(session.zoo.root.resolve())
        self._write({"zoo": root, "shelf": str(session.shelf), "entry": self.entry, "before": before})

    def recorded(self) -> None:
        """Note that the run lacks nothing any more."""
        found = load_json(self.folder / FILE)
        assert isinstance(found, dict)
        Pending(self.folder, self.entry)._write({key: value for key, value in found.items() if key != "record"})

    def remove(self) -> None:
        """Remove the checkpoints, and the note behind them."""
        for phase in (*sorted(self.folder.glob("phase*")), self.folder):
            remove_checkpoint(phase)
        (self.folder / FILE).unlink(missing_ok=True)
        with suppress(OSError):  # there are other files
            self.folder.rmdir()

    def _write(self, said: Mapping[str, Any]) -> None:
        record = {} if self.record is None else {"record": asdict(self.record)}
        replace_text(self.folder / FILE, json.dumps({**said, **record}, default=str))


def complete(session: Session) -> None:
    """Complete the records of entries whose command was killed behind their making, and remove their checkpoints."""
    for note in sorted((Path(session.config.run_dir) / "checkpoints").glob(f"*/{FILE}")):
        try:
            found = load_json(note)
            if not isinstance(found, dict) or found.get("zoo") != str(session.zoo.root.resolve()):
                continue
            if found["shelf"] == str(session.shelf):
                with leased_names([found["entry"]], session):
                    _complete(note.parent, found, session)
        except (OSError, ValueError, KeyError, TypeError, ToolkitError):
            continue  # damaged, or its command is at it


def _complete(folder: Path, found: Mapping[str, Any], session: Session) -> None:
    entry = str(found["entry"])
    if not session.zoo.holds(entry, session.shelf):
        return  # the command was killed before; it continues from the checkpoint
    card = session.zoo.get(entry, session.shelf)
    if card.digest == found["before"]:
        return
    if "record" in found:
        said = dict(found["record"])
        record = Record(**{**said, "numbers": tuple((dict(values), step) for values, step in said["numbers"])})
        with session.tracked(
            record.name, experiment=record.experiment, tags=record.tags, params=record.params, resume=record.resume
        ) as run:
            record.log(run)
            log_adapters(session, [card], is_made=True)
            Pending(folder, entry).recorded()
    shutil.rmtree(folder)
