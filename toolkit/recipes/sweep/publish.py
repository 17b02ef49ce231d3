"""Publishing of a sweep's results: a small folder of scores from which `report` makes the same pages again, to the byte."""

from __future__ import annotations

import gzip
import json
import platform
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.modeling.measured import processor
from toolkit.outputs import Output
from toolkit.safe_text import csv_text, json_text
from toolkit.similarity.ranking import FILE, FOLDER
from toolkit.statistics.outcomes import Outcomes
from toolkit.sweeps import Planned, Record, SweepFolder, SweepResults
from toolkit.sweeps.folder import FORMAT, SWEEP_FILE
from toolkit.sweeps.published import PUBLISHED_FILE, without_places
from toolkit.sweeps.registered import REGISTERED_FILE
from toolkit.zoo import Zoo
from toolkit.zoo.names import shelf_name

OUTCOMES_FILE = "outcomes.json.gz"
Systems = Mapping[str, Mapping[str, Outcomes]]
"""Row -> language -> outcomes."""


def publish(results: SweepResults, systems: Mapping[str, Systems], folder: Path, resamples: int) -> None:
    """Write a sweep's results without rows, adapters and places of the machine.

    Args:
        results: of the sweep's folder.
        systems: target -> row by its label -> language -> what each answer was worth.
        folder: to write to.
        resamples: test sets drawn for the report.

    Raises:
        ToolkitError: the sweep is running, or the folder cannot be written.
    """
    held = SweepFolder(results.root)
    planned = held.plan()
    assert planned is not None  # its results were read
    if held.is_locked():
        raise ToolkitError(f"The sweep in {results.root} is running; publish it when it has ended.")
    if Path(folder).resolve() == results.root.resolve():
        raise ToolkitError(f"{folder} is the sweep's own folder; name another one, such as docs/results/NAME.")
    records = held.records(planned.steps)
    with Output(folder) as output:
        stage = output.stage
        plan = {"format": FORMAT, **asdict(replace(planned, run_id=""))}
        _write(stage / SWEEP_FILE, json_text(plan, indent=1) + "\n")
        _write(stage / PUBLISHED_FILE, json_text(_published(records, resamples), indent=1) + "\n")
        (stage / OUTCOMES_FILE).write_bytes(_packed(systems))
        _write(stage / "scores.csv", _scores(results))
        _write(stage / "runs.csv", _runs(planned, records))
        _write(stage / "setup.json", json_text(_setup(results, planned, records), indent=1) + "\n")
        _copied(results.root / REGISTERED_FILE, stage / REGISTERED_FILE)
        for name in (FILE, "prediction.svg"):
            _copied(results.root / FOLDER / name, stage / FOLDER / name)
        output.commit()


def published_outcomes(root: Path) -> Mapping[str, Systems] | None:
    """Return what each answer was worth, by target, row and language; None if the folder is not one of published results.

    Raises:
        ToolkitError: the file is damaged.
    """
    path = root / OUTCOMES_FILE
    try:
        values: Any = json.loads(gzip.decompress(path.read_bytes()))
        found: dict[str, dict[str, dict[str, Outcomes]]] = {}
        for one in values["outcomes"]:
            arrays = [np.array(one[name], dtype=np.float64) for name in ("numerators", "denominators")]
            own = Outcomes(tuple(values["ids"][one["ids"]]), arrays[0], arrays[1])
            found.setdefault(one["target"], {}).setdefault(one["row"], {})[one["language"]] = own
        return found
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ToolkitError(f"{path} cannot be read ({error.strerror or error}).") from None
    except (ValueError, KeyError, TypeError, EOFError) as fault:
        raise ToolkitError(f"{path} is damaged ({fault}); publish the sweep again.") from None


