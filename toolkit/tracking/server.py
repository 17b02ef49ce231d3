"""The MLflow side: where it is, whether it answers, how an event is written; mlflow is imported in functions only."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import socket
import sqlite3
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from toolkit.tracking import record
from toolkit.tracking.events import LOCAL_PREFIX, OWN_ID_TAG, PARENT_TAG, Event

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROBE_S = 3.0
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_BATCH = {"tags": 100, "params": 100, "metrics": 1000}  # MLflow's limits for one request


def tracking_uri(uri: str | None = None, folder: Path = Path(".")) -> str:
    """Return the URI that a tracker opened with `uri` in `folder` writes to.

    Args:
        uri: a URI that was asked for; it goes before `MLFLOW_TRACKING_URI`.
        folder: working folder; without either URI the store is its `mlflow.db`.
    """
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or own_store(folder)


def own_store(folder: Path) -> str:
    """Return the URI of a working folder's own store."""
    return f"sqlite:///{Path(folder).resolve() / 'mlflow.db'}"


def shown(uri: str) -> str:
    """Return a URI fit for a screen or a file: without user and password.

    Example:
        >>> shown("https://me:secret@tracker.example:5000/mlflow")
        'https://tracker.example:5000/mlflow'
    """
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def fault_of(uri: str) -> str | None:
    """Return why the tracker at `uri` cannot be used, or None where it answers; takes a few seconds at most.

    MLflow itself would try for minutes (120 s a request, several retries; a database ten times over).
    """
    answer: list[str | None] = [f"no answer within {PROBE_S + 1:.0f} s"]

    def probe() -> None:
        try:
            answer[0] = _fault_of(uri)
        except Exception as fault:
            answer[0] = reason(fault, uri)

    # In a thread because the look-up of a host's name knows no timeout.
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(PROBE_S + 1)
    return answer[0]


def _fault_of(uri: str) -> str | None:
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme in ("http", "https"):
        return _http_fault(shown(uri), parts.hostname or "", parts.port or (443 if scheme == "https" else 80))
    if scheme == "sqlite":
        path = uri.partition(":///")[2].partition("?")[0]
        return _sqlite_fault(Path(path)) if path else None
    if scheme in _DATABASE_PORTS and parts.hostname:
        socket.create_connection((parts.hostname, parts.port or _DATABASE_PORTS[scheme]), timeout=PROBE_S).close()
    return None


def _http_fault(uri: str, host: str, port: int) -> str | None:
    if not (urllib.request.getproxies().get(uri.partition(":")[0]) and not urllib.request.proxy_bypass(host)):
        socket.create_connection((host, port), timeout=PROBE_S).close()
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=PROBE_S):
            return None
    except urllib.error.HTTPError as fault:
        # Whatever speaks HTTP is there (a log-in page, a server without /health); a gateway without its server is not.
        return f"HTTP {fault.code}" if fault.code in (502, 503, 504) else None
    except urllib.error.URLError as fault:
        # Certificates are MLflow's business (MLFLOW_TRACKING_INSECURE_TLS and its like).
        if isinstance(fault.reason, ssl.SSLError):
            return None
        raise


def _sqlite_fault(path: Path) -> str | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=PROBE_S)) as database:
            database.execute("BEGIN IMMEDIATE")  # asks for the write lock: readable is not enough
            database.execute("SELECT count(*) FROM sqlite_master")
            database.execute("ROLLBACK")
    except (OSError, sqlite3.Error) as fault:
        return reason(fault)
    return None


def reason(fault: BaseException, uri: str = "") -> str:
    """Return a fault's first line, short and without credentials."""
    if isinstance(fault, urllib.error.URLError) and isinstance(fault.reason, BaseException):
        fault = fault.reason
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror  # without the path, which the sentence around it has
    first = (str(fault).strip() or type(fault).__name__).splitlines()[0]
    if "ConnectionPool(" in first:  # three lines of urllib3's insides, and always this
        first = "it stopped answering"
    if secret := urlsplit(uri).netloc.rpartition("@")[0]:
        first = first.replace(f"{secret}@", "")
    return first if len(first) <= 160 else first[:159] + "…"


def is_refusal(fault: BaseException) -> bool:
    """Return whether the tracker is there and will never take this event, so that keeping it for later is useless."""
    return getattr(fault, "error_code", None) in (
        "INVALID_PARAMETER_VALUE",
        "BAD_REQUEST",
        "MALFORMED_REQUEST",
        "ENDPOINT_NOT_FOUND",
    )


