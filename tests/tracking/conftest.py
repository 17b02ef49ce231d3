"""One MLflow store for all tests here: making its tables takes seconds."""

import shutil

import pytest

from toolkit.tracking import Opening, open_tracker


@pytest.fixture(autouse=True)
def no_tracker_of_the_user(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="session")
def empty_store(made_once):
    """A folder with an MLflow database made by the tracker itself."""

    def fill(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            tracker = open_tracker("mlflow", folder=folder)
            tracker.start(Opening("first", experiment="first", tags={}, params={}))
            tracker.close()
        assert tracker.notes == []

    return made_once("store", fill)


@pytest.fixture
def folder(empty_store, tmp_path):
    """A working folder whose own store exists already, with one old run."""
    shutil.copyfile(empty_store / "mlflow.db", tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def client(folder):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


@pytest.fixture
def runs(client):
    """Return all runs of an experiment, oldest first."""

    def find(experiment="xnli"):
        found = client.get_experiment_by_name(experiment)
        return client.search_runs([found.experiment_id], order_by=["start_time ASC"]) if found else []

    return find


@pytest.fixture(autouse=True)
def no_pause_behind_a_fault(monkeypatch):
    monkeypatch.setattr("toolkit.tracking.delivery._PAUSE_S", 0.001)
