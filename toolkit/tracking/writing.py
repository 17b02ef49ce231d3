"""Runs in MLflow: made, found, described and ended, and events written to them; again changes nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolkit.files import scratch
from toolkit.tracking import record
from toolkit.tracking.alive import here, is_gone, is_running
from toolkit.tracking.events import LOCAL_PREFIX, OWN_ID_TAG, PARENT_TAG, PROCESS_TAG, RESUME_TAG, Event
from toolkit.tracking.limits import REQUEST_BYTES
from toolkit.tracking.server import DATABASE_PORTS, RUN_S, folder_uri, is_refusal, local_path, waits

if TYPE_CHECKING:
    from mlflow import MlflowClient

_BATCH = {"tags": 100, "params": 100, "metrics": 1000}  # MLflow's limits for one request


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
        # All tags at once: a process that is killed right behind this leaves a run that says what it is.
        tags = {**_who(), **_tags(client, start)}
        run_id = _create(client, experiment_id, start, tags)
    describe_run(client, run_id, start, has_tags=not earlier)
    return run_id


def _create(client: MlflowClient, experiment_id: str, start: Event, tags: dict[str, str]) -> str:
    """Make a run, once: MLflow itself asks again where an answer is lost, and then there are two."""
    for is_last in (False, False, True):
        try:
            with waits(timeout_s=RUN_S, retries=0):
                made = client.create_run(experiment_id, start_time=start["time"], tags=tags, run_name=start["run_name"])
            return str(made.info.run_id)
        except Exception as fault:
            if is_last or is_refusal(fault):
                raise
            if found := search_tag(client, OWN_ID_TAG, start["own_id"], experiment_ids=[experiment_id]):
                return found[0]
    raise AssertionError("the last try returns or raises")


def describe_run(client: MlflowClient, run_id: str, start: Event, *, has_tags: bool = False) -> None:
    """Write the tags and params of a start event; doing it again changes nothing.

    Args:
        has_tags: whether the run was created with its tags.
    """
    from mlflow.entities import Param, RunTag

    tags = {} if has_tags else _tags(client, start)
    for some in _batches([RunTag(*pair) for pair in tags.items()], _BATCH["tags"]):
        client.log_batch(run_id, tags=some)
    for some in _batches([Param(*pair) for pair in start["params"].items()], _BATCH["params"]):
        client.log_batch(run_id, params=some)


def _tags(client: MlflowClient, start: Event) -> dict[str, str]:
    """Return the tags of a start event, with MLflow's id of a parent that was opened while the tracker was away."""
    tags = dict(start["tags"])
    parent = tags.get(PARENT_TAG, "")
    if parent.startswith(LOCAL_PREFIX):
        found = search_tag(client, OWN_ID_TAG, parent.removeprefix(LOCAL_PREFIX))
        tags[PARENT_TAG] = found[0] if found else parent
    return tags


def reopen(client: MlflowClient, run_id: str, start: Event) -> None:
    """Continue a run: its status is RUNNING again, what ran under it ends as KILLED, tags and missing params are written."""
    run = client.get_run(run_id)
    if run.info.status != "RUNNING":
        client.update_run(run_id, status="RUNNING")
    # MLflow refuses another value of a param, and those of the first try are what it began with.
    missing = {name: value for name, value in start["params"].items() if name not in run.data.params}
    describe_run(client, run_id, {**start, "params": missing})
    end_children(client, run_id)


def unfinished(client: MlflowClient, experiment: str, key: str) -> str | None:
    """Return the last run of a work in an experiment, if it did not finish and no process of this machine is at it."""
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return None
    wanted = f"tags.`{RESUME_TAG}` = '{key}'"
    for run in client.search_runs([found.experiment_id], wanted, order_by=["start_time DESC"], max_results=1):
        is_left = run.info.status != "RUNNING" or not is_running(run.data.tags.get(PROCESS_TAG, ""))
        if run.info.status != "FINISHED" and is_left:
            return str(run.info.run_id)
    return None


def is_superseded(client: MlflowClient, run_id: str, start: Event) -> bool:
    """Return whether a later run has the work of a run that may outlive its process: then nobody will continue this one."""
    key, found = start["tags"].get(RESUME_TAG), client.get_run(run_id)
    if not key:
        return False
    wanted = f"tags.`{RESUME_TAG}` = '{key}'"
    later = client.search_runs([found.info.experiment_id], wanted, order_by=["start_time DESC"], max_results=1)
    return any(run.info.run_id != run_id for run in later)