@contextlib.contextmanager
def waits(*, timeout_s: int, retries: int) -> Iterator[None]:
    """Bound MLflow's HTTP requests inside the block; what the user has set in the environment stays."""
    ours = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(timeout_s),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries),
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
        # A server that asks for a minute's patience gets it from `sync`, not from a run.
        "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    }
    added = [name for name in ours if name not in os.environ]
    os.environ.update({name: ours[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def connect(uri: str) -> MlflowClient:
    """Return a client; the first one of a process takes some seconds, the first one of a new database some more."""
    # Nothing in toolkit/ prints, and nothing of a run is sent anywhere but to the tracker.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    for noisy in ("mlflow.store", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)


def create_run(client: MlflowClient, start: Event, *, uri: str, folder: Path, take_up: bool = False) -> str:
    """Make the run of a start event and return its id.

    Args:
        client: of `connect(uri)`.
        start: the event.
        uri: decides who keeps artifacts: a server itself, a database the folder `mlartifacts/` of `folder`.
        folder: working folder.
        take_up: look first for the run that an earlier try may have made, whose answer was lost.
    """
    experiment_id = _experiment_id(client, start["experiment"], uri=uri, folder=folder)
    earlier = search_tag(client, OWN_ID_TAG, start["own_id"], experiment_ids=[experiment_id]) if take_up else []
    if earlier:
        run_id = earlier[0]
    else:
        tags = {**_who(), OWN_ID_TAG: start["own_id"]}
        run = client.create_run(experiment_id, start_time=start["time"], tags=tags, run_name=start["run_name"])
        run_id = str(run.info.run_id)
    describe_run(client, run_id, start)
    return run_id


def describe_run(client: MlflowClient, run_id: str, start: Event) -> None:
    """Write the tags and params of a start event; doing it again changes nothing."""
    from mlflow.entities import Param, RunTag

    tags = dict(start["tags"])
    parent = tags.get(PARENT_TAG, "")
    if parent.startswith(LOCAL_PREFIX):
        found = search_tag(client, OWN_ID_TAG, parent.removeprefix(LOCAL_PREFIX))
        tags[PARENT_TAG] = found[0] if found else parent
    for some in _batches([RunTag(*pair) for pair in tags.items()], _BATCH["tags"]):
        client.log_batch(run_id, tags=some)
    for some in _batches([Param(*pair) for pair in start["params"].items()], _BATCH["params"]):
        client.log_batch(run_id, params=some)


def is_active(client: MlflowClient, run_id: str) -> bool:
    """Return whether the tracker still has a run: neither deleted nor lost with its database."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as fault:
        if fault.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise


def search_tag(client: MlflowClient, tag: str, value: str, *, experiment_ids: Sequence[str] | None = None) -> list[str]:
    """Return the ids of the runs, in these or all experiments, whose `tag` is `value`."""
    wanted = record.experiment_ids(client) if experiment_ids is None else list(experiment_ids)
    if not wanted:
        return []
    return [run.info.run_id for run in record.every_page(client.search_runs, wanted, f"tags.`{tag}` = '{value}'")]


def end_children(client: MlflowClient, run_id: str) -> None:
    """End the runs under a run that are still RUNNING as KILLED: nobody works on them any more."""
    experiment = client.get_run(run_id).info.experiment_id
    running = f"tags.`{PARENT_TAG}` = '{run_id}' and attributes.status = 'RUNNING'"
    for child in record.every_page(client.search_runs, [experiment], running):
        client.set_terminated(child.info.run_id, "KILLED")


def apply(client: MlflowClient, run_id: str, events: Sequence[Event], *, base: Path) -> None:
    """Write events to a run, neighbouring numbers in as few requests as MLflow allows; again changes nothing.

    Args:
        client: of `connect`.
        run_id: MLflow's id.
        events: any events but a start, in order.
        base: the folder that an artifact's path counts from.
    """
    from mlflow.entities import Metric

    for kind, some in itertools.groupby(events, key=lambda event: event["event"]):
        if kind == "metrics":
            rows = [Metric(name, value, e["time"], e["step"]) for e in some for name, value in e["values"].items()]
            for batch in _batches(rows, _BATCH["metrics"]):
                client.log_batch(run_id, metrics=batch)
            continue
        for event in some:
            if kind == "artifact":
                client.log_artifact(run_id, str(base / event["path"]), event["folder"] or None)
            elif kind == "data":
                record.log_data(client, run_id, event)
            elif kind == "adapter":
                record.log_adapter(client, run_id, event, base=base)
            elif kind == "text":
                client.log_text(run_id, event["text"], event["name"])
            elif kind == "close":
                client.set_terminated(run_id, event["status"], end_time=event["time"])


def _experiment_id(client: MlflowClient, name: str, *, uri: str, folder: Path) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        # Without a server it is this process that writes artifacts; MLflow's own default is ./mlruns.
        is_database = urlsplit(uri).scheme.partition("+")[0] in ("sqlite", *_DATABASE_PORTS)
        place = (Path(folder).resolve() / "mlartifacts").as_uri() if is_database else None
        try:
            return str(client.create_experiment(name, artifact_location=place, tags=record.EXPERIMENT_TAGS))
        except Exception:
            found = client.get_experiment_by_name(name)
            if found is None:  # not a race with another process: a real fault
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _who() -> dict[str, str]:
    import getpass

    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's nameless user
        user = "unknown"
    return {"mlflow.user": user, "mlflow.source.name": "xstilts", "mlflow.source.type": "LOCAL"}


def _batches(rows: list[Any], size: int) -> Iterator[list[Any]]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
