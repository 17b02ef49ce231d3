"""Pictures of tracked scores, drawn where somebody looks at the runs: a scoring draws none."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.files import scratch
from toolkit.report import heat_map
from toolkit.results.score import DATA, PICTURE, read_json
from toolkit.tracking import record

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_END_S = 5.0  # longer than one picture takes
_JOURNEYS = ("eval", "retrieve")


class Pictures:
    """Thread that adds `heat_map.png` to the runs of a tracker that have `scores.json` alone, those begun last first.

    A run that cannot be read or written is left as it is: a picture is never in the way of a page.

    Args:
        client: of the tracker.
    """

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="pictures", daemon=True)

    def __enter__(self) -> Pictures:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(_END_S)

    def wait(self) -> None:
        """Wait until all are drawn."""
        self._thread.join()

    def _draw(self) -> None:
        with suppress(Exception):
            for run in _scored_runs(self._client):
                if self._over.is_set():
                    return
                with suppress(Exception):
                    draw(self._client, run.info.run_id)


def draw(client: MlflowClient, run_id: str) -> bool:
    """Add the picture of a run's scores, where it has scores and no picture; return whether it was added."""
    names = {file.path for file in client.list_artifacts(run_id)}
    if DATA not in names or PICTURE in names:
        return False
    with scratch() as place:
        file = client.download_artifacts(run_id, DATA, str(place))
        heat_map(read_json(Path(file)), place / PICTURE)
        client.log_artifact(run_id, str(place / PICTURE))
    return True


def _scored_runs(client: MlflowClient) -> list[Run]:
    """Return the runs of all experiments that may have scores, those begun last first."""
    ids = record.experiment_ids(client)
    found: list[Run] = []
    for journey in _JOURNEYS if ids else ():
        found += record.every_page(
            client.search_runs, ids, f"tags.journey = '{journey}' and attributes.status = 'FINISHED'"
        )
    return sorted(found, key=lambda run: -(run.info.start_time or 0))
