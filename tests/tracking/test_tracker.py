import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tracking.opened import opened, sent, unsent
from toolkit.tracking import NoTracker, Opening, open_tracker, server, spool, writing


def events_of(folder):
    return [[event for event, _ in spool.read_events(path)] for path in spool.spooled(folder)]


def gone(*_, **__):
    raise ConnectionError("it went away")


def test_importing_tracking_imports_no_mlflow():
    code = "import sys, toolkit.tracking; t = toolkit.tracking.open_tracker('mlflow'); print('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_no_tracker_takes_everything_and_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tracker = open_tracker("none", folder=tmp_path)
    assert isinstance(tracker, NoTracker)
    assert opened(tracker, Opening("a", experiment="e", tags={}, params={})) == ""
    tracker.log_metrics({"x": 1})
    tracker.log_artifact(tmp_path / "none")
    tracker.log_text("x", "y")
    tracker.close()
    assert list(tmp_path.iterdir()) == []


def test_opening_a_tracker_writes_nothing(tmp_path):
    open_tracker("mlflow", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_gets_a_store_of_its_own(empty_store):
    assert (empty_store / "mlflow.db").stat().st_size > 0
    assert not (empty_store / spool.NAME).exists()


def test_a_run_holds_what_was_logged(folder, client, runs, capfd):
    figure = folder / "heat_map.png"
    figure.write_bytes(b"png")
    tracker = open_tracker("mlflow", folder=folder)
    run_id = opened(
        tracker,
        Opening("fuse[a,b]/xnli", experiment="xnli", tags={"part/a": "adapter"}, params={"lr": 1e-4, "x@y": [1, 2]}),
    )
    tracker.log_metrics({"xnli/accuracy/en": 0.64, "xnli/accuracy/zero_shot_mean": 0.56})
    for step in range(5):
        tracker.log_metrics({"loss": 1.0 / (step + 1)}, step=step)
    tracker.log_artifact(figure, "figures")
    tracker.log_text("lr: 1\n", "config/resolved.yaml")
    tracker.close()
    (run,) = runs()
    assert (run.info.run_id, run.info.run_name, run.info.status) == (run_id, "fuse[a,b]/xnli", "FINISHED")
    assert run.data.params == {"lr": "0.0001", "x_y": "[1, 2]"}
    assert run.data.tags["part/a"] == "adapter"
    assert run.data.metrics == {"xnli/accuracy/en": 0.64, "xnli/accuracy/zero_shot_mean": 0.56, "loss": 0.2}
    assert [(m.step, m.value) for m in client.get_metric_history(run_id, "loss")] == [
        (i, 1.0 / (i + 1)) for i in range(5)
    ]
    place = folder / "mlartifacts" / run_id / "artifacts"
    assert (place / "figures" / "heat_map.png").read_bytes() == b"png"
    assert (place / "config" / "resolved.yaml").read_text() == "lr: 1\n"
    assert tracker.notes == []
    assert capfd.readouterr() == ("", "")


def test_runs_nest_under_the_open_run_or_the_parent_named(folder, runs):
    tracker = open_tracker("mlflow", folder=folder)
    outer = opened(tracker, Opening("mnli/squad", experiment="xnli", tags={}, params={}))
    tracker.start(Opening("mnli", experiment="xnli", tags={}, params={}))
    tracker.log_metrics({"loss": 1.0})
    tracker.close("FAILED")
    tracker.close()
    tracker.start(Opening("later", experiment="xnli", tags={}, params={}, parent=outer))
    tracker.close("KILLED")
    parent, child, later = runs()
    assert "mlflow.parentRunId" not in parent.data.tags
    assert child.data.tags["mlflow.parentRunId"] == later.data.tags["mlflow.parentRunId"] == outer
    assert [run.info.status for run in (parent, child, later)] == ["FINISHED", "FAILED", "KILLED"]
    assert (parent.data.metrics, child.data.metrics) == ({}, {"loss": 1.0})


def test_more_tags_params_and_numbers_than_one_request_takes_all_arrive(folder, runs):
    tracker = open_tracker("mlflow", folder=folder)
    many = {f"k{i}": i for i in range(250)}
    tracker.start(Opening("many", experiment="xnli", tags=many, params=many))
    tracker.log_metrics({f"m{i}": i for i in range(1100)})
    tracker.close()
    (run,) = runs()
    assert run.data.params == {name: str(value) for name, value in many.items()}
    assert run.data.tags.items() >= {name: str(value) for name, value in many.items()}.items()
    assert len(run.data.metrics) == 1100
    assert tracker.notes == []


def test_a_tracker_that_refuses_connections_costs_one_note_and_a_spool(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    tracker = open_tracker("mlflow", folder=tmp_path)
    parent = opened(tracker, Opening("mnli/squad", experiment="squad", tags={"t": "v"}, params={"lr": 1}))
    child = opened(tracker, Opening("mnli", experiment="mnli", tags={}, params={}))
    tracker.log_metrics({"loss": 0.5}, step=3)
    tracker.close()
    tracker.close()
    (note,) = tracker.notes
    assert f"`xstilts track sync --folder {tmp_path}`" in note and "http://127.0.0.1:9" in note
    first, second = events_of(tmp_path)
    assert [event["event"] for event in first] == ["start", "close"]
    assert [event["event"] for event in second] == ["start", "metrics", "close"]
    assert parent == f"spool-{first[0]['own_id']}"
    assert child == f"spool-{second[0]['own_id']}"
    assert second[0]["tags"]["mlflow.parentRunId"] == parent
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / spool.NAME).rglob("*") if path.is_file())
    assert b"secret" not in on_disk + note.encode()


