"""`xstilts track sync`: the spool's runs go to MLflow, each as the one run it always was."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ToolkitError
from toolkit.tracking import server, spool, writing
from toolkit.tracking.events import PROCESS_TAG, Event

if TYPE_CHECKING:
    from mlflow import MlflowClient

_WAIT_S, _RETRIES = 60, 2  # somebody is watching, and nothing else is kept waiting
_METRICS_AT_ONCE = 1000


def sync(folder: Path = Path("."), *, uri: str | None = None) -> int:
    """Upload the spool of a working folder to MLflow, at any moment, also while its runs continue.

    Doing it twice, or again after an interruption, uploads nothing twice. A run that its own process sends is left to it. A
    finished run leaves the spool; one that is still being written stays and is continued by the next call; one whose process
    is gone ends as KILLED. Runs go to `uri`, else where the run had begun, else to `MLFLOW_TRACKING_URI`, else to the tracker
    meant at the time.

    Args:
        folder: working folder.
        uri: the tracker to upload to.

    Returns:
        How many runs were uploaded, wholly or a part further.

    Raises:
        ToolkitError: some runs could not be uploaded, and stay; the others were. Or another upload is under way.
    """
    folder = Path(folder).resolve()
    spool.sweep(folder)
    if not spool.spooled(folder):
        return 0
    with spool.alone(folder) as is_ours:
        runs = [path for path in spool.spooled(folder) if spool.is_left(path)]
        if not is_ours and runs:
            raise ToolkitError(f"Another upload of {folder / spool.NAME} is under way; wait until it has ended.")
        uploaded, faults = 0, []
        clients = _Clients()
        for path in runs:
            try:
                with server.waits(timeout_s=_WAIT_S, retries=_RETRIES):
                    target = _target(_start(path), uri, folder, spool.read_progress(path))
                    uploaded += any([*_steps(path, folder, target, clients(target))])
            except Exception as fault:
                faults.append(f"{path.name}: {server.reason(fault)}")
        for client in clients.used():
            with suppress(Exception):  # the next command tries again
                writing.end_left(client)
    if faults:
        done = f"; {uploaded} {'was' if uploaded == 1 else 'were'} uploaded" if uploaded else ""
        raise ToolkitError(
            f"{len(faults)} of {len(runs)} runs stay in {folder / spool.NAME} ({faults[0]}){done}; "
            f"fix that, or name another tracker with MLFLOW_TRACKING_URI, and run `{spool.sync_command(folder)}` again."
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

    def used(self) -> list[MlflowClient]:
        """Return the clients of the trackers that answered."""
        return [found for found in self._found.values() if not isinstance(found, str)]


def leftovers(folder: Path, uri: str, client: MlflowClient) -> Iterator[bool]:
    """Upload what ended processes have left in the spool for one tracker, and yield after each step whether a run is whole.

    The first fault of the tracker ends it; a run that is damaged, or refused, stays.

    Args:
        folder: working folder.
        uri: of the tracker.
        client: of it.
    """
    spool.sweep(folder)
    if not spool.spooled(folder):
        return
    with spool.alone(folder) as is_ours:
        for path in spool.spooled(folder) if is_ours else ():
            try:
                if spool.is_being_written(path) or not _is_for(path, uri, folder):
                    continue
                for _ in _steps(path, folder, uri, client, is_asked=False):
                    yield False
                yield True
            except (OSError, ValueError, KeyError):  # damaged, or removed by another process
                continue
            except Exception as fault:
                if not server.is_refusal(fault):
                    return


def _is_for(path: Path, uri: str, folder: Path) -> bool:
    """Return whether a run was meant for a tracker, or never reached the one it was meant for and the user names this one."""
    start = _start(path)
    meant = server.shown(start["uri"] or server.own_store(folder))
    return server.shown(uri) in (meant, server.shown(_target(start, None, folder, spool.read_progress(path))))


def _start(path: Path) -> Event:
    start, _ = next(spool.read_events(path), ({"event": "torn"}, 0))
    if start["event"] != "start":
        raise ValueError(f"begins with a {start['event']} event; a start was expected")
    return start


def _steps(path: Path, folder: Path, target: str, client: MlflowClient, *, is_asked: bool = True) -> Iterator[bool]:
    """Upload a run to a tracker, and yield after each step whether it got further.

    Args:
        is_asked: whether somebody asked for it; else a run that may outlive its process is not ended.
    """
    # Asked first: what a process that is gone has written is all there is.
    is_over = not spool.is_being_written(path)
    start, offset = next(spool.read_events(path))
    known = spool.read_progress(path)
    if known.get("uri") != server.shown(target) or not writing.is_active(client, known["run_id"]):
        run_id = _run_id(client, start, target, folder)
        spool.write_progress(path, uri=server.shown(target), run_id=run_id, offset=offset)
        yield True
    else:
        run_id, offset = known["run_id"], known["offset"]

    is_closed, last = False, start["time"]
    halves: set[str] = set()
    some: list[Event] = []
    lines = spool.read_events(path)
    line: tuple[Event, int] | None = next(lines)
    while line is not None:
        event, end = line
        line = next(lines, None)
        is_closed, last = is_closed or event["event"] == "close", event["time"]
        if end <= offset:
            continue
        # Its process may have been killed in the middle of any of these: several are ticked off together.
        if is_over and (half := event.get("digest", "files")) not in halves:
            writing.clear_half(client, run_id, event)
            halves |= {half} if "path" in event or event["event"] == "text" else set()
        some.append(event)
        # A training run has thousands of numbers: many at once. Anything else goes, and is ticked off, alone.
        is_more = line is not None and event["event"] == line[0]["event"] == "metrics"
        if is_more and len(some) < _METRICS_AT_ONCE:
            continue
        if "path" not in event or (path / event["path"]).exists():  # else it was sent and the note about it was lost
            writing.apply(client, run_id, some, base=path)
        spool.write_progress(path, uri=server.shown(target), run_id=run_id, offset=end)
        some = []
        yield True
    is_ours = is_asked or PROCESS_TAG in start["tags"]
    if is_over and not is_closed and (is_ours or writing.is_superseded(client, run_id, start)):
        writing.end_unclosed(client, run_id, start, at=last)
    if is_over:
        spool.remove(path)
        yield True


def _target(start: Event, uri: str | None, folder: Path, known: Mapping[str, Any]) -> str:
    """Return the tracker that a run belongs to, with the environment's credentials where it names the same one.

    Args:
        uri: the tracker that was asked for.
        known: how far it was sent.
    """
    environment = os.environ.get("MLFLOW_TRACKING_URI")
    recorded: str | None = start["uri"]
    meant = recorded or server.own_store(folder)
    is_begun = start["run_id"] or known.get("uri") == server.shown(meant)
    if uri:
        return uri
    if environment and (not is_begun or server.shown(environment) == recorded):
        return environment
    return meant


def _run_id(client: MlflowClient, start: Event, target: str, folder: Path) -> str:
    """Return the run to complete: the one begun before the tracker went away, else one made now."""
    is_same = server.shown(target) == (start["uri"] or server.own_store(folder))
    if start["run_id"] and is_same and writing.is_active(client, start["run_id"]):
        writing.describe_run(client, start["run_id"], start)
        return str(start["run_id"])
    run_id = writing.create_run(client, start, uri=target, folder=folder, take_up=True)
    writing.adopt(client, run_id, start)
    return run_id
