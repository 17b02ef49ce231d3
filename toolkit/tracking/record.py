"""Datasets and models of a run, which MLflow's UI shows with its numbers: the rows it was made with, and the adapter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.tracking.events import DIGEST_TAG, Event
from toolkit.tracking.limits import DATA_DIGEST_LENGTH, NOTE_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.store.entities import PagedList

Found = TypeVar("Found")
PAGE = 1000
"""What MLflow answers with at once, at most."""

EXPERIMENT_TAGS = {
    # What MLflow 3.17 calls an experiment that is about training and not about traces.
    "mlflow.experimentKind": "custom_model_development",
    NOTE_TAG: (
        "Scores are fractions named `task/metric/language`; `zero_shot_mean` runs over all languages but the training "
        "language. Training runs keep the scores on dev rows as `dev/...`, times, memory and load as `system/...`. To compare "
        "compositions, tick their runs and press *Compare*: the axes of the parallel coordinates are the parameters "
        "`composition`, `intermediates` and `method`. What is more than chance says `xstilts compare`."
    ),
}


def log_data(client: MlflowClient, run_id: str, events: Iterable[Event]) -> None:
    """Write rows as datasets of a run, those of several events in one request; again changes nothing."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = [
        DatasetInput(
            Dataset(
                name=one["name"],
                digest=one["digest"][:DATA_DIGEST_LENGTH],
                source_type="local" if one["origin"].startswith("/") else "xstilts",
                source=json.dumps({"uri": one["origin"]}),
                profile=json.dumps({"num_rows": one["rows"], **one["facts"]}),
            ),
            [InputTag("mlflow.data.context", one["context"])],
        )
        for event in events
        for one in event["data"]
    ]
    client.log_inputs(run_id, datasets=inputs)


def log_adapter(client: MlflowClient, run_id: str, event: Event, *, base: Path) -> None:
    """Write an adapter as a logged model, or find the one of its digest, and link the run to it; again changes nothing."""
    run = client.get_run(run_id)
    model = model_of(client, run_id, event, experiment_id=run.info.experiment_id)
    copy_adapter(client, model, event, base=base)
    # MLflow refuses a link that is there: the answer to the first try may have been lost.
    made = run.outputs.model_outputs if run.outputs else []
    used = run.inputs.model_inputs if run.inputs else []
    if model.model_id not in {one.model_id for one in (made if event["is_made"] else used)}:
        link_adapter(client, run_id, model, event)


def model_of(client: MlflowClient, run_id: str, event: Event, *, experiment_id: str) -> LoggedModel:
    """Return the logged model of an adapter's digest, made where there is none; it is not READY before it has its files."""
    found = models(client, event["digest"])
    model = next((one for one in found if one.status == "READY"), found[0] if found else None)
    if model is not None:
        return model
    tags: dict[str, Any] = {DIGEST_TAG: event["digest"], NOTE_TAG: event["note"]}
    return client.create_logged_model(
        experiment_id,
        name=event["name"],
        source_run_id=run_id if event["is_made"] else None,
        tags=tags,
        params=event["params"],
        model_type="adapter",
    )


def copy_adapter(client: MlflowClient, model: LoggedModel, event: Event, *, base: Path) -> None:
    """Give a logged model its files, and complete one whose upload broke off."""
    if model.status != "READY":
        client.log_model_artifacts(model.model_id, str(base / event["path"]))
        client.finalize_logged_model(model.model_id, "READY")


def link_adapter(client: MlflowClient, run_id: str, model: LoggedModel, event: Event) -> None:
    """Note that a run made or used a model; MLflow refuses it where it is noted already."""
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    if event["is_made"]:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
    else:
        client.log_inputs(run_id, models=[LoggedModelInput(model.model_id)])


def experiment_ids(client: MlflowClient) -> list[str]:
    """Return the ids of all experiments."""
    return [experiment.experiment_id for experiment in every_page(client.search_experiments)]


def every_page(search: Callable[..., PagedList[Found]], *asked: Any, **more: Any) -> list[Found]:
    """Return all that a search of MLflow's client finds: it answers with a page, and says whether there is another."""
    found: list[Found] = []
    token: str | None = None
    while True:
        page = search(*asked, **more, max_results=PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def models(client: MlflowClient, digest: str) -> list[LoggedModel]:
    """Return the logged models of an adapter's digest."""
    wanted = f"tags.`{DIGEST_TAG}` = '{digest}'"
    return every_page(client.search_logged_models, experiment_ids(client), filter_string=wanted)
