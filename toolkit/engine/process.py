"""Process of an engine: it does one job after another, and sends events about each.

`hand.py` starts it as `python -m PROGRAM EVENTS`, in the working folder of the command. Jobs arrive on stdin, events leave
through the descriptor EVENTS. The end of stdin means that the command is gone. The process then ends at once, in the middle of
its work: every file that the toolkit writes is whole or absent.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import Protocol

from toolkit.engine.lines import hire_of, job_of, to_line
from toolkit.engine.messages import Answer, Event, Failed, Hire, Job, Progressed, Ready, Said
from toolkit.errors import ToolkitError
from toolkit.progress import Progress

_BEAT_S = 0.5


class Voice:
    """Sends events, from one thread at a time."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._shown, self._what = 0.0, ""

    def send(self, event: Event) -> None:
        with self._lock, suppress(BrokenPipeError):
            self._file.write(to_line(event) + "\n")

    def report(self, progress: Progress) -> None:
        """Send progress, about twice a second, and what begins or is over at once."""
        now = time.monotonic()
        if now - self._shown >= _BEAT_S or progress.what != self._what or progress.done >= progress.total:
            self._shown, self._what = now, progress.what
            self.send(Progressed(progress.what, progress.done, progress.total, progress.figures))

    def say(self, sentence: str) -> None:
        """Send a sentence for the reader."""
        self.send(Said(sentence))

    def log(self, text: str) -> None:
        """Write into the log of this process."""
        sys.stderr.write(text.rstrip() + "\n")
        sys.stderr.flush()


class Trade(Protocol):
    """What a process can do; it lives as long as the process, and keeps what several jobs need."""

    def begin(self, hired: Hire, voice: Voice) -> None:
        """Prepare for the first job."""

    def do(self, job: Job, hired: Hire, voice: Voice) -> Answer:
        """Do a job.

        Raises:
            ToolkitError: it cannot be done; the process takes the next one.
        """

    def stop(self, hired: Hire, voice: Voice) -> None:
        """Leave things in order where Ctrl-C ends the process."""


def main(trade: Trade) -> None:
    """Be a process that was started with the number of its descriptor for events."""
    _leave_signals_to_the_command()
    work(int(sys.argv[1]), trade)


def work(events: int, trade: Trade) -> None:
    """Do jobs until stdin ends."""
    voice = Voice(events)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    hired = hire_of(lines.get())
    voice.send(Ready())
    trade.begin(hired, voice)
    while True:
        try:
            voice.send(outcome(job_of(lines.get()), hired, voice, trade))
        except KeyboardInterrupt:  # from the command, which is stopped itself; what trains has written a checkpoint
            voice.log("The command was stopped.")
            with suppress(Exception):  # nothing may hold up the end
                trade.stop(hired, voice)
            os._exit(130)


def outcome(job: Job, hired: Hire, voice: Voice, trade: Trade) -> Event:
    """Do a job and return the last event about it."""
    try:
        return trade.do(job, hired, voice)
    except ToolkitError as error:
        voice.log(str(error))
        return Failed(str(error))
    except Exception as error:  # the command continues; the log has the traceback
        voice.log(traceback.format_exc())
        first = (str(error).strip() or "no message").splitlines()[0]
        return Failed(f"{type(error).__name__}: {first}; the traceback is in {hired.log}.")


def _listen(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _leave_signals_to_the_command() -> None:
    """Ignore what Slurm and systemd send to every process of a job: the command hears it too, and stops its processes."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
