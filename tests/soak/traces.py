"""What a command leaves: files with what they say, runs of a tracker, processes."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

# What two undisturbed runs differ in: times, which kernels were measured fastest, and the ids that MLflow and onnxruntime
# (`tmp/.ses`) draw.
_TIMES = re.compile(
    rb"""created: '[^']*'|seconds: [0-9.e-]+|seal: [0-9a-f]{64}|"?(?:created|time|at|began|ended|seconds|pid)"?: ?[^,}\n]*"""
)
_UNREAD = re.compile(
    r"\.(?:log|png|svg|pdf|lock)$|^(?:(?:demo/)?mlflow\.db|tmp/mpl-|tmp/\.ses$|cache/kernels/)|/logs/"
    r"|^sweeps/[^/]+/(?:(?:sweep|registered)\.json|(?:cells|stages)/[^/]+\.json)$"
    r"|^embeddings/.*\.safetensors$|^runs/(?:collapse|prune)/.*/cost\.|-collapsed/card\.yaml$"
)
# Artifacts of killed runs; locks; what was fetched of an entry, which can be continued for a day; dask's own folder for the
# moment, which the next cluster that dask starts there clears.
_UNSEEN = re.compile(r"^(?:demo/)?mlartifacts/|/\.(?:leases|incoming)/|^tmp/dask-scratch-space/")
_IDS = re.compile(r"[0-9a-f]{32}|(?<=/m-)[0-9a-f]{32}|[0-9]{8}-[0-9]{6}(?:-[0-9a-f]+)?")


def files_of(folder: Path) -> dict[str, str]:
    """Return a digest of what every file below a folder says, times left out; '' where only its being there counts."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = _IDS.sub("ID", str(path.relative_to(folder)))
        if _UNSEEN.search(name) and not ("mlartifacts/" in name and path.name.startswith(".")):
            continue
        if path.is_dir():
            continue
        if _UNREAD.search(name):
            found[name] = ""
        else:
            data = _TIMES.sub(b"", path.read_bytes()) if path.stat().st_size < 1 << 20 else path.read_bytes()
            found[name] = hashlib.sha256(data).hexdigest()
    return found


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return what is missing, left over and different, a line each."""
    return [
        *(f"missing: {name}" for name in sorted(expected.keys() - found.keys())),
        *(f"left over: {name}" for name in sorted(found.keys() - expected.keys())),
        *(f"different: {name}" for name in sorted(expected.keys() & found.keys()) if expected[name] != found[name]),
    ]


def runs_of(database: Path) -> list[tuple[str, str, tuple[tuple[str, float], ...]]]:
    """Return name, status and scores of every run in an MLflow database, sorted; () of scores for runs that are not FINISHED."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(database, timeout=30)) as base:
        found = []
        for run_id, name, status in base.execute(
            "select run_uuid, name, status from runs where lifecycle_stage = 'active'"
        ):
            rows = base.execute("select key, value from latest_metrics where run_uuid = ?", (run_id,))
            scores = {
                key: value
                for key, value in rows
                if key not in ("loss", "seconds", "stage_seconds") and not key.startswith(("system/", "cost/"))
            }
            found.append((name, status, tuple(sorted(scores.items())) if status == "FINISHED" else ()))
    return sorted(found)


def processes_in(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder or name it in their command."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            if Path(process.cwd()).is_relative_to(folder) or any(str(folder) in word for word in process.cmdline()):
                found.append(process)
    return found


def orphans_in(folder: Path, *, within_s: float) -> list[str]:
    """Return the processes that are still there after a time, as text, and end them."""
    end = time.monotonic() + within_s
    while (found := processes_in(folder)) and time.monotonic() < end:
        time.sleep(0.02)
    said = []
    for process in found:
        with suppress(psutil.Error):
            said.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
            process.kill()
    return said


def empty(database: Path) -> None:
    """Remove all runs and experiments from the database of a server."""
    with closing(sqlite3.connect(database, timeout=30)) as base, base:
        tables = [name for (name,) in base.execute("select name from sqlite_master where type = 'table'")]
        for name in tables:
            if name != "alembic_version" and name not in ("workspaces",):
                where = " where experiment_id != 0" if name == "experiments" else ""
                base.execute(f"delete from {name}{where}")
