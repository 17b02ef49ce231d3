"""What is logged is sent by a thread: a run waits for its tracker at its end only, and not for long."""

from __future__ import annotations

import _thread
import sys
import textwrap
import threading

import pytest

from tests import zygote
from tests.tracking.opened import sent, unsent
from toolkit.tracking import Data, Opening, delivery, open_tracker, server, spool, sync, writer, writing
from toolkit.tracking.alive import this_process

RUN = Opening("a", experiment="xnli", tags={}, params={})


class Hung:
    """A server that takes requests and does not answer until it is released."""

    def __init__(self):
        self.asked, self.released = threading.Event(), threading.Event()
        self.on_request = lambda: None

    def __call__(self, *_, **__):
        self.asked.set()
        self.on_request()
        self.released.wait()


@pytest.fixture
def hung(monkeypatch):
    found = Hung()
    monkeypatch.setattr(writing, "apply", found)
    yield found
    found.released.set()


@pytest.fixture
def remote(folder, monkeypatch):
    """Return a tracker whose store is no file of this machine, as far as it knows."""
    monkeypatch.setattr(server, "fault_of", lambda uri, **_: None)
    monkeypatch.setattr(server, "connect", lambda uri, real=server.connect: real(server.own_store(folder)))
    return lambda budget_s: open_tracker("mlflow", uri="postgresql://slow", folder=folder, budget_s=budget_s)


def kept(folder):
    """Return the events in the spool of one run, without its start."""
    (some,) = unsent(folder).values()
    return some


def run_in_a_process(folder, body):
    head = f"""
        import os
        from pathlib import Path
        from toolkit.tracking import Data, Opening, open_tracker, server
        folder = Path({str(folder)!r})
    """
    code = textwrap.dedent(head) + textwrap.dedent(body)
    zygote.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


def test_logging_does_not_wait_and_the_end_waits_for_the_budget(folder, remote, hung):
    tracker = remote(0.05)
    tracker.start(RUN)
    tracker.log_metrics({"loss": 1.0}, 0)
    hung.asked.wait()
    for step in range(1, 20):
        tracker.log_metrics({"loss": 1.0}, step)
    assert tracker.notes == []
    tracker.close()
    (note,) = tracker.notes
    assert f"is slow (the run waited 0 s for it); the rest of the record is kept in {folder}/xstilts-spool/" in note
    steps = [event.get("step") for event in kept(folder)]
    assert steps == [*range(20), None]  # the request that was under way as well
    assert kept(folder)[-1]["event"] == "close"


def test_what_a_run_waits_for_counts_together(folder, remote, hung):
    tracker = remote(0.05)
    for name in ("first", "second"):
        tracker.start(Opening(name, experiment="xnli", tags={}, params={}))
        tracker.close()
    assert len(tracker.notes) == 1
    assert len(spool.spooled(folder)) == 2


def test_a_stopped_run_waits_for_a_few_seconds_whatever_the_budget_is(folder, remote, hung, monkeypatch):
    monkeypatch.setattr(delivery, "_STOPPED_S", 0.05)
    tracker = remote(600.0)
    tracker.start(RUN)
    tracker.close("KILLED")
    assert kept(folder)[-1]["status"] == "KILLED"


def test_ctrl_c_ends_the_wait_and_leaves_the_rest_in_the_spool(folder, remote, hung):
    hung.on_request = _thread.interrupt_main
    tracker = remote(600.0)
    tracker.start(RUN)
    with pytest.raises(KeyboardInterrupt):
        tracker.close()
    assert "is slow (the wait for it was interrupted)" in tracker.notes[0]
    assert [event["event"] for event in kept(folder)] == ["close"]


def test_more_records_than_may_wait_go_to_the_spool(folder, remote, hung, monkeypatch):
    monkeypatch.setattr(writer, "MOST", 10)
    tracker = remote(600.0)
    tracker.start(RUN)
    tracker.log_metrics({"loss": 1.0}, 0)
    hung.asked.wait()
    for step in range(1, 15):
        tracker.log_metrics({"loss": 1.0}, step)
    assert "records wait for it" in tracker.notes[0]
    tracker.close()
    assert [event.get("step") for event in kept(folder)] == [*range(15), None]


def test_events_are_sent_in_order_and_numbers_that_wait_go_together(folder, remote, monkeypatch):
    batches = []
    monkeypatch.setattr(writing, "apply", lambda client, run_id, some, base: batches.append([dict(e) for e in some]))
    tracker = remote(600.0)
    tracker.start(RUN)
    for step in range(2500):
        tracker.log_metrics({"loss": 1.0}, step)
    tracker.log_text("x", "x.txt")
    tracker.log_metrics({"loss": 1.0}, 2500)
    tracker.close()
    assert [event.get("step", event["event"]) for batch in batches for event in batch] == [
        *range(2500),
        "text",
        2500,
        "close",
    ]
    assert len(batches) < 20


