"""`xstilts track sync`: the spool's runs go to MLflow, each as the one run it always was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ToolkitError
from toolkit.tracking import server, spool, writing
from toolkit.tracking.events import LOCAL_PREFIX, PARENT_TAG, Event

if TYPE_CHECKING:
    from mlflow import MlflowClient

_WAIT_S, _RETRIES = 60, 2  # somebody is watching, and nothing else is kept waiting
_METRICS_AT_ONCE = 1000


def sync(folder: Path = Path("."), *, uri: str | None = None) -> int:
    """Upload the spool of a working folder to MLflow, at any moment, also while its runs continue.

    Doing it twice, or again after an interruption, uploads nothing twice. A finished run leaves the spool; one that is
    still being written stays and is continued by the next call; one whose process is gone ends as KILLED. Runs go to
    `uri`, else where the run had begun, else to `MLFLOW_TRACKING_URI`, else to the tracker meant at the time.

    Args:
        folder: working folder.
        uri: the tracker to upload to.

    Returns:
        How many runs were uploaded, wholly or a part further.

    Raises:
        ToolkitError: some runs could not be uploaded, and stay; the others were. Or another upload is under way.
    """
    folder = Path(folder).resolve()
    if not spool.spooled(folder):
        return 0
    with spool.alone(folder) as is_ours:
        if not is_ours:
            raise ToolkitError(f"Another upload of {folder / spool.NAME} is under way; wait until it has ended.")
        spool.sweep(folder)
        runs = spool.spooled(folder)
        uploaded, faults = 0, []
        clients = _Clients()
        for path in runs:
            try:
                with server.waits(timeout_s=_WAIT_S, retries=_RETRIES):
                    uploaded += _upload(path, folder, uri, clients)
            except Exception as fault:
                faults.append(f"{path.name}: {server.reason(fault)}")
    if faults:
        done = f"; {uploaded} {'was' if uploaded == 1 else 'were'} uploaded" if uploaded else ""
        raise ToolkitError(
            f"{len(faults)} of {len(runs)} runs stay in {folder / spool.NAME} ({faults[0]}){done}; "
            "fix that, or name another tracker with MLFLOW_TRACKING_URI, and run `xstilts track sync` again."
        )
    return uploaded


class _Clients:
    """One client for each tracker, and one probe for each that does not answer."""

    def __init__(self) -> None:
        self._found: dict[str, MlflowClient | str] = {}

    def __call__(self, uri: str) -> MlflowClient:
        if uri not in self._found:
            self._found[uri] = server.fault_of(uri) or server.connect(uri)
        found = self._found[uri]
        if isinstance(found, str):
            raise ConnectionError(f"MLflow at {server.shown(uri)} cannot be used: {found}")
        return found


def _upload(path: Path, folder: Path, uri: str | None, clients: _Clients) -> bool:
    # Asked first: what a process that is gone has written is all there is.
    is_over = not spool.is_being_written(path)
    start, offset = next(spool.read_events(path))
    if start["event"] != "start":
        raise ValueError(f"begins with a {start['event']} event; a start was expected")
    target = _target(start, uri, folder)
    client = clients(target)
    known = spool.read_progress(path)
    is_further = known.get("uri") != server.shown(target)
    if is_further:
        run_id = _run_id(client, start, target, folder)
        spool.write_progress(path, uri=server.shown(target), run_id=run_id, offset=offset)
    else:
        run_id, offset = known["run_id"], known["offset"]

    is_closed, last = False, start["time"]
    some: list[Event] = []
    lines = spool.read_events(path)
    line: tuple[Event, int] | None = next(lines)
    while line is not None:
        event, end = line
        line = next(lines, None)
        is_closed, last = is_closed or event["event"] == "close", event["time"]
        if end <= offset:
            continue
        some.append(event)
        # A training run has thousands of numbers: many at once. Anything else goes, and is ticked off, alone.
        is_more = line is not None and event["event"] == line[0]["event"] == "metrics"
        if is_more and len(some) < _METRICS_AT_ONCE:
            continue
        writing.apply(client, run_id, some, base=path)
        spool.write_progress(path, uri=server.shown(target), run_id=run_id, offset=end)
        some, is_further = [], True
    # Another process may have continued it and ended it.
    if is_over and not is_closed and client.get_run(run_id).info.status == "RUNNING":
        client.set_terminated(run_id, "KILLED", end_time=last)
    if is_over:
        spool.remove(path)
    return is_further or is_over


def _target(start: Event, uri: str | None, folder: Path) -> str:
    """Return the tracker that a run belongs to, with the environment's credentials where it names the same one."""
    environment = os.environ.get("MLFLOW_TRACKING_URI")
    recorded: str | None = start["uri"]
    if uri:
        return uri
    if environment and (not start["run_id"] or server.shown(environment) == recorded):
        return environment
    return recorded or server.own_store(folder)


def _run_id(client: MlflowClient, start: Event, target: str, folder: Path) -> str:
    """Return the run to complete: the one begun before the tracker went away, else one made now."""
    is_same = server.shown(target) == (start["uri"] or server.own_store(folder))
    if start["run_id"] and is_same and writing.is_active(client, start["run_id"]):
        writing.describe_run(client, start["run_id"], start)
        return str(start["run_id"])
    run_id = writing.create_run(client, start, uri=target, folder=folder, take_up=True)
    # Children that went ahead of their parent have its local id.
    for child in writing.search_tag(client, PARENT_TAG, LOCAL_PREFIX + start["own_id"]):
        client.set_tag(child, PARENT_TAG, run_id)
    return run_id
