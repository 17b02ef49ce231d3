"""Process of a worker: started once, given one job after another, heard while it does it, and ended with all that it began."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from toolkit.engine.lines import event_of, to_line
from toolkit.engine.messages import Answer, Event, Failed, Hire, Job, Progressed, Ready, Said
from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Tell
from toolkit.safe_text import visible

OnEvent = Callable[[Event], None]
_LAST_BYTES = 4096  # of a log, in which its last line is
_LOOK_MS = 1000  # between two looks whether a job is still wanted
_SOURCES = Path(__file__).resolve().parents[2]  # the folder of the package, which the process imports as well


@dataclass(frozen=True)
class Manner:
    """How processes are started.

    Attributes:
        program: module that is started, see `process.py`.
        threads: of one process; None: as many as its libraries take.
        is_offline: whether nothing may be fetched from the hub.
        lease: descriptor that every process holds as well; None for none.
        folder: working folder; None: that of the process which starts it.
    """

    program: str
    threads: int | None = None
    is_offline: bool = False
    lease: int | None = None
    folder: str | None = None


def manner_of(program: str, workers: int, *, is_offline: bool = False, lease: int | None = None) -> Manner:
    """Return the manner of several processes of this machine.

    Each gets its share of the processors: threads of several processes would only wait for each other. What the user has set
    in the environment stays.
    """
    is_shared = workers > 1 and "OMP_NUM_THREADS" not in os.environ
    threads = max(1, (os.cpu_count() or 1) // workers) if is_shared else None
    return Manner(program, threads, is_offline, lease)


def passing_on(tell: Tell) -> OnEvent:
    """Return what passes progress and sentences on, each sentence once: several processes see one outage."""

    def on_event(event: Event) -> None:
        match event:
            case Progressed(what, done, total, figures):
                tell.progress(Progress(what, done, total, figures))
            case Said(text):
                tell.once(text)

    return on_event


class Hand:
    """One process; `close` ends it, at work too: every file that the toolkit writes is whole or absent.

    Args:
        hire: its first message.
        manner: how it is started.

    Raises:
        ToolkitError: it cannot be started.
    """

    def __init__(self, hire: Hire, manner: Manner) -> None:
        self._log = Path(hire.log)
        self._heard = b""
        self._is_closed, self._is_ready = False, False
        self._events, theirs = os.pipe()
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as file:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", manner.program, str(theirs)],
                    stdin=subprocess.PIPE,
                    stdout=file,
                    stderr=file,
                    env=_environment(manner),
                    cwd=manner.folder,
                    pass_fds=[theirs, *([manner.lease] if manner.lease is not None else [])],
                    process_group=0,  # Ctrl-C is for the command, which then ends its processes
                )
        except OSError as error:
            os.close(self._events)
            raise ToolkitError(
                f"A worker could not be started in {self._log.parent.parent} ({error.strerror})."
            ) from None
        finally:
            os.close(theirs)
        self._send(hire)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be given a job."""
        return not self._is_closed and self._process.poll() is None

    def do(self, job: Job, on_event: OnEvent, is_wanted: Callable[[], bool]) -> Answer | Failed:
        """Do a job and return the last event about it; the others go to `on_event`.

        Args:
            job: what is done.
            on_event: called with every event that is not the last.
            is_wanted: asked now and then; where it is not, the process ends.
        """
        self._send(job)
        has_spoken = False
        poll = select.poll()
        poll.register(self._events, select.POLLIN)
        looked = time.monotonic()
        while True:
            has_heard = poll.poll(_LOOK_MS)
            if time.monotonic() - looked > _LOOK_MS / 2000:
                looked = time.monotonic()
                if not is_wanted():
                    self.close()
                    return Failed("It is not wanted any more.", is_dead=True)
            if not has_heard:
                continue
            data = os.read(self._events, 1 << 16)
            if not data:
                return Failed(
                    self._death(),
                    is_dead=True,
                    is_killed=self._process.wait() < 0,
                    is_unspoken=not has_spoken,
                    is_unready=not self._is_ready,
                )
            *lines, self._heard = (self._heard + data).split(b"\n")
            for line in lines:
                event = event_of(line)
                if isinstance(event, Ready):
                    self._is_ready = True
                    continue
                has_spoken = True
                if isinstance(event, Failed | Answer):
                    return event
                on_event(event)

    def interrupt(self) -> None:
        """Send Ctrl-C: what it trains writes a checkpoint, and it ends."""
        if self.is_alive:
            self._process.send_signal(signal.SIGINT)

    def wait(self, timeout_s: float) -> None:
        """Wait until it has ended, at most so long."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)

    def kill(self) -> None:
        """End the process at once; whoever waits for an event of it hears that it died."""
        self._process.kill()

    def close(self) -> None:
        """End the process at once."""
        if self._is_closed:
            return
        self._is_closed = True
        self._process.kill()
        self._process.wait()
        os.close(self._events)
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def _send(self, message: Hire | Job) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it is dead; `do` says so
            self._process.stdin.write((to_line(message) + "\n").encode())
            self._process.stdin.flush()

    def _death(self) -> str:
        code = self._process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        why = "; the memory may have been too small" if code == -signal.SIGKILL else ""
        return f"The worker {how}{why}; its log is {self._log}{_ending(self._log) if code > 0 else ''}."


def _environment(manner: Manner) -> dict[str, str]:
    found = dict(os.environ)
    found["PYTHONPATH"] = os.pathsep.join([str(_SOURCES), *filter(None, [found.get("PYTHONPATH")])])
    if manner.threads is not None:
        found["OMP_NUM_THREADS"] = str(manner.threads)
    if manner.is_offline:
        found["HF_HUB_OFFLINE"] = "1"
    return found


def _ending(log: Path) -> str:
    """Return what a worker that ended of itself said last, as the end of a sentence; empty if it said nothing."""
    said = last_line(log)
    return said and f" and ends with: {said}"


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, without its point; empty where there is none."""
    with suppress(OSError):
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_BYTES))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return visible(said.rstrip("."))
    return ""