def test_what_is_refused_because_another_process_was_faster_is_sent_again(folder, runs, monkeypatch):
    from mlflow.exceptions import MlflowException

    tried, apply = [], writing.apply

    def refused_once(client, run_id, some, *, base):
        tried.append(some[0]["event"])
        if tried.count("data") == 1 and some[0]["event"] == "data":
            raise MlflowException("UNIQUE constraint failed: datasets.digest", error_code=4)  # BAD_REQUEST
        apply(client, run_id, some, base=base)

    monkeypatch.setattr(writing, "apply", refused_once)
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(RUN)
    tracker.log_data([Data("xnli.de", "0" * 8, "evaluation", "generated", 3, {})])
    tracker.close()
    assert (tried, tracker.notes) == (["data", "data", "close"], [])
    assert [one.dataset.name for one in runs()[0].inputs.dataset_inputs] == ["xnli.de"]


def test_a_file_is_sent_as_it_was_when_it_was_logged(folder, runs):
    (folder / "a.txt").write_text("first")
    (folder / "b.txt").write_text("kept")
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(RUN)
    tracker.log_artifact(folder / "a.txt")
    (folder / "a.txt").write_text("second")
    tracker.log_artifact(folder / "b.txt")
    (folder / "b.txt").unlink()
    tracker.close()
    (run,) = runs()
    place = folder / "mlartifacts" / run.info.run_id / "artifacts"
    assert [(place / name).read_text() for name in ("a.txt", "b.txt")] == ["first", "kept"]
    assert tracker.notes == []


def test_copies_that_wait_to_be_sent_are_removed_also_those_of_a_killed_process(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    left = tmp_path / "temporary" / "xstilts-track-left"
    left.mkdir(parents=True)
    place, number, _ = this_process().split(" ")
    (left / "owner").write_text(f"{place} {number} 1.00")
    (folder / "a.txt").write_text("a")
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(RUN)
    tracker.log_artifact(folder / "a.txt")
    tracker.close()
    assert not left.exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_interpreter_that_ends_without_closing_its_runs_has_sent_what_was_logged(folder, runs):
    run_in_a_process(
        folder,
        """
        tracker = open_tracker("mlflow", folder=folder)
        tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
        tracker.log_metrics({"loss": 1.0}, 7)
        """,
    )
    (run,) = runs()
    assert run.data.metrics == {"loss": 1.0}


@pytest.mark.slow
def test_an_interpreter_that_ends_while_a_server_hangs_leaves_a_spool_soon(folder):
    run_in_a_process(
        folder,
        """
        import socket
        silent = socket.create_server(("127.0.0.1", 0))  # connections are made, and nothing is answered
        os.environ["no_proxy"] = "127.0.0.1"
        server.fault_of = lambda uri, **_: None
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        tracker = open_tracker("mlflow", uri=uri, folder=folder, budget_s=0.2)
        tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
        tracker.log_metrics({"loss": 1.0}, 7)
        """,
    )
    assert [event["event"] for event in kept(folder)] == ["metrics"]


def test_a_forked_process_uses_the_spool_and_sends_nothing_twice(folder, runs):
    run_in_a_process(
        folder,
        """
        tracker = open_tracker("mlflow", folder=folder)
        tracker.start(Opening("a", experiment="xnli", tags={}, params={}))
        assert tracker.run_id
        tracker.log_metrics({"loss": 1.0}, 1)
        child = os.fork()
        if not child:
            tracker.log_metrics({"child": 2.0}, 1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        tracker.close()
        """,
    )
    sync(folder)
    (run,) = runs()
    assert (run.data.metrics, run.info.status) == ({"loss": 1.0, "child": 2.0}, "FINISHED")
    assert spool.spooled(folder) == []


def test_nothing_is_left_of_the_thread_when_everything_was_sent(folder):
    tracker = open_tracker("mlflow", folder=folder)
    tracker.start(RUN)
    sent(tracker)
    names = [thread.name for thread in threading.enumerate()]
    tracker.close()
    assert names.count("xstilts-tracking") == 0


def test_folders_for_a_moment_that_a_killed_process_left_are_removed(tmp_path, monkeypatch):
    from toolkit import files
    from toolkit.tracking.staging import clear_left

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files._clear_once.cache_clear()
    left = tmp_path / ".xstilts.0a1b2c3d.4194305.tmp"
    left.mkdir()
    (left / "card.yaml").write_text("x")
    clear_left()
    assert list(tmp_path.iterdir()) == []
