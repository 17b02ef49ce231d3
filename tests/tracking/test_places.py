"""Folders with any name, first runs at the same moment, and a full disk."""

from __future__ import annotations

import logging
import shutil
import sys
import textwrap

import pytest

from tests import zygote
from toolkit.tracking import Opening, open_tracker, server, sync

STRANGE = "50% of a%41b?x=1#f&g h'i\"j;k é日[0]*{l}"
NAMES = [
    "a%41b",
    "q?x=1",
    "h#f",
    "a&b",
    "b b",
    "q'u\"o",
    "s;c",
    "ü日本",
    "s*[x]",
    "a:b@c",
    "a\\b",
    "?uri=true",
    "%",
    STRANGE,
]


@pytest.mark.parametrize("name", NAMES)
def test_the_store_of_a_folder_is_in_it_whatever_its_name_is(tmp_path, name):
    from sqlalchemy.engine import make_url

    uri = server.own_store(tmp_path / name)
    place = tmp_path / name / "mlflow.db"
    assert make_url(uri).database == str(place)
    assert make_url(uri).query == {}
    assert server.local_path(uri) == place
    assert server.local_path(server.folder_uri(place.parent)) == place.parent


def test_a_folder_without_such_characters_has_the_uri_that_it_had(tmp_path):
    assert server.own_store(tmp_path) == f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_a_folder_of_any_name_keeps_runs_files_and_adapters(empty_store, tmp_path):
    folder = tmp_path / STRANGE
    folder.mkdir()
    shutil.copyfile(empty_store / "mlflow.db", folder / "mlflow.db")
    (folder / "100%.txt").write_text("x")
    (folder / "entry").mkdir()
    (folder / "entry" / "card.yaml").write_text("x")
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
    tracker.log_artifact(folder / "100%.txt")
    tracker.log_adapter("mnli", "0" * 12, folder / "entry", is_made=True, params={}, note="")
    run_id = tracker.run_id
    tracker.close()
    assert tracker.notes == []
    run = server.connect(server.own_store(folder)).get_run(run_id)
    assert run.info.status == "FINISHED"
    assert (folder / "mlartifacts" / run_id / "artifacts" / "100%.txt").exists()
    assert len(list((folder / "mlartifacts" / "models").iterdir())) == 1
    assert [path.name for path in tmp_path.iterdir()] == [STRANGE]


def test_the_spool_of_a_folder_of_any_name_is_uploaded(empty_store, tmp_path, monkeypatch):
    folder = tmp_path / STRANGE
    folder.mkdir()
    shutil.copyfile(empty_store / "mlflow.db", folder / "mlflow.db")
    (folder / "a?b.txt").write_text("x")
    with monkeypatch.context() as patch:
        patch.setattr(server, "fault_of", lambda uri, **_: "it is away")
        tracker = open_tracker("mlflow", folder=folder)
        tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
        tracker.log_artifact(folder / "a?b.txt")
        tracker.close()
    assert sync(folder) == 1
    assert len(list((folder / "mlartifacts").rglob("a?b.txt"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == [STRANGE]


@pytest.mark.journey
def test_first_runs_at_the_same_moment_in_one_folder_are_all_kept(tmp_path):
    code = """
        import sys
        from pathlib import Path
        from toolkit.tracking import Opening, open_tracker
        tracker = open_tracker("mlflow", folder=Path(sys.argv[1]))
        tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
        tracker.log_metrics({"x": 1.0})
        tracker.close()
        sys.exit("; ".join(tracker.notes) or 0)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    processes = [zygote.Popen(command) for _ in range(6)]
    assert [process.wait() for process in processes] == [0] * 6
    client = server.connect(server.own_store(tmp_path))
    found = client.search_runs([client.get_experiment_by_name("xnli").experiment_id])
    assert [run.info.status for run in found] == ["FINISHED"] * 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db"]


def test_a_full_disk_is_said_in_one_sentence_without_what_mlflow_logs(folder, capfd, monkeypatch):
    import sqlite3

    from toolkit.tracking import writing

    def full(client, *_, **__):
        from mlflow.exceptions import MlflowException

        logging.getLogger("mlflow.store.db.utils").error("a traceback", exc_info=True)
        try:
            raise sqlite3.OperationalError("database or disk is full")
        except sqlite3.OperationalError as fault:
            raise MlflowException("(raised as a result of Query-invoked autoflush; consider ...)\nmore") from fault

    monkeypatch.setattr(writing, "create_run", full)
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
    tracker.close()
    (note,) = tracker.notes
    assert "cannot be used (database or disk is full); the run continues" in note
    assert not logging.getLogger("mlflow.store.db.utils").isEnabledFor(logging.ERROR)
    assert capfd.readouterr() == ("", "")