def test_a_tracker_that_dies_moves_the_rest_of_every_open_run_to_the_spool(folder, runs, monkeypatch):
    tracker = open_tracker("mlflow", folder=folder)
    outer = opened(tracker, Opening("outer", experiment="xnli", tags={}, params={}))
    inner = opened(tracker, Opening("inner", experiment="xnli", tags={}, params={}))
    tracker.log_metrics({"loss": 1.0}, step=1)
    sent(tracker)
    monkeypatch.setattr(writing, "apply", gone)
    tracker.log_text("x", "a.txt")
    tracker.log_metrics({"loss": 0.5}, step=2)
    tracker.close()
    tracker.close()
    assert len(tracker.notes) == 1
    spooled = {run_id: [event["event"] for event in some] for run_id, some in unsent(folder).items()}
    assert spooled == {inner: ["text", "metrics", "close"], outer: ["close"]}
    assert runs()[1].data.metrics == {"loss": 1.0}


def test_what_was_not_yet_sent_when_the_tracker_died_is_not_lost(folder, monkeypatch):
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
    tracker.log_metrics({"loss": 0}, step=0)
    sent(tracker)
    monkeypatch.setattr(writing, "apply", gone)
    for step in range(1, 2000):
        tracker.log_metrics({"loss": step}, step=step)
    tracker.close()
    (found,) = unsent(folder).values()
    assert [event["step"] for event in found if event["event"] == "metrics"] == list(range(1, 2000))


def test_a_tracker_and_a_spool_that_cannot_be_written_cost_two_notes_and_not_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    tracker = open_tracker("mlflow", folder=tmp_path / "file")
    assert opened(tracker, Opening("a", experiment="e", tags={}, params={})) == ""
    tracker.log_metrics({"x": 1})
    tracker.log_text("x", "y.txt")
    tracker.start(Opening("b", experiment="e", tags={}, params={}))
    tracker.close()
    tracker.close()
    assert len(tracker.notes) == 2
    assert "without a record" in tracker.notes[1]


def test_a_spool_that_fills_the_disk_costs_a_note_and_not_the_run(folder, monkeypatch):
    monkeypatch.setattr(writing, "create_run", gone)
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("a", experiment="e", tags={}, params={}))
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    tracker.log_text("x", "y.txt")
    tracker.log_text("x", "y.txt")
    tracker.close()
    assert "No space left" in tracker.notes[1] and len(tracker.notes) == 2


def test_a_value_that_is_no_number_and_a_file_that_is_not_there_are_noted(folder, runs):
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
    tracker.log_metrics({"good": 1, "bad": "high", "worse": None})
    tracker.log_artifact(folder / "none.png")
    tracker.close()
    assert runs()[0].data.metrics == {"good": 1.0}
    assert [("bad" in note, "worse" in note, "none.png" in note) for note in tracker.notes] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


