"""What a run shows besides numbers: rows and adapters, in the folder's own store, on a server, and by way of the spool."""

from __future__ import annotations

import shutil
import threading

import pytest

from toolkit.tracking import Data, Opening, open_tracker, server, spool, sync

GERMAN = Data("xnli.de", "0123456789abcdef", "evaluation", "mirror/xnli", 2490, {"split": "validation"})


def adapter(folder):
    place = folder / "entry"
    place.mkdir(exist_ok=True)
    (place / "card.yaml").write_text("name: mnli\n")
    (place / "README.md").write_text("# mnli\n")
    return place


def record(tracker, folder, *, is_made=True):
    tracker.start(Opening("mnli", experiment="xnli", tags={}, params={"composition": "mnli"}, began=1_700_000_000_000))
    tracker.log_data([GERMAN])
    tracker.log_metrics({"system/seconds": 1.0}, at=1_700_000_001_000)
    tracker.log_adapter("mnli/squad", "d" * 64, adapter(folder), is_made=is_made, params={"seed": 0}, note="# mnli")
    tracker.close()


def check(client, folder, *, linked="outputs"):
    experiment = client.get_experiment_by_name("xnli")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    run = client.get_run(client.search_runs([experiment.experiment_id])[0].info.run_id)
    assert run.info.start_time == 1_700_000_000_000
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest, data.tags[0].value) == ("xnli.de", GERMAN.digest, "evaluation")
    (model,) = client.search_logged_models([experiment.experiment_id])
    assert (model.name, model.status, model.params) == ("mnli_squad", "READY", {"seed": "0"})
    found = run.outputs.model_outputs if linked == "outputs" else run.inputs.model_inputs
    assert [one.model_id for one in found] == [model.model_id]
    files = client.list_logged_model_artifacts(model.model_id)
    assert {file.path for file in files} == {"card.yaml", "README.md"}
    return run


@pytest.fixture(scope="module")
def mlflow_server(empty_store, tmp_path_factory):
    """MLflow's server on loopback, in a thread, with an artifact store of its own."""
    from mlflow import server as theirs
    from werkzeug.serving import make_server

    folder = tmp_path_factory.mktemp("server")
    shutil.copyfile(empty_store / "mlflow.db", folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(theirs.BACKEND_STORE_URI_ENV_VAR, f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv(theirs.ARTIFACT_ROOT_ENV_VAR, "mlflow-artifacts:/")
        patch.setenv(theirs.ARTIFACTS_DESTINATION_ENV_VAR, str(folder / "artifacts"))
        patch.setenv(theirs.SERVE_ARTIFACTS_ENV_VAR, "true")
        patch.setenv("MLFLOW_TRACKING_URI", "")  # the server sets it in its process, which is this one
        patch.delenv("MLFLOW_TRACKING_URI")
        served = make_server("127.0.0.1", 0, theirs.app, threaded=True)
        thread = threading.Thread(target=served.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_rows_and_adapter_stand_in_the_folders_own_store(folder, client):
    tracker = open_tracker("mlflow", folder=folder)
    record(tracker, folder)
    assert tracker.notes == []
    check(client, folder)


def test_a_run_that_uses_an_adapter_finds_what_the_run_that_made_it_left(folder, client):
    tracker = open_tracker("mlflow", folder=folder)
    record(tracker, folder)
    record(tracker, folder, is_made=False)
    experiment = client.get_experiment_by_name("xnli").experiment_id
    assert len(client.search_logged_models([experiment])) == 1
    links = [client.get_run(run.info.run_id) for run in client.search_runs([experiment])]
    assert sorted(len(run.inputs.model_inputs) for run in links) == [0, 1]


def test_the_spool_carries_rows_and_adapter(folder, client, monkeypatch):
    monkeypatch.setattr(server, "fault_of", lambda uri, **_: "it is away")
    tracker = open_tracker("mlflow", folder=folder)
    record(tracker, folder)
    (note,) = tracker.notes
    assert "it is away" in note
    (folder / "entry" / "card.yaml").unlink()  # the spool has a copy
    monkeypatch.undo()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert sync(folder) == 1
    check(client, folder)
    assert spool.spooled(folder) == []


def test_a_server_that_dies_in_the_middle_costs_one_note_and_loses_nothing(folder, client, monkeypatch):
    from toolkit.tracking import record as writing

    def gone(*_, **__):
        raise ConnectionError("it went away")

    tracker = open_tracker("mlflow", folder=folder)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "models", gone)
        record(tracker, folder)
    assert len(tracker.notes) == 1
    assert sync(folder) == 1
    check(client, folder)


def test_a_server_takes_them_too(mlflow_server, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    tracker = open_tracker("mlflow", uri=mlflow_server, folder=tmp_path)
    record(tracker, tmp_path, is_made=False)
    assert tracker.notes == []
    check(MlflowClient(mlflow_server), tmp_path, linked="inputs")
    assert not (tmp_path / "mlflow.db").exists()


def test_a_run_knows_the_commit_of_its_code(folder, client):
    from toolkit.tracking.events import code_version

    tracker = open_tracker("mlflow", folder=folder)
    record(tracker, folder)
    run = client.search_runs([client.get_experiment_by_name("xnli").experiment_id])[0]
    assert run.data.tags.get("mlflow.source.git.commit", "") == code_version()
