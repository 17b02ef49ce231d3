"""Registered plan of a sweep: question, expectations, grid and settings, written down before the first step and never changed.

`registered.json` holds one entry for the first start and one for each later start that asks something else. Each entry has the
time, how much was finished by then, and a digest over itself and the entry before it; `sweep.json` has the last digest as well, and
so has the tracked run. An entry that was edited afterwards no longer has its digest. docs/decisions/0091-registered-plans.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.files import load_json, replace_text
from toolkit.safe_text import json_text
from toolkit.sweeps.expects import Expectation
from toolkit.sweeps.expects import from_dict as expectation_from_dict
from toolkit.sweeps.values import Sweep, Texts

REGISTERED_FILE = "registered.json"
DIGEST = "registered"
"""Name of the last digest among the facts of `sweep.json`."""


@dataclass(frozen=True)
class Registration:
    """What was asked at one start.

    Attributes:
        time: in UTC, to the second.
        steps_done, cells_done: finished in the folder by then; 0 and 0: nothing was known.
        question: as it is written in the file.
        expects: as they are written in the file.
        rows, targets, seeds, variants: labels of the grid.
        settings: of the file and the command line, as text: `target train.limit` -> `500`.
        before: digest of the entry before it; empty for the first.
        digest: 64 hex digits over all of the above.
    """

    time: str
    steps_done: int
    cells_done: int
    question: str
    expects: tuple[Expectation, ...]
    rows: tuple[str, ...]
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    variants: tuple[str, ...]
    settings: Texts = field(default_factory=dict)
    before: str = ""
    digest: str = ""

    @property
    def is_blind(self) -> bool:
        """Whether nothing was finished yet."""
        return not self.steps_done and not self.cells_done

    def computed(self) -> str:
        """Return the digest that the entry should have."""
        values = asdict(replace(self, digest=""))
        text = json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Registered:
    """Content of `registered.json`.

    Attributes:
        entries: in the order of time; none: the folder was begun by a release that registered nothing.
        fault: why they cannot be trusted; empty if every digest is right.
    """

    entries: tuple[Registration, ...] = ()
    fault: str = ""

    def first_with(self, expectation: Expectation) -> Registration | None:
        """Return the first entry that has an expectation."""
        return next((entry for entry in self.entries if expectation in entry.expects), None)

    @property
    def expects(self) -> tuple[Expectation, ...]:
        """Every expectation that was ever registered, in order."""
        return tuple(dict.fromkeys(one for entry in self.entries for one in entry.expects))


def register(root: Path, sweep: Sweep, given: Texts, *, steps_done: int, cells_done: int, now: float) -> str:
    """Write down what a sweep asks, unless the last entry says the same; return the last digest.

    Args:
        root: the sweep's folder.
        sweep: the grid.
        given: settings of the command line.
        steps_done, cells_done: steps (scorings among them) and scorings that the folder holds.
        now: seconds since 1970.

    Raises:
        ToolkitError: the file is damaged, or cannot be written.
    """
    entries = _read(root)
    entry = Registration(
        time=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        steps_done=steps_done,
        cells_done=cells_done,
        question=sweep.question,
        expects=sweep.expects,
        rows=sweep.rows,
        targets=sweep.targets,
        seeds=sweep.seeds,
        variants=sweep.variants,
        settings=_settings(sweep, given),
    )
    if entries:
        last = entries[-1]
        there = replace(entry, time=last.time, steps_done=last.steps_done, cells_done=last.cells_done)
        if replace(there, before=last.before, digest=last.digest) == last:
            return last.digest
        entry = replace(entry, before=last.digest)
    entry = replace(entry, digest=entry.computed())
    values = {"format": 1, "entries": [asdict(one) for one in (*entries, entry)]}
    replace_text(root / REGISTERED_FILE, json_text(values, indent=1) + "\n")
    return entry.digest


def read_registered(root: Path, facts: Mapping[str, Any]) -> Registered:
    """Return the registered plan of a sweep's folder, with the fault of its digests if there is one.

    Args:
        root: the sweep's folder.
        facts: of its `sweep.json`.
    """
    expected = str(facts.get(DIGEST, ""))
    try:
        entries = _read(root)
    except ToolkitError as error:
        return Registered((), str(error).rstrip("."))
    if not entries:
        return Registered((), f"{REGISTERED_FILE} was removed" if expected else "")
    before = ""
    for number, entry in enumerate(entries, 1):
        if entry.digest != entry.computed() or entry.before != before:
            return Registered(entries, f"entry {number} of {REGISTERED_FILE} was changed after it was written")
        before = entry.digest
    if expected not in (before, entries[-1].before):  # a start that was killed here has not written sweep.json yet
        return Registered(entries, f"the last digest of {REGISTERED_FILE} is not that of sweep.json")
    return Registered(entries)


def _read(root: Path) -> tuple[Registration, ...]:
    path = root / REGISTERED_FILE
    try:
        values: Any = load_json(path)
        return tuple(_entry(one) for one in values["entries"])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ToolkitError(f"{path} cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ToolkitError(
            f"{path} is damaged; remove it to register the sweep anew, which its report will say."
        ) from None


def _entry(values: Mapping[str, Any]) -> Registration:
    lists = {name: tuple(values[name]) for name in ("rows", "targets", "seeds", "variants")}
    expects = tuple(map(expectation_from_dict, values["expects"]))
    return Registration(**{**values, **lists, "expects": expects})


def _settings(sweep: Sweep, given: Texts) -> dict[str, str]:
    """Return the settings that a sweep was asked with, by their place in its file."""
    parts: dict[str, Texts] = {"settings": sweep.settings, "intermediate": sweep.intermediate, "target": sweep.target}
    parts |= {f"tasks {name}": texts for name, texts in sweep.tasks.items()}
    parts |= {f"point {cell.variant}": cell.settings for cell in sweep.cells if cell.variant}
    parts["--set"] = given
    return {f"{part} {key}": str(value) for part, texts in parts.items() for key, value in texts.items()}
