import json
import sys
import textwrap

import pytest

from tests import zygote
from tests.tracking.opened import given_up, opened
from toolkit.errors import ToolkitError
from toolkit.tracking import Opening, open_tracker, server, spool, sync, writing


def gone(*_, **__):
    raise ConnectionError("it went away")


@pytest.fixture
def outage(monkeypatch):
    """Return a context in which no tracker can be reached."""

    class Outage:
        def __enter__(self):
            self.patch = pytest.MonkeyPatch()
            for name in ("create_run", "apply"):
                self.patch.setattr(writing, name, gone)

        def __exit__(self, *_):
            self.patch.undo()

    return Outage


def a_run(folder, name="mnli", *, parent=None, close="FINISHED", values=(1.0, 0.5)):
    """Log one run with two numbers and an artifact; return its tracker and id."""
    figure = folder / "figure.png"
    figure.write_bytes(name.encode())
    tracker = open_tracker("mlflow", folder=folder)
    run_id = opened(tracker, Opening(name, experiment="xnli", tags={"t": "v"}, params={"p": 1}, parent=parent))
    for step, value in enumerate(values):
        tracker.log_metrics({"loss": value}, step=step)
    tracker.log_artifact(figure, "figures")
    tracker.log_text(name, "name.txt")
    if close:
        tracker.close(close)
    return tracker, run_id


