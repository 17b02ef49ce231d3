"""A worker of a sweep: a process that does one step after another with the ordinary recipes, and says what came of it.

Started as `python -m toolkit.recipes.sweep.worker EVENTS` by `sweep_pool`, in the working folder of the sweep. Jobs arrive on
stdin as JSON lines, events leave through the descriptor EVENTS. Where stdin ends, the sweep is gone, and so is the worker:
at once, in the middle of whatever it does, which is what every file of this project is written for.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.config import Config, from_dict
from toolkit.errors import ToolkitError
from toolkit.progress import Progress
from toolkit.results.score import to_dict as score_to_dict
from toolkit.tasks import get_task, load_task
from toolkit.zoo import Zoo, shelf_name
from toolkit.zoo.entry import swap_in

Job = dict[str, Any]
_BEAT_S = 0.5


class _Voice:
    """Writes events as JSON lines, from one thread at a time."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._shown = 0.0
        self.resumed_at = 0

    def send(self, **event: Any) -> None:
        with self._lock, suppress(BrokenPipeError):
            self._file.write(json.dumps(event, ensure_ascii=False) + "\n")

    def report(self, progress: Progress) -> None:
        """Pass progress on, about twice a second."""
        now = time.monotonic()
        if now - self._shown >= _BEAT_S:
            self._shown = now
            self.send(event="progress", what=progress.what, done=progress.done, total=progress.total)


def work(events: int) -> None:
    """Do jobs until stdin ends."""
    voice = _Voice(events)
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    hired = jobs.get()
    for file in hired["task_files"]:
        load_task(file)
    _take_gpu(hired["number"])
    places = hired["places"]
    doers: dict[str, Callable[[Job, Mapping[str, Any], _Voice], Any]] = {
        "facts": _facts,
        "probe": _probe,
        "step": _step,
        "open": _open_run,
        "close": _close_run,
    }
    while True:
        job = jobs.get()
        try:
            voice.send(event="done", result=doers[job["job"]](job, places, voice))
        except ToolkitError as error:
            _log(str(error))
            voice.send(event="failed", error=str(error))
        except Exception as error:  # the sweep goes on; the log has the traceback
            _log(traceback.format_exc())
            first = (str(error).strip() or "no message").splitlines()[0]
            voice.send(event="failed", error=f"{type(error).__name__}: {first}; the traceback is in {hired['log']}.")


def _listen(jobs: queue.SimpleQueue[Job]) -> None:
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(0)


def _log(text: str) -> None:
    sys.stderr.write(text.rstrip() + "\n")
    sys.stderr.flush()


