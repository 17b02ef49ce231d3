"""Events of a run as plain JSON values: the same event goes to MLflow now or to the spool for later.

Every event carries its time, so that sending one twice writes the same row and not a second one.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

Event = dict[str, Any]

PARENT_TAG = "mlflow.parentRunId"
COMMIT_TAG = "mlflow.source.git.commit"
NOTE_TAG = "mlflow.note.content"
"""What MLflow shows as the description of a run or a model, as Markdown."""
DIGEST_TAG = "xstilts.digest"
"""By it a run that uses an adapter finds the model that the run which made it left."""
OWN_ID_TAG = "xstilts.run_id"
"""Every run carries an id of ours: after a lost answer, or a half-finished upload, it tells which run was meant."""
LOCAL_PREFIX = "spool-"
"""A run that MLflow has not seen yet is called by its own id behind this prefix."""

# MLflow 3.17's limits (mlflow/utils/validation.py).
KEY_LENGTH, TAG_LENGTH, PARAM_LENGTH, EXPERIMENT_LENGTH = 250, 8000, 6000, 500
DATA_DIGEST_LENGTH = 36
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


def start(
    run_name: str,
    *,
    experiment: str,
    tags: Mapping[str, Any],
    params: Mapping[str, Any],
    parent: str | None,
    uri: str | None,
    own_id: str | None = None,
) -> Event:
    """Return the event that opens a run.

    Args:
        run_name: the composition.
        experiment: the task.
        tags: whatever runs are filtered by; names and values are made safe for MLflow.
        params: the settings that matter; the same.
        parent: the run id of the enclosing run.
        uri: the tracker meant, without credentials; None for the working folder's own store.
        own_id: of a run that was opened before and kept in the spool, which this one continues.
    """
    named = {safe_key(name): cut(str(value), TAG_LENGTH) for name, value in tags.items()}
    own_id = own_id or uuid.uuid4().hex
    named[OWN_ID_TAG] = own_id
    if parent:
        named[PARENT_TAG] = parent
    if commit := code_version():
        named[COMMIT_TAG] = commit
    return {
        "event": "start",
        "own_id": own_id,
        "run_id": None,
        "run_name": cut(run_name, KEY_LENGTH),
        "experiment": cut(experiment.strip(), EXPERIMENT_LENGTH) or "xstilts",
        "tags": named,
        "params": {safe_key(name): cut(str(value), PARAM_LENGTH) for name, value in params.items()},
        "uri": uri,
        "time": now(),
    }


def metrics(values: Mapping[str, Any], step: int | None, *, at: int | None = None) -> Event:
    """Return the event of some numbers at a step and, in milliseconds, a time; anything that `float` takes is a number."""
    return {
        "event": "metrics",
        "values": {safe_key(name): float(value) for name, value in values.items()},
        "step": int(step or 0),
        "time": now() if at is None else at,
    }


def data(some: Sequence[Data]) -> Event:
    """Return the event of rows that a run learns from or is scored on."""
    return {"event": "data", "data": [asdict(one) for one in some], "time": now()}


def adapter(name: str, digest: str, folder: Path, *, is_made: bool, params: Mapping[str, Any], note: str) -> Event:
    """Return the event of an adapter that a run made or used: its folder of card and, where small enough, weights."""
    return {
        "event": "adapter",
        "name": re.sub(r"[/:.%\"']", "_", name)[:KEY_LENGTH],  # what MLflow refuses in a model's name
        "digest": digest,
        "path": str(folder),
        "is_made": is_made,
        "params": {safe_key(key): cut(str(value), PARAM_LENGTH) for key, value in params.items()},
        "note": cut(note, TAG_LENGTH),
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


def cut(value: str, limit: int) -> str:
    """Return `value`, or its first characters and an ellipsis where it is longer than `limit`.

    Example:
        >>> cut("xlm-roberta", 6)
        'xlm-r…'
    """
    return value if len(value) <= limit else value[: limit - 1] + "…"


def safe_key(name: str) -> str:
    """Return `name` as MLflow takes it for a metric, param or tag: letters, digits and `/_.-: `, at most 250.

    A name that had to be shortened ends in a digest, so that two of them stay two.

    Example:
        >>> safe_key("xnli/accuracy/zero_shot_mean"), safe_key("fuse[a,b]@t"), safe_key("../a//b")
        ('xnli/accuracy/zero_shot_mean', 'fuse_a_b__t', 'a/b')
    """
    safe = safe_path(re.sub(r"[^/\w.\-: ]", "_", str(name))) or "_"
    if len(safe) > KEY_LENGTH:
        digest = hashlib.sha256(safe.encode()).hexdigest()[:8]
        safe = f"{safe[: KEY_LENGTH - 9].rstrip('/')}_{digest}"
    return safe


def safe_path(name: str) -> str:
    """Return `name` as a relative path that stays inside its folder.

    Example:
        >>> safe_path("/config/../resolved.yaml")
        'config/resolved.yaml'
    """
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))