def _packed(systems: Mapping[str, Systems]) -> bytes:
    """Return the outcomes, the same bytes for the same numbers; ids that rows share are written once."""
    ids: dict[tuple[str, ...], int] = {}
    rows = []
    for target, by_row in systems.items():
        for row, by_language in by_row.items():
            for language, own in by_language.items():
                number = ids.setdefault(own.ids, len(ids))
                place = {"target": target, "row": row, "language": language, "ids": number}
                rows.append(place | {"numerators": _plain(own.numerators), "denominators": _plain(own.denominators)})
    text = json.dumps({"ids": list(ids), "outcomes": rows}, ensure_ascii=True, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def _plain(values: np.ndarray[Any, Any]) -> list[list[float | int]]:
    return [[int(x) if x == int(x) else float(x) for x in line] for line in values]


def _published(records: Mapping[str, Record], resamples: int) -> dict[str, Any]:
    """Return the records without what is of the machine: its name, processes and folders."""
    plain = [replace(record, host="", pid=0, folder="", predictions="") for record in records.values()]
    return {"format": 1, "resamples": resamples, "records": [asdict(one) for one in plain]}


def _scores(results: SweepResults) -> str:
    """Return one line for each seed, language, measure and cell; a cell without scores has one line with its state."""
    header = ["row", "target", "settings", "seed", "language", "metric", "score", "n", "state", "composition", "error"]
    rows: list[tuple[object, ...]] = []
    for one in results.cells:
        cell = one.cell
        place = (cell.row, cell.task, cell.variant, cell.seed)
        if not one.scores:
            rows.append((*place, "", "", None, None, one.state, cell.composition, one.error))
        for score in one.scores:
            scored = (score.language, score.metric, score.value, score.n)
            rows.append((*place, *scored, one.state, cell.composition, ""))
    return csv_text(header, rows)


def _runs(planned: Planned, records: Mapping[str, Record]) -> str:
    """Return one line for each step, with every attempt that was started, also those that failed or were killed."""
    header = [
        "key",
        "kind",
        "composition",
        "task",
        "seed",
        "state",
        "attempts",
        "outcomes",
        "seconds",
        "rows",
        "digest",
        "error",
    ]
    rows: list[tuple[object, ...]] = []
    for step in planned.steps:
        place = (step.key, step.kind, step.composition, step.task, step.seed)
        record = records.get(step.key)
        if record is None:
            rows.append((*place, "never begun", 0, "", None, None, "", ""))
            continue
        outcomes = " ".join(attempt.outcome or "killed" for attempt in record.attempts)
        cost = (record.seconds, record.examples, record.digest, record.error)
        rows.append((*place, record.state, len(record.attempts), outcomes, *cost))
    return csv_text(header, rows)


def _setup(results: SweepResults, planned: Planned, records: Mapping[str, Record]) -> dict[str, Any]:
    """Return versions, processor, cost and fingerprints."""
    done = [record for record in records.values() if record.state == "done"]
    hours = {
        kind: round(sum(one.seconds for one in done if (one.kind == "train") is is_train) / 3600, 3)
        for kind, is_train in (("training", True), ("scoring", False))
    }
    settings = dict.fromkeys(json.dumps(step.settings, sort_keys=True) for step in planned.steps)
    is_here = {record.host for record in done if record.host} <= {socket.gethostname()}
    return {
        "sweep": planned.sweep.name,
        "versions": dict(_versions(results)),
        "python": platform.python_version() if is_here else "that of another machine",
        "processor": processor() if is_here else "that of another machine",
        "workers": planned.workers,
        "hours": hours,
        "facts": planned.facts,
        "settings": [json.loads(text) for text in settings],
    }


def _versions(results: SweepResults) -> Iterator[tuple[str, str]]:
    """Yield the libraries that the adapters were made with, with all versions where there are several."""
    found: dict[str, dict[str, None]] = {}
    folder = SweepFolder(results.root)
    for stage in results.stages:
        home = folder.home(stage.step) / "zoo"
        if stage.state != "done" or not home.is_dir():
            continue
        shelf = shelf_name(stage.step.settings["backbone"]["name"], stage.step.settings["adapter"]["kind"])
        for name, version in Zoo(home).get(stage.step.composition, shelf).versions.items():
            found.setdefault(name, {})[version] = None
    for name, some in sorted(found.items()):
        yield name, ", ".join(some)


def _copied(source: Path, target: Path) -> None:
    """Copy a file as it is, if it is there."""
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def _write(path: Path, text: str) -> None:
    path.write_text(without_places(text), encoding="utf-8")
