"""What MLflow does not take as it is: shown in a form that it takes, kept whole, and said."""

import json
import re
from pathlib import Path

import pytest

from toolkit.tracking import NOTE_TAG, Opening, events, limits, open_tracker, sync
from toolkit.tracking.limits import Names, Whole


@pytest.mark.parametrize(
    "name", ["a@b", "fuse[a,b]", "../../etc", "/a", "a//b", "", ".", "é/ü", "a\nb", "x" * 999, "a/" * 300]
)
def test_every_name_becomes_one_that_mlflow_takes(name):
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

    key = limits.safe_key(name)
    assert 0 < len(key) <= limits.KEY_LENGTH
    for validate in (_validate_metric_name, _validate_param_name, _validate_tag_name):
        validate(key)


def test_two_long_names_stay_two():
    assert limits.safe_key("x" * 300 + "a") != limits.safe_key("x" * 300 + "b")
    assert limits.shortened("x" * 300 + "a", 250) != limits.shortened("x" * 300 + "b", 250)


def test_the_limits_are_those_of_the_installed_mlflow():
    from mlflow.utils import validation

    assert limits.KEY_LENGTH == validation.MAX_ENTITY_KEY_LENGTH
    assert limits.TAG_LENGTH == validation.MAX_TAG_VAL_LENGTH
    assert limits.PARAM_LENGTH == validation.MAX_PARAM_VAL_LENGTH
    assert min(validation.MAX_EXPERIMENT_NAME_LENGTH, 256) >= limits.EXPERIMENT_LENGTH
    assert limits.EXPERIMENT_TAG_LENGTH == validation.MAX_EXPERIMENT_TAG_VAL_LENGTH
    assert limits.DATA_NAME_LENGTH == validation.MAX_DATASET_NAME_SIZE
    assert limits.DATA_DIGEST_LENGTH == validation.MAX_DATASET_DIGEST_SIZE
    assert limits.REQUEST_BYTES == validation.MAX_BATCH_LOG_REQUEST_SIZE


@pytest.mark.parametrize(("given", "is_changed"), [(["a[b", "a(b", "a{b"], True), (["é", "x/y", "x.y"], False)])
def test_names_that_differ_stay_apart(given, is_changed):
    names = Names()
    assert len({names.safe(name) for name in given}) == len(given)
    assert [names.safe(name) for name in given] == [names.safe(name) for name in given]
    assert set(names.changed.values()) == (set(given) if is_changed else set())


@pytest.mark.parametrize("length", [6000, 6001, 20_000])
def test_a_value_is_whole_or_says_where_the_whole_is(length):
    whole = Whole()
    value = "x" * length
    shown = whole.values("param", {"a/b": value}, 6000)["a/b"]
    assert len(shown) <= 6000
    if length <= 6000:
        assert (shown, whole.files, whole.notes) == (value, {}, [])
    else:
        assert shown.endswith(f"… ({length:,} characters, all of them in whole/params/a.b.txt)")
        assert whole.files == {"whole/params/a.b.txt": value}
        assert f"MLflow keeps 6,000 of the {length:,} characters of the param 'a/b'" in whole.notes[0]


def test_a_description_is_cut_between_lines():
    table = "".join(f"| {i} | row |\n" for i in range(2000))
    whole = Whole()
    shown = whole.values("tag", {NOTE_TAG: table}, 8000)[NOTE_TAG]
    assert len(shown) <= 8000
    assert set(shown.splitlines()[:-1]) <= {"", *table.splitlines()}
    assert whole.files == {"whole/description.md": table}


def test_names_of_files_are_short_and_stay_two():
    long = ["é" * 200 + end for end in "ab"]
    assert len({limits.file_name(name) for name in long}) == 2
    assert max(len(limits.file_name(name).encode()) for name in long) <= 120


@pytest.mark.parametrize("is_away", [False, True], ids=["live", "spooled"])
def test_what_is_too_long_arrives_whole_as_files_of_the_run(folder, runs, client, is_away, monkeypatch):
    from toolkit.tracking import server

    composition = "fuse[" + ",".join(f"member{i}" for i in range(900)) + "]/udpos"
    with monkeypatch.context() as patch:
        if is_away:
            patch.setattr(server, "fault_of", lambda uri, **_: "away")
        tracker = open_tracker("mlflow", folder=folder)
        tags = {"composition": composition * 2, NOTE_TAG: "line\n" * 4000}
        tracker.start(Opening(composition, "xnli", tags, {"composition": composition}))
        tracker.log_metrics({"fuse[a,b]/f1": 0.5, "fuse(a,b)/f1": 0.25, "m" * 300: 1.0})
        tracker.close()
    if is_away:
        sync(folder)
    (run,) = runs()
    files = client.list_artifacts(run.info.run_id, "whole")
    read = {
        one.path: Path(client.download_artifacts(run.info.run_id, one.path)).read_text()
        for one in files
        if not one.is_dir
    }
    assert read["whole/run_name.txt"] == composition
    assert read["whole/description.md"] == "line\n" * 4000
    param = client.download_artifacts(run.info.run_id, "whole/params/composition.txt")
    tag = client.download_artifacts(run.info.run_id, "whole/tags/composition.txt")
    assert (Path(param).read_text(), Path(tag).read_text()) == (composition, composition * 2)
    assert sorted(run.data.metrics.values()) == [0.25, 0.5, 1.0]
    named = json.loads(read["whole/names.json"])
    assert {named[name]: value for name, value in run.data.metrics.items()} == {
        "fuse[a,b]/f1": 0.5,
        "fuse(a,b)/f1": 0.25,
        "m" * 300: 1.0,
    }
    assert len(run.info.run_name) == 250
    said = " ".join(tracker.notes)
    assert all(
        re.search(what, said) for what in ("run name", "param 'composition'", "tag 'composition'", "description")
    )


def test_requests_stay_below_the_bytes_that_a_server_takes(folder, runs, monkeypatch):
    from mlflow import MlflowClient

    sent = []
    real = MlflowClient.log_batch

    def watched(self, run_id, **some):
        sent.append(sum(len(json.dumps(dict(row))) for rows in some.values() for row in rows))
        return real(self, run_id, **some)

    monkeypatch.setattr(MlflowClient, "log_batch", watched)
    tracker = open_tracker("mlflow", folder=folder)
    params = {f"p{i}": "é" * 5999 for i in range(60)}
    tracker.start(Opening("many", "xnli", {}, params))
    tracker.close()
    assert max(sent) < limits.REQUEST_BYTES
    (run,) = runs()
    assert run.data.params == params


def test_a_dataset_and_a_model_keep_names_that_are_apart():
    rows = [events.Data("n" * 600 + end, "d", "dev", "o", 1, {}) for end in "ab"]
    assert len({one["name"] for one in events.data(rows)["data"]}) == 2
    models = [
        events.adapter("m" * 600 + end, "d", folder=".", is_made=True, params={}, note="")["name"] for end in "ab"
    ]
    assert len(set(models)) == 2
