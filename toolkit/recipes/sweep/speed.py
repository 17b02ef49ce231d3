"""How long a step of a sweep will take: a few rows of each kind of work, by the ordinary recipes, twice.

Machines are shared: of two tries the faster one counts, and what a try costs beside its rows (opening, reading, writing) is
told from what each row costs, so that a few rows speak for thousands.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.config import Config, from_dict
from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Report, Say
from toolkit.recipes.session.session import Session

_STEPS, _ROWS, _TRIES = 4, 64, 2


def probe(steps: Sequence[Mapping[str, Any]], places: Mapping[str, Any], *, report: Report, say: Say) -> dict[str, Any]:
    """Measure one step of each kind of work; what cannot be measured is left out.

    Args:
        steps: one of each kind, as plain values.
        places: the folders of the user's configuration.

    Returns:
        `speeds`, pairs of seconds a row and seconds beside the rows by kind of work, and `faults`, sentences.
    """
    speeds: dict[str, tuple[float, float]] = {}
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="xstilts-probe-") as scratch:
        for number, step in enumerate(steps):
            report(Progress("measure the speed", number, len(steps)))
            try:
                tries = [_timed(step, places, f"{scratch}/{number}-{again}", say) for again in range(_TRIES)]
            except ToolkitError as error:
                faults.append(str(error))
                continue
            a_row = min(per_row for _, per_row, _ in tries)
            beside = min(whole - per_row * rows for whole, per_row, rows in tries)
            speeds[step["work"]] = a_row, max(0.0, beside)
    return {"speeds": speeds, "faults": faults}


def _timed(step: Mapping[str, Any], places: Mapping[str, Any], folder: str, say: Say) -> tuple[float, float, int]:
    """Do a little of a step in a folder of its own: its seconds, the seconds of a row, and the rows."""
    from toolkit.recipes.score.evaluate import evaluate
    from toolkit.recipes.score.retrieve import retrieve
    from toolkit.recipes.train.train import train

    config = _little(step, places, folder)
    last: dict[str, Progress] = {}

    def keep(progress: Progress) -> None:
        if progress.figures:
            last[progress.what] = progress

    if step["kind"] == "train":
        began = time.perf_counter()
        train(step["composition"], Session.open(config, report=keep, say=say))
        whole = time.perf_counter() - began
        rates = [found.figures["examples/s"] for what, found in last.items() if what.startswith("train ")]
        rows = _STEPS * int(step["settings"]["train"]["batch_size"])
        # The folder is empty, so all that the step builds on was trained as well: a share of what was beside is its own.
        beside = (whole - sum(rows / rate for rate in rates)) / len(rates)
        return rows / rates[-1] + beside, 1 / rates[-1], rows
    recipe: Any = evaluate if step["kind"] == "evaluate" else retrieve
    if step["composition"] != "backbone":
        train(step["composition"], Session.open(config, say=say))
    began = time.perf_counter()
    session = Session.open(config, report=keep, say=say)
    found = recipe(step["composition"], session, task=step["task"], languages=step["languages"])
    whole = time.perf_counter() - began
    rows = max(1, sum({score.language: score.n for score in found.scores}.values()))
    rates = [seen.figures["examples/s"] for seen in last.values() if "examples/s" in seen.figures]
    # A bitext's row is two sentences, searched besides: no single rate tells its cost, so all of it is the rows'.
    return whole, statistics.median(1 / rate for rate in rates) if rates else whole / rows, rows


def _little(step: Mapping[str, Any], places: Mapping[str, Any], folder: str) -> Config:
    """Return a step's settings with few rows, apart from everything that the user keeps."""
    settings = json.loads(json.dumps(step["settings"]))
    # The fixed number of examples would ask for more rows than are read here; how fast they pass is the same without it.
    rows = _STEPS * settings["train"]["batch_size"]
    settings["train"] |= {"total_steps": _STEPS, "eval_limit": 1, "limit": rows, "total_examples": None}
    settings["eval"] |= {"limit": _ROWS}
    settings["retrieve"] |= {"limit": _ROWS}
    settings["store"] = settings.get("store", {}) | {"folder": None}
    apart = {"zoo": f"{folder}/zoo", "run_dir": f"{folder}/runs", "tracking": {"enabled": False}}
    return from_dict({**settings, **places, **apart})
