"""Events of a run as plain JSON values: the same event goes to MLflow now or to the spool for later.

Every event carries its time, so that sending one twice writes the same row and not a second one.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.tracking.alive import this_process
from toolkit.tracking.limits import (
    DATA_NAME_LENGTH,
    EXPERIMENT_LENGTH,
    KEY_LENGTH,
    MODEL_VALUE_LENGTH,
    NAMES_FILE,
    PARAM_LENGTH,
    TAG_LENGTH,
    Names,
    Whole,
    cut,
    safe_path,
    shortened,
)

Event = dict[str, Any]

PARENT_TAG = "mlflow.parentRunId"
COMMIT_TAG = "mlflow.source.git.commit"
DIGEST_TAG = "xstilts.digest"
"""By it a run that uses an adapter finds the model that the run which made it left."""
FOR_TAG = "for"
"""The composition that a run's work was for: the same for the training of its stages, its scores and its comparisons."""
SCORE = "score"
"""Metric that every run which scores a task has: the number that a list of runs shows."""
RESUME_TAG = "xstilts.resume"
"""Key of a run's work: the same work begun again continues the run that was not finished."""
PROCESS_TAG = "xstilts.process"
"""The process that a run ends with: one that is gone has left it open."""
OWN_ID_TAG = "xstilts.run_id"
"""Every run carries an id of ours: after a lost answer, or a half-finished upload, it tells which run was meant."""
LOCAL_PREFIX = "spool-"
"""A run that MLflow has not seen yet is called by its own id behind this prefix."""

STATUSES = ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True)
class Data:
    """Rows of one task, split and language.

    Args:
        name: `xnli.de`.
        digest: the rows' fingerprint: equal rows, equal digest.
        context: `training`, `dev` or `evaluation`.
        origin: where they come from: a mirror's file, a hub id with its revision, or the generator.
        rows: how many.
        facts: what else there is to say: split, language, whether they are generated.
    """

    name: str
    digest: str
    context: str
    origin: str
    rows: int
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Opening:
    """What a run is opened with.

    Args:
        name: what the run does to what: `eval mnli/xnli on xnli`.
        experiment: where it goes: the task.
        tags: whatever runs are filtered by.
        params: the settings that matter.
        parent: the id of its parent, by default the run still open.
        began: when, in milliseconds since 1970, the work began; by default now.
        run_id: continue this run if the tracker still has it, and end as KILLED what a process that is gone left
            running under it; a local id: with the one that is in the spool.
        resume: key of the work: the last run with it is continued if it did not finish; empty: the run is new.
        is_shared: whether it may outlive the process that opens it.
        purpose: the composition that the work is for; empty: that of the enclosing run, else the tag `composition`.
    """

    name: str
    experiment: str
    tags: Mapping[str, Any]
    params: Mapping[str, Any]
    parent: str | None = None
    began: int | None = None
    run_id: str | None = None
    purpose: str = ""
    resume: str = ""
    is_shared: bool = False


def start(opening: Opening, *, parent: str | None, uri: str | None, own_id: str | None = None) -> Event:
    """Return the event that opens a run.

    Args:
        opening: what was asked for; names and values are made safe for MLflow, see `whole`.
        parent: the run id of the enclosing run.
        uri: the tracker meant, without credentials; None for the working folder's own store.
        own_id: of a run that was opened before and kept in the spool, which this one continues.
    """
    whole = Whole()
    own_id = own_id or uuid.uuid4().hex
    tags = whole.values("tag", {**_purpose(opening), **opening.tags}, TAG_LENGTH)
    tags[OWN_ID_TAG] = own_id
    if parent:
        tags[PARENT_TAG] = parent
    if opening.resume:
        tags[RESUME_TAG] = opening.resume
    if not opening.is_shared:
        tags[PROCESS_TAG] = this_process()
    if commit := code_version():
        tags[COMMIT_TAG] = commit
    return {
        "event": "start",
        "own_id": own_id,
        "run_id": None,
        "run_name": whole.short("run name", opening.name, KEY_LENGTH, file="whole/run_name.txt"),
        "experiment": whole.short(
            "experiment's name", opening.experiment.strip(), EXPERIMENT_LENGTH, file="whole/experiment.txt"
        )
        or "xstilts",
        "tags": tags,
        "params": whole.values("param", opening.params, PARAM_LENGTH),
        "uri": uri,
        "time": now() if opening.began is None else opening.began,
        "whole": {"files": whole.files, "notes": whole.notes},
    }


