"""Runs that a signal ended: the same work continues its own run, and nothing stays RUNNING."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import replace

import pytest

from tests import zygote
from tests.tracking.opened import opened, sent
from toolkit.tracking import Opening, alive, events, open_tracker, server, spool, upload, writing

WORK = Opening("train mnli", "xnli", {"composition": "mnli"}, {"lr": 1}, resume="key")


def killed(folder, opening=WORK):
    """Open a run in a process that SIGKILL ends; return its id."""
    code = f"""
        import os, signal
        from pathlib import Path
        from toolkit.tracking import Opening, open_tracker
        tracker = open_tracker("mlflow", folder=Path({str(folder)!r}))
        tracker.start({opening!r})
        print(tracker.run_id, flush=True)
        tracker.log_metrics({{"loss": 1.0}}, 1)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = zygote.run([sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    return done.stdout.strip()


def test_what_a_killed_process_left_is_continued_by_the_same_work_and_ended_by_another(folder, client, runs):
    left = killed(folder)
    assert client.get_run(left).info.status == "RUNNING"
    other = open_tracker("mlflow", folder=folder)
    other.start(Opening("eval squad on xnli", "xnli", {}, {}))
    other.close()
    assert client.get_run(left).info.status == "KILLED"
    again = open_tracker("mlflow", folder=folder)
    assert opened(again, WORK) == left
    assert client.get_run(left).info.status == "RUNNING"
    again.log_metrics({"loss": 0.5}, 2)
    again.close()
    assert (client.get_run(left).info.status, client.get_run(left).data.metrics["loss"]) == ("FINISHED", 0.5)
    assert len([run for run in runs() if run.info.run_name == WORK.name]) == 1


def test_work_that_ended_well_begins_a_new_run_and_work_that_failed_continues(folder, client):
    tracker = open_tracker("mlflow", folder=folder)
    first = opened(tracker, WORK)
    tracker.close("FAILED")
    assert opened(tracker, WORK) == first
    tracker.close("FINISHED")
    assert opened(tracker, WORK) != first
    tracker.close("KILLED")


def test_work_that_a_living_process_is_at_is_not_taken_from_it(folder):
    here, there = (open_tracker("mlflow", folder=folder) for _ in range(2))
    assert opened(here, WORK) != opened(there, WORK)


def test_params_of_the_first_try_stay_and_missing_ones_are_added(folder, client):
    tracker = open_tracker("mlflow", folder=folder)
    run_id = opened(tracker, WORK)
    tracker.close("KILLED")
    tracker.start(Opening(WORK.name, "xnli", {}, {"lr": 2, "rows": 3}, resume="key"))
    tracker.close()
    assert tracker.notes == []
    assert client.get_run(run_id).data.params == {"lr": "1", "rows": "3"}


def test_a_run_that_may_outlive_its_process_stays_open(folder, client):
    shared = Opening("sweep grid", "xnli", {}, {}, is_shared=True)
    left = killed(folder, shared)
    other = open_tracker("mlflow", folder=folder)
    other.start(Opening("other", "xnli", {}, {}))
    other.close()
    assert client.get_run(left).info.status == "RUNNING"


@pytest.mark.parametrize("is_first", [True, False])
def test_a_shared_run_that_a_killed_process_left_in_the_spool_ends_where_a_later_one_has_its_work(
    folder, client, is_first
):
    shared = Opening("sweep grid", "xnli", {}, {}, resume="key", is_shared=True, began=1000)
    left = events.start(shared, parent=None, uri=None)
    left.pop("whole")
    spool.SpooledRun(folder, left).close()
    tracker = open_tracker("mlflow", folder=folder)
    later = opened(tracker, replace(shared, began=2000, resume="another key" if is_first else "key"))
    list(upload.leftovers(folder, server.own_store(folder), client))
    tracker.close()
    (run_id,) = writing.search_tag(client, events.OWN_ID_TAG, left["own_id"])
    assert client.get_run(run_id).info.status == ("RUNNING" if is_first else "KILLED")  # the next sweep continues it
    assert client.get_run(later).info.status == "FINISHED"


def test_a_run_has_all_its_tags_from_the_moment_it_exists(folder, client, monkeypatch):
    monkeypatch.setattr(writing, "describe_run", lambda *_, **__: (_ for _ in ()).throw(ConnectionError("killed here")))
    tracker = open_tracker("mlflow", folder=folder)
    assert opened(tracker, Opening("a", "xnli", {"composition": "mnli"}, {})).startswith("spool-")
    found = client.get_experiment_by_name("xnli")
    (run,) = client.search_runs([found.experiment_id])
    assert run.data.tags["composition"] == "mnli"
    assert run.data.tags[events.OWN_ID_TAG]


def test_processes_of_other_machines_are_left_alone():
    assert not alive.is_gone("another-machine/pid:[1] 1 2.00")
    assert not alive.is_gone("")
    assert not alive.is_gone(alive.this_process())
    place, number, _ = alive.this_process().split(" ")
    assert alive.is_gone(f"{place} {number} 1.00")


def test_a_clock_that_is_set_ends_no_process(monkeypatch):
    import psutil

    before, began = alive.this_process(), psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: began(process) + 3600)
    if "+" not in before:
        pytest.skip("this system tells the start of a process by the clock only")
    assert alive.is_running(before)


def test_a_run_that_ends_well_while_another_process_looks_for_killed_ones_stays_finished(folder, client, monkeypatch):
    tracker = open_tracker("mlflow", folder=folder)
    ending = opened(tracker, WORK)
    sent(tracker)

    def ends_now(process):
        client.set_terminated(ending, "FINISHED")
        return True

    monkeypatch.setattr(writing, "is_gone", ends_now)
    writing.end_left(client)
    assert client.get_run(ending).info.status == "FINISHED"
    tracker.close()
