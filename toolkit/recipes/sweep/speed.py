"""Speed of a sweep's steps: each kind of work is done twice on a few rows, by the ordinary journeys.

Machines are shared, so the faster of the two tries counts. The cost of a row and the cost that does not depend on the rows
(opening, reading, writing) are measured apart, so that a few rows predict the time of thousands.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.config import Config, from_dict
from toolkit.config.learning import ROWS
from toolkit.errors import ToolkitError
from toolkit.files import scratch
from toolkit.progress import Progress, Report, Say
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.messages import Measured
from toolkit.sweeps import Step

_STEPS, _ROWS, _TRIES = 4, 64, 2


def measure(steps: Sequence[Step], places: Mapping[str, Any], *, report: Report, say: Say) -> Measured:
    """Measure one step of each kind of work; the result leaves out what cannot be measured.

    Args:
        steps: one of each kind.
        places: the folders of the user's configuration.
        report: progress callback.
        say: called with what the journeys say.
    """
    speeds: dict[str, tuple[float, float]] = {}
    faults: list[str] = []
    with scratch() as place:
        for number, step in enumerate(steps):
            report(Progress("measure the speed", number, len(steps)))
            try:
                tries = [_timed(step, places, f"{place}/{number}-{again}", say) for again in range(_TRIES)]
            except ToolkitError as error:
                faults.append(str(error))
                continue
            a_row = min(per_row for _, per_row, _ in tries)
            fixed = min(whole - per_row * rows for whole, per_row, rows in tries)
            speeds[step.work] = a_row, max(0.0, fixed)
    report(Progress("measure the speed", len(steps), len(steps)))
    return Measured(speeds, tuple(faults))


def _timed(step: Step, places: Mapping[str, Any], folder: str, say: Say) -> tuple[float, float, int]:
    """Do a little of a step in a folder of its own; return its seconds, the seconds of a row, and the rows."""
    from toolkit.recipes.score.evaluate import evaluate
    from toolkit.recipes.score.retrieve import retrieve
    from toolkit.recipes.train.train import train

    config = _little(step, places, folder)
    last: dict[str, Progress] = {}

    def keep(progress: Progress) -> None:
        if progress.figures:
            last[progress.what] = progress

    if step.is_stage:
        began = time.perf_counter()
        train(step.composition, Session.open(config, report=keep, say=say))
        whole = time.perf_counter() - began
        rates = [found.figures["examples/s"] for what, found in last.items() if what.startswith("train ")]
        rows = _STEPS * _rows_per_step(step.settings["train"])
        # The folder was empty, so the stages below the step were trained as well: its own is a share of the fixed cost.
        fixed = (whole - sum(rows / rate for rate in rates)) / len(rates)
        return rows / rates[-1] + fixed, 1 / rates[-1], rows
    journey: Callable[..., Any] = evaluate if step.kind == "evaluate" else retrieve
    if step.composition != "backbone":
        train(step.composition, Session.open(config, say=say))
    began = time.perf_counter()
    found = journey(
        step.composition, Session.open(config, report=keep, say=say), task=step.task, languages=step.languages
    )
    whole = time.perf_counter() - began
    rows = max(1, sum({score.language: score.n for score in found.scores}.values()))
    rates = [seen.figures["examples/s"] for seen in last.values() if "examples/s" in seen.figures]
    # A row of a bitext is two sentences and a search: no single rate has its cost, so all of the time counts as the rows'.
    return whole, statistics.median(1 / rate for rate in rates) if rates else whole / rows, rows


def _rows_per_step(train: Mapping[str, Any]) -> int:
    if train.get("effective_batch"):
        return int(train["effective_batch"])
    return ROWS if train["batch_size"] == "auto" else int(train["batch_size"]) * int(train.get("accumulate", 1))


def _little(step: Step, places: Mapping[str, Any], folder: str) -> Config:
    """Return a step's settings with few rows, and with folders apart from the user's."""
    settings = json.loads(json.dumps(step.settings))
    # A fixed number of examples would ask for more rows than are read here; the speed is the same without it.
    rows = _STEPS * _rows_per_step(settings["train"])
    settings["train"] |= {"total_steps": _STEPS, "eval_limit": 1, "limit": rows, "total_examples": None}
    # Adapters of other languages take the same time as that of the training language, which is trained here.
    settings["eval"] |= {"limit": _ROWS, "without": "english"}
    settings["retrieve"] |= {"limit": _ROWS}
    settings["store"] = settings.get("store", {}) | {"folder": None}
    apart = {"zoo": f"{folder}/zoo", "run_dir": f"{folder}/runs", "tracking": {"enabled": False}}
    return from_dict({**settings, **places, **apart})