def test_no_spool_is_nothing_to_upload(tmp_path):
    assert sync(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_spooled_run_arrives_as_if_the_tracker_had_been_there(folder, client, runs, outage):
    with outage():
        a_run(folder)
    before = [event for event, _ in spool.read_events(spool.spooled(folder)[0])]
    a_run(folder, "live")  # and sends the other one
    assert sync(folder) == 0
    late, live = runs()
    assert (late.info.run_name, late.info.status) == ("mnli", live.info.status)
    assert (late.data.params, late.data.metrics) == (live.data.params, live.data.metrics)
    ours = ("mlflow.runName", "xstilts.run_id")
    assert {k: v for k, v in late.data.tags.items() if k not in ours} == {
        k: v for k, v in live.data.tags.items() if k not in ours
    }
    assert (late.info.start_time, late.info.end_time) == (before[0]["time"], before[-1]["time"])
    history = client.get_metric_history(late.info.run_id, "loss")
    assert [(m.step, m.value, m.timestamp) for m in history] == [
        (event["step"], event["values"]["loss"], event["time"]) for event in before if event["event"] == "metrics"
    ]
    place = folder / "mlartifacts" / late.info.run_id / "artifacts"
    assert (place / "figures" / "figure.png").read_bytes() == b"mnli"
    assert (place / "name.txt").read_text() == "mnli"


def test_what_is_uploaded_leaves_the_spool_and_a_second_upload_finds_nothing(folder, runs, outage):
    with outage():
        a_run(folder)
    assert (sync(folder), sync(folder)) == (1, 0)
    assert spool.spooled(folder) == []
    assert len(runs()) == 1


def test_a_run_whose_tracker_died_is_completed_and_not_doubled(folder, client, runs, outage):
    tracker = open_tracker("mlflow", folder=folder)
    run_id = opened(tracker, Opening("mnli", experiment="xnli", tags={}, params={}))
    tracker.log_metrics({"loss": 1.0}, step=1)
    with outage():
        tracker.log_text("x", "late.txt")
        tracker.log_metrics({"loss": 0.5}, step=2)
        tracker.close()
    assert runs()[0].info.status == "RUNNING"
    assert sync(folder) == 1
    (run,) = runs()
    assert (run.info.run_id, run.info.status) == (run_id, "FINISHED")
    assert [m.value for m in client.get_metric_history(run_id, "loss")] == [1.0, 0.5]
    assert [item.path for item in client.list_artifacts(run_id)] == ["late.txt"]


@pytest.mark.parametrize("crash_at", range(10))
def test_an_upload_interrupted_anywhere_goes_on_and_doubles_nothing(
    folder, client, runs, outage, monkeypatch, crash_at
):
    with outage():
        a_run(folder)
    with monkeypatch.context() as patch:
        calls = iter(range(100))
        for place, name in ((writing, "apply"), (spool, "write_progress"), (spool, "remove")):
            inner = getattr(place, name)

            def stop(*args, inner=inner, **options):
                # The work is done, and the process dies before it knows.
                inner(*args, **options)
                if next(calls) == crash_at:
                    raise KeyboardInterrupt

            patch.setattr(place, name, stop)
        with pytest.raises(KeyboardInterrupt):
            sync(folder)
    sync(folder)
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert [m.value for m in client.get_metric_history(run.info.run_id, "loss")] == [1.0, 0.5]
    assert spool.spooled(folder) == []


def test_a_run_made_by_a_server_whose_answer_was_lost_is_taken_up(folder, runs, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(writing, "describe_run", gone)  # the run exists by now, and its id is not known here
        a_run(folder)
    assert len(runs()) == 1
    assert sync(folder) == 1
    (run,) = runs()
    assert (run.info.status, run.data.params) == ("FINISHED", {"p": "1"})


def test_children_find_their_parents_again(folder, runs, outage):
    with outage():
        tracker, parent = a_run(folder, "outer", close=None)
        tracker.start(Opening("inner", experiment="xnli", tags={}, params={}))
        tracker.close()
        tracker.close()
        a_run(folder, "named", parent=parent)
    a_run(folder, "ahead", parent=parent)  # the tracker is back: this child is there before its parent, which it sends
    assert sync(folder) == 0
    a_run(folder, "behind", parent=parent)  # and this one after, still with the local id
    found = {run.info.run_name: run for run in runs()}
    expected = found.pop("outer").info.run_id
    assert {name: run.data.tags["mlflow.parentRunId"] for name, run in found.items()} == dict.fromkeys(
        ("inner", "named", "ahead", "behind"), expected
    )


@pytest.mark.parametrize("is_back", [False, True])
def test_a_run_opened_in_an_outage_and_closed_by_another_process_is_one_run(folder, runs, outage, is_back):
    with outage():
        opening = open_tracker("mlflow", folder=folder)
        parent = opened(opening, Opening("sweep", experiment="xnli", tags={}, params={"p": 1}))
        given_up(opening)
        opening._open[-1].let_go()  # as a process that ends leaves it: begun and not closed
        a_run(folder, "child", parent=parent)

    def close():
        closing = open_tracker("mlflow", folder=folder)
        closing.start(Opening("sweep", experiment="xnli", tags={}, params={}, run_id=parent))
        closing.log_metrics({"cells_done": 2})
        closing.close()

    if is_back:
        close()
    else:
        with outage():
            close()
    sync(folder)
    found = {run.info.run_name: run for run in runs()}
    assert len(runs()) == 2 and not spool.spooled(folder)
    assert found["sweep"].info.status == "FINISHED"
    assert found["sweep"].data.metrics == {"cells_done": 2} and found["sweep"].data.params == {"p": "1"}
    assert found["child"].data.tags["mlflow.parentRunId"] == found["sweep"].info.run_id


def test_a_run_that_goes_on_is_uploaded_as_far_as_it_is(folder, client, runs, outage):
    with outage():
        tracker, _ = a_run(folder, close=None)
        given_up(tracker)
    assert sync(folder) == 1
    (run,) = runs()
    assert (run.info.status, run.data.metrics) == ("RUNNING", {"loss": 0.5})
    assert sync(folder) == 0
    tracker.log_metrics({"loss": 0.25}, step=2)
    tracker.close()
    assert sync(folder) == 1
    (run,) = runs()
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"loss": 0.25})
    assert [m.step for m in client.get_metric_history(run.info.run_id, "loss")] == [0, 1, 2]
    assert spool.spooled(folder) == []


