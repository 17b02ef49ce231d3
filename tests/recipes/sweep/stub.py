"""A worker without models: it answers every job at once, or as `places` ask it to."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from toolkit.engine.lines import hire_of, job_of
from toolkit.engine.messages import Job, Progressed, Ready
from toolkit.engine.process import Voice
from toolkit.recipes.sweep.messages import DoStep, LookedUp, OpenRun, RunOpened, StepDone


def dies(marks: str) -> bool:
    """Whether this process is one of as many as there are marks in a folder that are killed: each takes a mark."""
    for mark in Path(marks).glob("*") if marks else ():
        mark.unlink(missing_ok=True)
        return True
    return False


def _pause(seconds: float, mark: str, voice: Voice) -> None:
    """Wait, and say so all the time; where Ctrl-C ends it, leave a file."""
    try:
        if mark:
            Path(f"{mark}.begun").touch()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            voice.send(Progressed("pause", 0, 1))
            time.sleep(min(left, 0.1))
    except KeyboardInterrupt:
        Path(mark).touch()
        os._exit(130)


def work(events: int) -> None:
    voice = Voice(events)
    hired = hire_of(sys.stdin.readline())
    if dies(hired.places.get("dead when hired", "")):
        os.kill(os.getpid(), signal.SIGKILL)
    voice.send(Ready())
    for line in sys.stdin:
        job: Job = job_of(line)
        if not isinstance(job, OpenRun) and dies(hired.places.get("dead at work", "")):
            os.kill(os.getpid(), signal.SIGKILL)
        if isinstance(job, DoStep):
            _pause(hired.places.get("seconds", 0.0), hired.places.get("interrupted", ""), voice)
            voice.send(StepDone("made", 0.1, 1.0, {}, "", ()))
        elif isinstance(job, OpenRun):
            if place := hired.places.get("opened"):
                with Path(place).open("a") as file:
                    file.write(f"{job.run_id}\n")
            voice.send(RunOpened(f"{job.run_id}+"))
        else:
            voice.send(LookedUp({}, {}))


if __name__ == "__main__":
    work(int(sys.argv[1]))