def end_left(client: MlflowClient) -> None:
    """End the runs as KILLED that processes of this machine left open: a killed process cannot end its own."""
    ids = record.experiment_ids(client)
    wanted = f"attributes.status = 'RUNNING' and tags.`{PROCESS_TAG}` LIKE '{here()} %'"
    for run in record.every_page(client.search_runs, ids, wanted) if ids else ():
        if not is_gone(run.data.tags[PROCESS_TAG]):
            continue
        # It may have ended well, and another process may have continued it, since the search.
        now = client.get_run(run.info.run_id)
        if now.info.status == "RUNNING" and now.data.tags[PROCESS_TAG] == run.data.tags[PROCESS_TAG]:
            seen = (number.timestamp for number in run.data._metric_objs)
            client.set_terminated(run.info.run_id, "KILLED", end_time=max([run.info.start_time, *seen]))


def adopt(client: MlflowClient, run_id: str, start: Event) -> None:
    """Give the children of a run its id: those that went ahead of it have the local one."""
    for child in search_tag(client, PARENT_TAG, LOCAL_PREFIX + start["own_id"]):
        client.set_tag(child, PARENT_TAG, run_id)


def end_unclosed(client: MlflowClient, run_id: str, start: Event, *, at: int) -> None:
    """End a run as KILLED whose process is gone; another process may have ended it, or continue it.

    Args:
        start: as the process that is gone began it.
        at: milliseconds since 1970.
    """
    run = client.get_run(run_id)
    process = run.data.tags.get(PROCESS_TAG, "")
    is_same = process in ("", start["tags"].get(PROCESS_TAG, process))
    if run.info.status == "RUNNING" and is_same and not is_running(process):
        client.set_terminated(run_id, "KILLED", end_time=at)


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
        if kind == "data":
            record.log_data(client, run_id, some)
            continue
        for event in some:
            if kind == "artifact":
                client.log_artifact(run_id, str(base / event["path"]), event["folder"] or None)
            elif kind == "adapter":
                record.log_adapter(client, run_id, event, base=base)
            elif kind == "text":
                _log_text(client, run_id, event["text"], event["name"])
            elif kind == "close":
                client.set_terminated(run_id, event["status"], end_time=event["time"])


def clear_half(client: MlflowClient, run_id: str, event: Event) -> None:
    """Remove what MLflow has left of the upload of an event whose process was killed in its middle.

    MLflow 3.17 writes a file of a store of this machine under a temporary name first, and never removes one that it left.
    """
    places = [client.get_run(run_id).info.artifact_uri] if event["event"] in ("artifact", "text") else []
    if event["event"] == "adapter":
        places = [model.artifact_location for model in record.models(client, event["digest"])]
    for folder in filter(None, map(local_path, filter(None, places))):
        for path in folder.rglob(".artifact.uploading.*"):
            path.unlink(missing_ok=True)


def _log_text(client: MlflowClient, run_id: str, text: str, name: str) -> None:
    """Write a text as an artifact; MLflow's own call leaves a temporary folder where the process is killed."""
    folder, _, own = name.rpartition("/")
    with scratch() as place:
        (place / own).write_text(text, encoding="utf-8")
        client.log_artifact(run_id, str(place / own), folder or None)


def _experiment_id(client: MlflowClient, name: str, *, uri: str, folder: Path) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        # Without a server it is this process that writes artifacts; MLflow's own default is ./mlruns.
        is_database = urlsplit(uri).scheme.partition("+")[0] in ("sqlite", *DATABASE_PORTS)
        place = folder_uri(Path(folder) / "mlartifacts") if is_database else None
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
    """Yield rows in requests of at most `size` rows and, as JSON, well below the bytes that a server takes."""
    some: list[Any] = []
    length = 0
    for row in rows:
        more = len(json.dumps(dict(row))) + 50
        if some and (len(some) == size or length + more > REQUEST_BYTES // 2):
            yield some
            some, length = [], 0
        some.append(row)
        length += more
    if some:
        yield some
