"""The view that MLflow's page opens an experiment on."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode

from toolkit.tracking import SCORE, Opening, open_tracker, view
from toolkit.tracking.limits import EXPERIMENT_TAG_LENGTH

STEM = "xnli/accuracy"


def scored(folder, composition="mnli/xnli", **values):
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening(f"eval {composition} on xnli", "xnli", {"composition": composition}, {"method": "stack"}))
    tracker.log_metrics({SCORE: 0.5, f"{STEM}/zero_shot_mean": 0.5, f"{STEM}/en": 0.75, f"{STEM}/de": 0.5, **values})
    tracker.close()


def state_of(client, experiment="xnli"):
    tag = client.get_experiment_by_name(experiment).tags["mlflow.sharedViewState.xstilts"]
    kept = json.loads(tag)
    assert (kept["name"], type(kept["createdAt"])) == (view.NAME, int)
    assert len(tag) <= EXPERIMENT_TAG_LENGTH
    return json.loads(zlib.decompress(b64decode(kept["state"].removeprefix("deflate;"))))


def test_every_experiment_with_runs_gets_a_view_and_an_address(folder, client):
    scored(folder)
    found = view.prepare(client)
    assert [(one.name, one.n_runs) for one in found] == [("xnli", 1), ("first", 1)]
    number = client.get_experiment_by_name("xnli").experiment_id
    assert found[0].path.startswith(f"/#/experiments/{number}/runs?viewStateShareKey=xstilts")
    state = state_of(client)
    assert state["selectedColumns"][0] == "metrics.`score`"
    assert state["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "for"}]
    assert client.search_runs([number])[0].data.tags["for"] == "mnli/xnli"


def test_columns_are_scores_and_the_repeated_summary_is_left_out(folder, client):
    scored(folder)
    view.prepare(client)
    assert [one for one in state_of(client)["selectedColumns"] if one.startswith("metrics")] == [
        "metrics.`score`",
        f"metrics.`{STEM}/en`",
    ]
    scored(folder, **{f"{STEM}/zero_shot_mean": 0.25})
    view.prepare(client)
    assert f"metrics.`{STEM}/zero_shot_mean`" in state_of(client)["selectedColumns"]


def test_a_view_is_written_again_only_where_the_metrics_have_changed(folder, client):
    scored(folder)
    view.prepare(client)
    tag = client.get_experiment_by_name("xnli").tags["mlflow.sharedViewState.xstilts"]
    view.prepare(client)
    assert client.get_experiment_by_name("xnli").tags["mlflow.sharedViewState.xstilts"] == tag
    scored(folder, **{f"{STEM}/fr": 0.5})
    view.prepare(client)
    (languages,) = (one for one in state_of(client)["compareRunCharts"] if one["metricSectionId"] == "Languages")
    assert languages["selectedMetricKeys"] == [f"{STEM}/{code}" for code in ("de", "en", "fr")]


def test_runs_of_0_1_0_without_score_and_tags_have_a_view_too(folder, client):
    number = client.create_experiment("old")
    run = client.create_run(number, run_name="mnli")
    client.log_metric(run.info.run_id, "xnli/f1/mean", 0.5)
    view.prepare(client)
    assert state_of(client, "old")["selectedColumns"][0] == "metrics.`xnli/f1/mean`"
    assert client.get_experiment_by_name("old").tags["mlflow.experimentKind"] == "custom_model_development"


def test_many_languages_and_measures_fit_into_the_tag():
    metrics = [f"task{i}/{measure}/{code}" for i in range(30) for measure in ("f1", "em") for code in range(100)]
    metrics += [f"task{i}/f1/zero_shot_mean" for i in range(30)]
    assert len(view._envelope(view.state([*metrics, SCORE, "loss"], ["method"]))) <= EXPERIMENT_TAG_LENGTH


def test_charts_are_in_sections_that_exist():
    state = view.state([SCORE, "loss", "dev_score", f"{STEM}/en", f"{STEM}/de"], ["method", "composition"])
    sections = {one["uuid"] for one in state["compareRunSections"]}
    assert (
        {one["metricSectionId"] for one in state["compareRunCharts"]} == sections == {"Scores", "Languages", "Training"}
    )