def _purpose(opening: Opening) -> dict[str, str]:
    """Return the tag that groups the runs of one composition: what encloses the run says it, else its own composition."""
    purpose = opening.purpose or opening.tags.get("composition")
    return {FOR_TAG: str(purpose)} if purpose else {}


def whole_texts(start: Event) -> list[Event]:
    """Take out of a start event what MLflow does not keep whole, as the events that keep it in files."""
    return [text(content, name) for name, content in start.pop("whole")["files"].items()]


def metrics(values: Mapping[str, float], step: int | None, *, names: Names, at: int | None = None) -> Event:
    """Return the event of some numbers at a step and, in milliseconds, a time.

    Args:
        names: of the run's metrics, which grow with it.
    """
    return {
        "event": "metrics",
        "values": {names.safe(name): value for name, value in values.items()},
        "step": int(step or 0),
        "time": now() if at is None else at,
    }


def name_list(names: Names) -> Event:
    """Return the event of the file that says what the metrics' names stand for."""
    return text(json.dumps(names.changed, indent=1, ensure_ascii=False), NAMES_FILE)


def data(some: Sequence[Data]) -> Event:
    """Return the event of rows that a run learns from or is scored on."""
    fitted = [{**asdict(one), "name": shortened(one.name, DATA_NAME_LENGTH)} for one in some]
    return {"event": "data", "data": fitted, "time": now()}


def adapter(name: str, digest: str, folder: Path, *, is_made: bool, params: Mapping[str, Any], note: str) -> Event:
    """Return the event of an adapter that a run made or used: its folder of card and, where small enough, weights."""
    return {
        "event": "adapter",
        "name": shortened(re.sub(r"[/:.%\"']", "_", name), KEY_LENGTH),  # what MLflow refuses in a model's name
        "digest": digest,
        "path": str(folder),
        "is_made": is_made,
        "params": {
            key: cut(str(value), MODEL_VALUE_LENGTH) for key, value in params.items()
        },  # its card has them whole
        "note": cut(note, MODEL_VALUE_LENGTH),  # its README.md has it whole
        "time": now(),
    }


def artifact(path: Path, folder: str) -> Event:
    """Return the event of a file or folder to keep, under `folder` of the run's artifacts."""
    return {"event": "artifact", "path": str(path), "folder": safe_path(folder), "time": now()}


def text(content: str, name: str) -> Event:
    """Return the event of a small text file of the run's artifacts."""
    return {"event": "text", "text": content, "name": safe_path(name) or "text.txt", "time": now()}


def close(status: str) -> Event:
    """Return the event that ends a run; an unknown status is a failure, and never an exception."""
    return {"event": "close", "status": status if status in STATUSES else "FAILED", "time": now()}


@cache
def code_version() -> str:
    """Return the git commit of the code that runs, `+` behind it where files were changed; empty outside a repository."""
    here = ["git", "-C", str(Path(__file__).parent)]
    try:
        found = [
            subprocess.run([*here, *command], capture_output=True, text=True, timeout=5, check=True).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no", "."])
        ]
    except (OSError, subprocess.SubprocessError):
        return ""
    return found[0] + ("+" if found[1] else "")


def now() -> int:
    """Return the time in milliseconds since 1970, as MLflow keeps it."""
    return int(time.time() * 1000)