def test_a_run_whose_process_was_killed_ends_as_killed(folder, runs):
    code = f"""
        import os, signal
        from pathlib import Path
        from toolkit.tracking import Opening, open_tracker, server
        def gone(*_): raise ConnectionError("away")
        server.connect = gone
        tracker = open_tracker("mlflow", folder=Path({str(folder)!r}))
        tracker.start(Opening("mnli", experiment="xnli", tags={{}}, params={{}}))
        tracker.log_metrics({{"loss": 1.0}})
        assert tracker.run_id  # it is known when the spool has it
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert zygote.run([sys.executable, "-c", textwrap.dedent(code)], check=False).returncode == -9
    assert sync(folder) == 1
    (run,) = runs()
    assert (run.info.status, run.data.metrics) == ("KILLED", {"loss": 1.0})
    assert spool.spooled(folder) == []


def test_one_run_that_fails_stays_and_the_others_go(folder, runs, outage):
    with outage():
        a_run(folder, "good")
        a_run(folder, "bad")
        a_run(folder, "fine")
    bad = spool.spooled(folder)[1]
    lines = (bad / spool.EVENTS).read_bytes()
    (bad / spool.EVENTS).write_bytes(lines.replace(b'{"event": "close"', b'"event": "close"'))
    with pytest.raises(ToolkitError, match=r"1 of 3 runs stay in .*; 2 were uploaded"):
        sync(folder)
    assert spool.spooled(folder) == [bad]
    (bad / spool.EVENTS).write_bytes(lines)
    assert sync(folder) == 1
    assert sorted(run.info.run_name for run in runs()) == ["bad", "fine", "good"]
    assert {run.info.status for run in runs()} == {"FINISHED"}


def test_a_tracker_still_away_loses_nothing(folder, outage, monkeypatch):
    with outage():
        a_run(folder)
    before = (spool.spooled(folder)[0] / spool.EVENTS).read_bytes()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(ToolkitError, match=r"http://127.0.0.1:9 cannot be used.*refused"):
        sync(folder, uri="http://127.0.0.1:9")
    assert (spool.spooled(folder)[0] / spool.EVENTS).read_bytes() == before


def test_a_run_deleted_in_the_meantime_is_made_anew(folder, client, runs, outage):
    tracker = open_tracker("mlflow", folder=folder)
    run_id = opened(tracker, Opening("mnli", experiment="xnli", tags={}, params={"p": 1}))
    with outage():
        tracker.log_text("x", "late.txt")
        tracker.close()
    client.delete_run(run_id)
    assert sync(folder) == 1
    (run,) = runs()
    assert (run.info.run_name, run.info.status, run.data.params) == ("mnli", "FINISHED", {"p": "1"})


def test_another_tracker_gets_the_whole_run(folder, outage, empty_store, tmp_path):
    import shutil

    from mlflow import MlflowClient

    other = tmp_path / "other.db"
    shutil.copyfile(empty_store / "mlflow.db", other)
    with outage():
        tracker, _ = a_run(folder, close=None)
        given_up(tracker)
    sync(folder)  # as far as it is, into the folder's own store
    tracker.close()
    assert sync(folder, uri=f"sqlite:///{other}") == 1
    client = MlflowClient(f"sqlite:///{other}")
    (run,) = client.search_runs([client.get_experiment_by_name("xnli").experiment_id])
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"loss": 0.5})


def test_two_uploads_at_a_time_are_refused(folder, outage):
    with outage():
        a_run(folder)
    with spool.alone(folder), pytest.raises(ToolkitError, match="Another upload"):
        sync(folder)
    assert sync(folder) == 1


@pytest.mark.parametrize(
    ("start", "environment", "expected"),
    [
        ({"uri": None, "run_id": None}, None, "own"),
        ({"uri": None, "run_id": None}, "http://env", "http://env"),
        ({"uri": "http://old", "run_id": None}, None, "http://old"),
        ({"uri": "http://old", "run_id": None}, "http://env", "http://env"),
        ({"uri": "http://old", "run_id": "r"}, "http://env", "http://old"),
        ({"uri": "http://old", "run_id": "r"}, "http://me:secret@old", "http://me:secret@old"),
        ({"uri": None, "run_id": "r"}, "http://env", "own"),
    ],
)
def test_a_run_goes_where_it_began_or_where_the_user_says_now(tmp_path, monkeypatch, start, environment, expected):
    from toolkit.tracking.upload import _target

    if environment:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", environment)
    own = server.own_store(tmp_path)
    assert _target(start, None, tmp_path, {}) == (own if expected == "own" else expected)
    assert _target(start, "http://asked", tmp_path, {}) == "http://asked"


def test_thousands_of_numbers_go_in_few_requests(folder, runs, outage, monkeypatch):
    with outage():
        a_run(folder, values=[float(i) for i in range(2500)])
    requests = []
    inner = writing.apply
    monkeypatch.setattr(writing, "apply", lambda *a, **k: (requests.append(len(a[2])), inner(*a, **k)))
    assert sync(folder) == 1
    assert requests == [1000, 1000, 500, 1, 1, 1]
    assert runs()[0].data.metrics == {"loss": 2499.0}


def test_progress_is_kept_beside_the_run_that_goes_on(folder, outage):
    with outage():
        tracker, _ = a_run(folder, close=None)
        given_up(tracker)
    sync(folder)
    (path,) = spool.spooled(folder)
    assert set(json.loads((path / spool.PROGRESS).read_text())) == {"uri", "run_id", "offset"}
    tracker.close()
