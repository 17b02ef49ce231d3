"""View that MLflow's page opens an experiment on: columns of scores, runs grouped by composition, charts of scores.

MLflow 3.17 keeps a saved view in an experiment's tag `mlflow.sharedViewState.KEY` and opens it by `?viewStateShareKey=KEY`:
a name, times in milliseconds, and as a text of JSON what is searched, shown and drawn.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from toolkit.tracking import record
from toolkit.tracking.events import FOR_TAG, SCORE, now
from toolkit.tracking.limits import EXPERIMENT_TAG_LENGTH

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

KEY = "xstilts"
NAME = "xstilts: scores by composition"
_TAG = f"mlflow.sharedViewState.{KEY}"
_SUMMARIES = ("zero_shot_mean", "mean", "gap", "average", "partial_average")
_N_COLUMNS, _N_LANGUAGES = 6, 40
_RUN_NAME, _CREATED = "attributes.`Run Name`", "runDateAndNestInfo"  # ids of columns


@dataclass(frozen=True)
class Shown:
    """One experiment as the page shows it.

    Attributes:
        name: of the experiment.
        n_runs: how many it has, at most 1,000.
        last: when the last one began, in milliseconds since 1970; 0 without one.
        path: of the page, behind the server's address.
    """

    name: str
    n_runs: int
    last: int
    path: str


def prepare(client: MlflowClient) -> list[Shown]:
    """Give every experiment with runs its view, as its metrics are now, and return them, the one used last first."""
    found = []
    for experiment in record.every_page(client.search_experiments):
        runs = list(client.search_runs([experiment.experiment_id], max_results=record.PAGE))
        if runs:
            _write(client, experiment, runs)
            last = max(run.info.start_time or 0 for run in runs)
            found.append(Shown(experiment.name, len(runs), last, page(experiment.experiment_id)))
    return sorted(found, key=lambda one: -one.last)


def page(experiment_id: str) -> str:
    """Return the path of an experiment's list of runs in its view."""
    return f"/#/experiments/{quote(experiment_id)}/runs?viewStateShareKey={KEY}&workflowType=machine_learning"


def state(metrics: Iterable[str], params: Iterable[str]) -> dict[str, Any]:
    """Return what the page searches, shows and draws.

    Args:
        metrics, params: names that runs of the experiment have.
    """
    known, settings = sorted(set(metrics)), set(params)
    scored = _scored(known)
    numbers = [*scored, *_first(known, "dev_score")]
    columns = [
        *_ids("metrics", numbers),
        *_ids("params", [name for name in ("method", "intermediates", "seed", "backbone") if name in settings]),
    ]
    charts, sections = _charts(known, scored, settings)
    return {
        "searchFilter": "",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [*columns, "attributes.`Duration`"],
        "columnOrder": [_RUN_NAME, _CREATED, *columns, "duration"],
        "columnWidths": {
            _RUN_NAME: 380,
            _CREATED: 140,
            **{id: min(max(140, 8 * len(id.partition("`")[2]) + 20), 240) for id in columns},
        },
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": FOR_TAG}]},
        "groupsExpanded": {},
        "runsHiddenMode": "SHOW_ALL",
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "isAccordionReordered": True,
        "compareRunCharts": charts,
        "compareRunSections": sections,
    }


def _charts(
    known: Sequence[str], scored: Sequence[str], settings: set[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the charts in their sections: scores, languages, training."""
    stems = dict.fromkeys(name.rpartition("/")[0] for name in scored if "/" in name)
    by_language = {
        stem: [name for name in known if name.rpartition("/")[0] == stem and name.rpartition("/")[2] not in _SUMMARIES]
        for stem in stems
    }
    axes = [name for name in ("method", "intermediates", "composition") if name in settings]
    charts = [_bar("Scores", name) for name in scored[:4]]
    if axes and scored:
        charts.append(
            _chart("Scores", "PARALLEL", "axes", selectedParams=axes, selectedMetrics=[scored[0]], showAllRuns=False)
        )
    charts += [
        _chart("Languages", "BAR", stem, metricKey=names[0], selectedMetricKeys=names[:_N_LANGUAGES], displayName=stem)
        for stem, names in by_language.items()
        if len(names) > 1
    ]
    charts += [
        _chart("Training", "LINE", name, metricKey=name, selectedMetricKeys=[name], displayName=name)
        for name in ("loss", "dev_score")
        if name in known
    ]
    titles = dict.fromkeys(chart["metricSectionId"] for chart in charts)
    return charts, [
        {"uuid": title, "name": title, "display": True, "isReordered": True, "deleted": False, "isGenerated": False}
        for title in titles
    ]


def _bar(section: str, name: str) -> dict[str, Any]:
    return _chart(section, "BAR", name, metricKey=name, displayName=name)


def _chart(section: str, kind: str, what: str, **more: Any) -> dict[str, Any]:
    return {
        "uuid": hashlib.sha256(f"{section}/{kind}/{what}".encode()).hexdigest()[:16],
        "type": kind,
        "metricSectionId": section,
        "runsCountToCompare": 10,
        "deleted": False,
        "isGenerated": False,
        **more,
    }


def _scored(known: Sequence[str]) -> list[str]:
    """Return the numbers that runs are compared by: `score`, then the summary of each measure, then the first language's.

    Of a measure without a zero-shot mean it is the mean.
    """
    own = [name for name in known if "/" in name and not name.startswith(("dev/", "system/"))]
    stems = list(dict.fromkeys(name.rpartition("/")[0] for name in own))
    found = _first(known, SCORE)
    for ends in (("zero_shot_mean", "mean", "average", "partial_average"), ("en",)):
        for stem in stems:
            found += [name for end in ends if (name := f"{stem}/{end}") in own][:1]
    return found[:_N_COLUMNS]


def _first(known: Sequence[str], name: str) -> list[str]:
    return [name] if name in known else []


def _ids(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{kind}.`{name}`" for name in names]


def _write(client: MlflowClient, experiment: Experiment, runs: Sequence[Run]) -> None:
    for name, value in record.EXPERIMENT_TAGS.items():  # an experiment that something else has made
        if name not in experiment.tags:
            client.set_experiment_tag(experiment.experiment_id, name, value)
    metrics = {name for run in runs for name in run.data.metrics}
    wanted = state(metrics - _repeating(runs), (name for run in runs for name in run.data.params))
    before = experiment.tags.get(_TAG, "")
    if _state_of(before) == wanted:
        return
    value = _envelope(wanted)
    if len(value) <= EXPERIMENT_TAG_LENGTH:
        client.set_experiment_tag(experiment.experiment_id, _TAG, value)


def _repeating(runs: Sequence[Run]) -> set[str]:
    """Return the summaries that every run has as its `score` too: the list needs one of both."""
    scored = [run.data.metrics for run in runs if SCORE in run.data.metrics]
    names = {name for metrics in scored for name in metrics if name.rpartition("/")[2] in _SUMMARIES}
    return {name for name in names if all(metrics.get(name) == metrics[SCORE] for metrics in scored)}


def _envelope(wanted: Mapping[str, Any]) -> str:
    text = "deflate;" + base64.b64encode(zlib.compress(json.dumps(wanted).encode())).decode()
    return json.dumps({"name": NAME, "createdAt": now(), "updatedAt": now(), "state": text})


def _state_of(value: str) -> Any:
    """Return the state that a tag holds, or None where it holds none."""
    try:
        text = json.loads(value)["state"]
        return json.loads(zlib.decompress(base64.b64decode(text.removeprefix("deflate;"))))
    except (ValueError, KeyError, TypeError, zlib.error):
        return None