def test_what_mlflow_refuses_is_noted_and_the_run_stays_live(folder, runs, monkeypatch):
    from mlflow.exceptions import MlflowException

    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
    with monkeypatch.context() as patch:
        patch.setattr(
            writing, "apply", lambda *_, **__: (_ for _ in ()).throw(MlflowException.invalid_parameter_value("no"))
        )
        tracker.log_text("x", "y.txt")
        sent(tracker)
    tracker.log_metrics({"x": 1})
    tracker.close()
    assert "refuses a text" in tracker.notes[0]
    assert (runs()[0].data.metrics, runs()[0].info.status) == ({"x": 1.0}, "FINISHED")
    assert not (folder / spool.NAME).exists()


def test_a_deleted_experiment_is_used_again(folder, client, runs):
    client.delete_experiment(client.create_experiment("xnli"))
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
    tracker.close()
    assert tracker.notes == []
    assert len(runs()) == 1


def test_logging_without_a_run_is_nothing(tmp_path):
    tracker = open_tracker("mlflow", folder=tmp_path)
    tracker.log_metrics({"x": 1})
    tracker.close()
    assert (tracker.notes, list(tmp_path.iterdir())) == ([], [])


def test_a_run_is_not_split_by_a_change_of_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(writing, "create_run", gone)
    monkeypatch.setattr(server, "connect", gone)
    tracker = open_tracker("mlflow", folder=Path("."))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    tracker.start(Opening("a", experiment="e", tags={}, params={}))
    tracker.close()
    assert len(spool.spooled(tmp_path)) == 1


@pytest.mark.parametrize("uri", [None, "sqlite:///elsewhere.db"])
def test_the_folders_own_store_is_recorded_without_its_path(tmp_path, monkeypatch, uri):
    monkeypatch.setattr(server, "connect", gone)
    monkeypatch.chdir(tmp_path)
    tracker = open_tracker("mlflow", uri=uri, folder=tmp_path)
    tracker.start(Opening("a", experiment="e", tags={}, params={}))
    tracker.close()
    (path,) = spool.spooled(tmp_path)
    first = (path / spool.EVENTS).read_text().splitlines()[0]
    assert json.loads(first)["uri"] == uri
    assert str(tmp_path) not in first


def test_a_run_that_is_there_is_gone_on_with_and_one_that_is_gone_begins_anew(folder, client, runs):
    tracker = open_tracker("mlflow", folder=folder)
    first = opened(tracker, Opening("sweep", experiment="xnli", tags={}, params={"a": 1}))
    tracker.close("FAILED")
    again = open_tracker("mlflow", folder=folder)
    assert opened(again, Opening("sweep", experiment="xnli", tags={"x": "y"}, params={}, run_id=first)) == first
    again.log_metrics({"cells": 3})
    again.close()
    (run,) = runs()
    assert (run.info.status, run.data.metrics["cells"], run.data.tags["x"]) == ("FINISHED", 3.0, "y")
    client.delete_run(first)
    other = open_tracker("mlflow", folder=folder)
    assert opened(other, Opening("sweep", experiment="xnli", tags={}, params={}, run_id=first)) not in (first, "")
    other.close()
    assert tracker.notes == again.notes == other.notes == []


def test_going_on_with_a_run_ends_what_a_killed_process_left_running_under_it(folder, client):
    killed = open_tracker("mlflow", folder=folder)
    sweep = opened(killed, Opening("sweep", experiment="sweep", tags={}, params={}))
    stage = opened(killed, Opening("stage", experiment="sweep", tags={}, params={}))
    other = opened(
        open_tracker("mlflow", folder=folder), Opening("another sweep", experiment="sweep", tags={}, params={})
    )

    resumed = open_tracker("mlflow", folder=folder)
    resumed.start(Opening("sweep", experiment="sweep", tags={}, params={}, run_id=sweep))
    live = opened(resumed, Opening("stage", experiment="sweep", tags={}, params={}))

    statuses = {run: client.get_run(run).info.status for run in (sweep, stage, live, other)}
    assert statuses == {sweep: "RUNNING", stage: "KILLED", live: "RUNNING", other: "RUNNING"}


def test_a_tracker_may_put_every_run_into_one_experiment_under_one_run(folder, runs):
    tracker = open_tracker("mlflow", folder=folder, experiment="sweep s", parent="abc")
    outer = opened(tracker, Opening("mnli", experiment="xnli", tags={}, params={}))
    tracker.start(Opening("inner", experiment="xnli", tags={}, params={}))
    tracker.close()
    tracker.close()
    parents = {run.info.run_name: run.data.tags["mlflow.parentRunId"] for run in runs("sweep s")}
    assert parents == {"mnli": "abc", "inner": outer}