def _take_gpu(number: int) -> None:
    """Take one of the machine's GPUs, where there are any."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(number % torch.cuda.device_count())


def _configured(settings: Mapping[str, Any], places: Mapping[str, Any], **more: Any) -> Config:
    return from_dict({**settings, **places, **more})


def _probe(job: Job, places: Mapping[str, Any], voice: _Voice) -> dict[str, Any]:
    from toolkit.recipes.sweep.speed import probe

    return probe(job["steps"], places, report=voice.report, say=_log)


# -- facts --------------------------------------------------------------------------------------------------------


def _facts(job: Job, places: Mapping[str, Any], voice: _Voice) -> dict[str, Any]:
    """Look up what determines results and no configuration says: weights and rows."""
    from toolkit.recipes.session.common import open_backbone

    backbones, rows = {}, {}
    for name in job["backbones"]:
        hub_id, revision, precision = json.loads(name)
        settings = {"backbone": {"name": hub_id, "revision": revision, "precision": precision}}
        backbone = open_backbone(_configured(settings, places), report=voice.report)
        backbones[name] = {"digest": backbone.digest, "precision": backbone.precision}
    for number, need in enumerate(job["needs"]):
        voice.report(Progress("look at the rows", number, len(job["needs"])))
        rows[need["name"]] = _rows_fact(need, places)
    return {"backbones": backbones, "rows": rows}


def _rows_fact(need: Mapping[str, Any], places: Mapping[str, Any]) -> dict[str, Any]:
    task, split, limit = get_task(need["task"]), need["split"], need["limit"]
    root = None if places["data_root"] is None else Path(places["data_root"])
    try:
        if need["languages"] in ("all", "pairs"):
            codes = list(task.reachable(split, data_root=root, has_pairs=need["languages"] == "pairs"))
        else:
            codes = need["languages"].split(",")
        found = {code: task.rows(split, code, data_root=root, limit=limit) for code in codes}
        prints = [(code, rows.fingerprint) for code, rows in found.items()]
    except ToolkitError as error:
        return {"fault": str(error)}
    whole = hashlib.sha256(json.dumps(prints).encode()).hexdigest()[:16]
    return {"fingerprint": whole, "rows": sum(len(rows) for rows in found.values())}


# -- steps --------------------------------------------------------------------------------------------------------


def _step(job: Job, places: Mapping[str, Any], voice: _Voice) -> dict[str, Any]:
    """Do one step in its own folder: its zoo holds what it builds on, linked, and what it makes."""
    from toolkit.recipes.session.resources import forget_peak, peak_memory_mib

    root, home = Path(job["root"]), Path(job["home"])
    config = _configured(job["settings"], places, zoo=home / "zoo", run_dir=home / "runs")
    config = replace(
        config, tracking=replace(config.tracking, parent=job["run_id"] or None, experiment=job["experiment"])
    )
    shelf = shelf_name(config.backbone.name, config.adapter.kind)
    zoo = Zoo(home / "zoo")
    for below in job["below"]:
        adopt(Zoo(root / below["zoo"]), zoo, below["entry"], shelf)
    forget_peak()
    began = time.perf_counter()
    if job["kind"] == "train":
        result = _train(job, config, zoo, shelf, voice)
    else:
        result = _score(job, config, zoo, shelf, voice, root)
    entries = {below["entry"]: zoo.get(below["entry"], shelf).digest for below in job["below"] if below["is_direct"]}
    return result | {
        "seconds": round(time.perf_counter() - began, 3),
        "peak_memory_mib": round(peak_memory_mib(), 1),
        "parents": entries,
        "folder": str(home.relative_to(root)) if job["kind"] == "train" else result["folder"],
    }


def _train(job: Job, config: Config, zoo: Zoo, shelf: str, voice: _Voice) -> dict[str, Any]:
    from toolkit.recipes.session.session import Session
    from toolkit.recipes.train.train import train

    first: list[int] = []
    has_checkpoint = any((config.run_dir / "checkpoints").rglob("checkpoint.pt"))

    def report(progress: Progress) -> None:
        if progress.what.startswith("train ") and not first:
            first.append(progress.done - 1 if has_checkpoint else 0)
            voice.send(event="resumed", at=first[0])
        voice.report(progress)

    made = train(job["composition"], Session.open(config, report=report, say=_log))
    card = zoo.get(job["composition"], shelf)
    return {"outcome": "made" if made else "found", "digest": card.digest, "scores": [dict(row) for row in card.scores]}


def _score(job: Job, config: Config, zoo: Zoo, shelf: str, voice: _Voice, root: Path) -> dict[str, Any]:
    from toolkit.recipes.score.evaluate import contamination, evaluate
    from toolkit.recipes.score.retrieve import retrieve
    from toolkit.recipes.session.session import Session

    recipe: Any = evaluate if job["kind"] == "evaluate" else retrieve
    found = recipe(
        job["composition"],
        Session.open(config, report=voice.report, say=_log),
        task=job["task"],
        languages=job["languages"],
    )
    cards = [zoo.get(below["entry"], shelf) for below in job["below"] if below["is_direct"]]
    folder = Path(found.folder).resolve().relative_to(root.resolve())
    predictions = folder / "predictions"
    return {
        "outcome": "made",
        "scores": [score_to_dict(score) for score in found.scores],
        "folder": str(folder),
        "predictions": str(predictions) if (root / predictions).exists() else "",
        "contamination": contamination(cards, get_task(job["task"])),
    }


def adopt(source: Zoo, into: Zoo, entry: str, shelf: str) -> None:
    """Put an entry of one zoo into another one of the same disk, by hard links, all of it or nothing.

    Links, because a sweep holds an entry as often as something builds on it; a file system without them gets copies.
    """
    card = source.get(entry, shelf)
    if into.holds(entry, shelf) and into.get(entry, shelf).digest == card.digest:
        return
    folder = source.folder(card)
    home = into.root / folder.relative_to(source.root)
    with into.writing(home.parent):
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=home.parent))
        for file in folder.iterdir():
            try:
                os.link(file, new / file.name)
            except OSError:
                shutil.copy2(file, new / file.name)
        new.chmod(0o755)
        swap_in(new, home)


# -- the sweep's own run ------------------------------------------------------------------------------------------


def _open_run(job: Job, places: Mapping[str, Any], voice: _Voice) -> dict[str, Any]:
    """Open the sweep's run in the tracker, or the one that an earlier try opened, and leave it open."""
    from toolkit.recipes.session.common import open_config_tracker

    tracker = open_config_tracker(_configured({}, places))
    run_id = tracker.start(
        job["name"], experiment=job["experiment"], tags=job["tags"], params=job["params"], run_id=job["run_id"] or None
    )
    for note in tracker.notes:
        voice.send(event="say", text=note)
    return {"run_id": run_id}


def _close_run(job: Job, places: Mapping[str, Any], voice: _Voice) -> dict[str, Any]:
    from toolkit.recipes.session.common import open_config_tracker

    tracker = open_config_tracker(_configured({}, places))
    tracker.start(job["name"], experiment=job["experiment"], tags=job["tags"], params={}, run_id=job["run_id"] or None)
    tracker.log_metrics(job["metrics"])
    for file in job["files"]:
        tracker.log_artifact(Path(file))
    tracker.close(job["status"])
    for note in tracker.notes:
        voice.send(event="say", text=note)
    return {}


if __name__ == "__main__":
    work(int(sys.argv[1]))
