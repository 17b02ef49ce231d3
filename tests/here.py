"""Process of an engine in the process of the command: it does a job when it is given, and spares a fork and what a new process does first."""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module
from typing import Any, BinaryIO

from toolkit.engine import process
from toolkit.engine.lines import hire_of, job_of
from toolkit.engine.messages import Hire, Ready

_logs = threading.local()
_alone = threading.Lock()


class Voice(process.Voice):
    """Voice whose log is the process's file: the streams of this process are the command's own."""

    def log(self, text: str) -> None:
        file = getattr(_logs, "file", sys.stderr)
        file.write(text.rstrip() + "\n")
        file.flush()


class Popen:
    """What `toolkit/engine/hand.py` uses of `subprocess.Popen`; its events wait in the pipe until they are heard."""

    def __init__(self, command: list[str], *, stdout: BinaryIO, pass_fds: list[int], **_: Any) -> None:
        self.pid, self.stdin = os.getpid(), self
        self._log = open(os.dup(stdout.fileno()), "w", encoding="utf-8")  # noqa: SIM115
        self._events = os.dup(pass_fds[0])
        self._voice: Voice | None = Voice(self._events)
        self._hired: Hire | None = None
        self._trade: process.Trade = import_module(command[2]).TRADE()

    def write(self, line: bytes) -> None:
        assert self._voice is not None
        if self._hired is None:
            self._hired = hire_of(line.decode())
            self._voice.send(Ready())
        else:
            _logs.file = self._log
            try:
                with _alone:  # models of one process are shared
                    self._voice.send(process.outcome(job_of(line.decode()), self._hired, self._voice, self._trade))
            finally:
                del _logs.file  # this thread may be a later test's, when the log has long been closed

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def kill(self) -> None:
        self._voice = None  # closes the pipe
        self._log.close()

    def poll(self) -> int | None:
        return None if self._voice is not None else -9

    def wait(self, timeout: float | None = None) -> int:
        return -9

    def send_signal(self, number: int) -> None: ...
