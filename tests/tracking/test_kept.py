"""What a run logs is on disk before it is sent: a kill loses nothing, and what a fault delayed is sent once."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from tests import zygote
from tests.tracking.opened import given_up, opened, sent
from toolkit.tracking import Opening, open_tracker, server, spool, sync, writing

RUN = Opening("a", experiment="xnli", tags={}, params={"p": 1})
KILLED_BEFORE_SENDING = """
    import os, signal, threading
    from pathlib import Path
    from toolkit.tracking import Opening, open_tracker, writing
    folder = Path({folder!r})
    apply, reached, never = writing.apply, threading.Event(), threading.Event()

    def held(client, run_id, some, *, base):
        if some[0]["event"] == {at!r}:
            reached.set()
            never.wait()
        apply(client, run_id, some, base=base)

    writing.apply = held
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("a", experiment="xnli", tags={{}}, params={{"p": 1}}))
    (folder / "a.txt").write_text("a")
    tracker.log_artifact(folder / "a.txt")
    (folder / "a.txt").unlink()
    for step in range(3):
        tracker.log_metrics({{"loss": 1.0 - step}}, step)
    tracker.log_text("b", "b.txt")
    tracker._write({{"event": "close", "status": "FINISHED", "time": 1}})
    reached.wait()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder: Path, *, at: str) -> None:
    """Log a run in a process that is killed where it is about to send an event of a kind."""
    code = textwrap.dedent(KILLED_BEFORE_SENDING.format(folder=str(folder), at=at))
    assert zygote.run([sys.executable, "-c", code], check=False).returncode == -9


def files_of(folder, run):
    place = folder / "mlartifacts" / run.info.run_id / "artifacts"
    return sorted(path.name for path in place.rglob("*") if path.is_file())


@pytest.mark.parametrize("at", ["artifact", "metrics", "text", "close"])
def test_what_a_killed_process_had_logged_is_sent_by_the_next_run_once(folder, client, runs, at):
    killed(folder, at=at)
    assert len(spool.spooled(folder)) == 1
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(Opening("b", experiment="other", tags={}, params={}))
    tracker.close()
    (run,) = runs()
    assert (run.info.status, run.info.end_time, run.data.params) == ("FINISHED", 1, {"p": "1"})
    assert [number.value for number in client.get_metric_history(run.info.run_id, "loss")] == [1.0, 0.0, -1.0]
    assert files_of(folder, run) == ["a.txt", "b.txt"]
    assert f"got 1 run that was left in {folder}/xstilts-spool/" in tracker.notes[0]
    assert not (folder / spool.NAME).exists()
    assert sync(folder) == 0


def test_tidying_sends_what_a_killed_process_had_logged(folder, runs):
    killed(folder, at="close")
    open_tracker("mlflow", folder=folder).tidy()
    assert runs()[0].info.status == "FINISHED"
    assert not (folder / spool.NAME).exists()


def test_a_fault_of_the_tracker_is_followed_by_another_try(folder, client, runs, monkeypatch):
    apply, faults = writing.apply, iter([ConnectionError("away"), ConnectionError("away")])

    def sometimes(client, run_id, some, *, base):
        apply(client, run_id, some, base=base)
        if fault := next(faults, None):  # the answer is lost
            raise fault

    tracker = open_tracker("mlflow", folder=folder)
    opened(tracker, RUN)
    monkeypatch.setattr(writing, "apply", sometimes)
    for step in range(3):
        tracker.log_metrics({"loss": float(step)}, step)
        sent(tracker)
    tracker.close()
    (run,) = runs()
    assert (run.info.status, tracker.notes) == ("FINISHED", [])
    assert [number.value for number in client.get_metric_history(run.info.run_id, "loss")] == [0.0, 1.0, 2.0]
    assert not (folder / spool.NAME).exists()


def test_a_run_whose_making_had_no_answer_is_made_once(folder, runs, monkeypatch):
    create, faults = writing.create_run, iter([ConnectionError("away")])

    def lost(*asked, **more):
        made = create(*asked, **more)
        if fault := next(faults, None):
            raise fault
        return made

    first = open_tracker("mlflow", folder=folder)
    opened(first, Opening("first", experiment="other", tags={}, params={}))
    monkeypatch.setattr(writing, "create_run", lost)
    first.start(RUN)
    first.close()
    first.close()
    assert [run.info.status for run in runs()] == ["FINISHED"]
    assert first.notes == []


def test_a_run_that_its_process_sends_is_left_to_it(folder, runs):
    tracker = open_tracker("mlflow", folder=folder)
    opened(tracker, RUN)
    tracker.log_metrics({"loss": 1.0})
    assert sync(folder) == 0
    given_up(tracker)
    tracker.log_metrics({"loss": 0.5}, 1)
    assert sync(folder) == 1
    tracker.close()
    assert sync(folder) == 1
    assert (runs()[0].info.status, runs()[0].data.metrics) == ("FINISHED", {"loss": 0.5})


def test_a_run_of_another_tracker_is_left_to_it(folder, runs, tmp_path):
    killed(folder, at="close")
    other = open_tracker("mlflow", uri=server.database_uri(tmp_path / "other.db"), folder=folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "connect", lambda uri, real=server.connect: real(server.own_store(folder)))
        other.start(Opening("b", experiment="other", tags={}, params={}))
        other.close()
    assert len(spool.spooled(folder)) == 1
    assert runs()[0].info.status != "FINISHED"


def test_what_mlflow_leaves_of_an_upload_that_was_killed_is_removed_with_the_next(folder, runs):
    killed(folder, at="artifact")
    (run,) = runs()
    place = folder / "mlartifacts" / run.info.run_id / "artifacts"
    place.mkdir(parents=True)
    (place / ".artifact.uploading.abc").write_text("half")
    assert sync(folder) == 1
    assert files_of(folder, run) == ["a.txt", "b.txt"]


def test_a_spool_that_cannot_be_written_does_not_stop_the_sending(folder, runs):
    (folder / spool.NAME).write_text("a file in its place")
    (folder / "a.txt").write_text("a")
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(RUN)
    tracker.log_artifact(folder / "a.txt")
    tracker.close()
    (run,) = runs()
    assert (run.info.status, files_of(folder, run), tracker.notes) == ("FINISHED", ["a.txt"], [])


def test_a_copy_is_removed_behind_the_note_that_it_was_sent(folder, monkeypatch):
    seen = []
    drop = spool.SpooledRun.drop_copy

    def looked(run, path):
        (event,) = [(one, end) for one, end in spool.read_events(run.path) if one.get("path") == path]
        seen.append(spool.read_progress(run.path)["offset"] >= event[1])
        drop(run, path)

    monkeypatch.setattr(spool.SpooledRun, "drop_copy", looked)
    (folder / "a.txt").write_text("a")
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(RUN)
    tracker.log_artifact(folder / "a.txt")
    sent(tracker)
    assert seen == [True]
    tracker.close()


def test_a_copy_that_is_not_there_does_not_stop_an_upload(folder, runs):
    killed(folder, at="artifact")
    (path,) = spool.spooled(folder)
    for copy in (path / "artifacts").rglob("a.txt"):
        copy.unlink()
    assert sync(folder) == 1
    assert runs()[0].info.status == "FINISHED"
