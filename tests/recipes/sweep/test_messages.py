"""Every message between a sweep and its workers arrives as it was sent."""

from __future__ import annotations

import pytest

from toolkit.engine.lines import event_of, hire_of, job_of, to_line
from toolkit.engine.messages import Event, Failed, Hire, Job, Progressed, Said
from toolkit.recipes.sweep.facts import Need
from toolkit.recipes.sweep.messages import (
    Below,
    CloseRun,
    DoStep,
    LookedUp,
    LookUp,
    Measure,
    Measured,
    OpenRun,
    Resumed,
    RunClosed,
    RunOpened,
    StepDone,
)
from toolkit.results.score import Score
from toolkit.sweeps import Step

STEP = Step("k", "train", "mnli/xnli", 0, ("p", "q"), {"train": {"lr": 0.1}}, ("xnli",), work="train pair", examples=9)
SCORE = Score("xnli", "de", "accuracy", 0.5, 10, "mnli/xnli", 0)
JOBS: tuple[Job, ...] = (
    LookUp(("tiny",), (Need("xnli", "score", "all", None), Need("mnli", "train", "en", 8))),
    Measure((STEP, STEP)),
    DoStep(STEP, "sweep", "sweep/stages/k", (Below("mnli", "stages/p/zoo", True),), "run", "sweep order"),
    OpenRun("sweep order", "sweep order", {"journey": "sweep"}, {"cells": 3, "rows": "a, b"}, "run"),
    CloseRun("sweep order", "sweep order", {}, "run", "FAILED", {"cells_done": 1}, ("sweep.json",)),
)
EVENTS: tuple[Event, ...] = (
    Progressed("train mnli", 1, 2),
    Resumed(3),
    Said("Ein Satz über Übung."),
    Failed("The disk is full.", is_dead=True),
    LookedUp({"tiny": {"digest": "d", "precision": "fp32"}}, {"xnli": {"fault": "no rows"}}),
    Measured({"train pair": (0.1, 2.0)}, ("No rows.",)),
    StepDone("found", 1.5, 200.0, {"mnli": "d"}, "stages/k", (SCORE,), digest="e", contamination=("A sentence.",)),
    RunOpened("run"),
    RunClosed(),
)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_a_job_arrives_as_it_was_sent(job: Job) -> None:
    assert job_of(to_line(job)) == job


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_arrives_as_it_was_sent_in_one_line(event: Event) -> None:
    line = to_line(event)
    assert event_of(line.encode()) == event and "\n" not in line


def test_a_message_of_another_kind_is_refused() -> None:
    hire = Hire(0, {"data_root": None, "task_files": []}, "worker-1.log")
    assert hire_of(to_line(hire)) == hire
    with pytest.raises(ValueError, match="The message Resumed was found; expected one that is a Job"):
        job_of(to_line(Resumed(1)))
