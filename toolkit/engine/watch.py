"""Watch over the jobs of a queueing system: dask-jobqueue waits for ever for one that ended before its worker joined."""

from __future__ import annotations

import getpass
import re
import subprocess
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from toolkit.engine.hand import last_line
from toolkit.engine.queued import Queue, System
from toolkit.errors import ToolkitError

_LOOK_S = 10.0  # between two looks at the queue, while a job is not heard of
_ASK_S = 30.0  # that the queue may take to answer
_MOST = 3  # jobs in a row that are replaced, or refused
_NONE_LEFT = "No unfinished job found"  # of LSF, which then ends as with a fault
_PBS = re.compile(r"\s*(\d+)\S*\s.*\s([A-Z])\s+\S+\s*")  # the state is the last column but one
_OVER = "CFX"  # states of PBS in which a job has ended


def _first_words(said: str) -> set[str]:
    return {words[0] for line in said.splitlines() if (words := line.split()) and words[0].isdigit()}


def _of_pbs(said: str) -> set[str]:
    found = (_PBS.fullmatch(line) for line in said.splitlines())
    return {match[1] for match in found if match is not None and match[2] not in _OVER}


# What lists the jobs of a user that have not ended, and what takes their numbers from the answer.
_LISTS: Mapping[System, tuple[tuple[str, ...], Callable[[str], set[str]]]] = {
    "slurm": (("squeue", "--noheader", "--format=%A", "--user", "USER"), _first_words),
    "pbs": (("qstat",), _of_pbs),
    "lsf": (("bjobs", "-noheader", "-o", "jobid"), _first_words),
    "sge": (("qstat", "-u", "USER"), _first_words),
}


def living(system: System) -> set[str] | None:
    """Return the numbers of the jobs of this user that have not ended; None where the queue does not say."""
    words, numbers = _LISTS[system]
    try:
        user = getpass.getuser()
        command = [user if word == "USER" else word for word in words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_S, check=False)
    except (OSError, KeyError, subprocess.SubprocessError):
        return None
    return numbers(done.stdout) if not done.returncode or _NONE_LEFT in done.stderr else None


class Watch:
    """Replaces jobs which ended before their workers joined, as dask-jobqueue does with those that had joined.

    Args:
        jobs: dask-jobqueue's cluster.
        queue: that the jobs are of.
        logs: folder of their output, and what else it may hold.
    """

    def __init__(self, jobs: Any, queue: Queue, logs: Path) -> None:
        self._jobs, self._queue, self._logs = jobs, queue, logs
        self._joined: set[str] = set()
        self._missing: set[str] = set()  # at the last look: a queue may not list at once what it was just given
        self._is_trusted = queue.system == "slurm"  # other queues: after one of these jobs was listed
        self._deaths = self._refusals = 0  # in a row
        self._said: list[str] = []
        self._fault = ""
        self._over = threading.Event()

    def begin(self) -> None:
        """Begin to look, now and then, in a thread."""
        threading.Thread(target=self._work, name="jobs", daemon=True).start()

    def news(self) -> list[str]:
        """Return sentences for the reader.

        Raises:
            ToolkitError: one job after another has ended before its worker joined.
        """
        if self._fault:
            raise ToolkitError(self._fault)
        said, self._said = self._said, []
        return said

    def close(self) -> None:
        """End the watch."""
        self._over.set()

    def _work(self) -> None:
        while True:
            with suppress(Exception):  # of a cluster that is just being closed
                self.look()
            if self._over.wait(_LOOK_S):
                return

    def look(self) -> None:
        """Look at the jobs once."""
        here = [str(one.name) for one in list(self._jobs.scheduler.workers.values())]
        jobs = {job.job_id: name for name, job in list(self._jobs.workers.items()) if job.job_id}
        joined = {number for number, name in jobs.items() if _is_among(name, here)} - self._joined
        if joined:
            self._deaths = 0
        self._joined |= joined
        unheard = {number: name for number, name in jobs.items() if number not in self._joined}
        # dask-jobqueue 0.9.0 keeps a job that was refused for ever (findings/dask_jobqueue_counts_refused_jobs.sh).
        refused = [name for name, job in list(self._jobs.workers.items()) if not job.job_id]
        if not unheard and not refused:
            self._missing = set()
            return
        alive = living(self._queue.system)
        if alive is None:
            return
        self._is_trusted = self._is_trusted or bool(alive & jobs.keys())
        missing = unheard.keys() - alive if self._is_trusted else set()
        ended, self._missing = missing & self._missing, missing
        for number in sorted(ended):
            self._bury(number)
        self._replace([*(unheard[number] for number in ended), *refused], is_idle=not here and not alive & jobs.keys())

    def _bury(self, number: str) -> None:
        """Say that a job has ended; where it is one too many, everything ends."""
        self._deaths += 1
        system, end = self._queue.system, _end_of(number, self._logs)
        if self._deaths <= _MOST:
            self._said.append(
                f"Job {number} of {system} ended before its worker had joined, and is replaced{end and f'; its log {end}'}."
            )
            return
        self._fault = (
            f"Jobs of {system} end before their workers have joined, {self._deaths} in a row{end and f'; the last log {end}'}; ask for more time or memory in "
            f"{self._queue.where}, or give `death_timeout: 600` there where nodes are slow."
        )

    def _replace(self, names: Collection[str], *, is_idle: bool) -> None:
        """Give the queue new jobs of these names; where it refuses them again and again and there is no other, everything ends."""
        if self._fault or not names:
            return

        async def replace() -> None:
            for name in names:
                if name in self._jobs.workers:
                    await self._jobs.workers.pop(name).close()
            await self._jobs._correct_state()

        try:
            self._jobs.sync(replace)
        except Exception as fault:
            self._refusals += 1
            said = f"{self._queue.system} refuses the jobs of {self._queue.where}: {refusal(fault)}"
            if is_idle and self._refusals > _MOST:
                self._fault = f"{said}."
            elif self._refusals == 1:
                self._said.append(f"{said}; it is asked again.")
        else:
            self._refusals = 0


def refusal(fault: BaseException) -> str:
    """Return what a command of a queueing system has said, which dask-jobqueue puts last."""
    said = str(fault).rpartition("stderr:\n")[2].strip() or str(fault)
    return said.splitlines()[0].rstrip(".") if said else type(fault).__name__


def _is_among(name: object, workers: Collection[str]) -> bool:
    """Return whether a worker of a job has joined; a job of several processes numbers them behind its own name."""
    return any(one == str(name) or one.startswith(f"{name}-") for one in workers)


def _end_of(number: str, logs: Path) -> str:
    """Return the last line of a job's log, and its place, in words; empty where there is none."""
    with suppress(OSError):
        found = [path for path in logs.iterdir() if re.search(rf"(?<!\d){number}(?!\d)", path.name) and path.is_file()]
        for path in sorted(found, key=lambda path: (".e" not in path.name, path.name)):  # errors first
            if line := last_line(path):
                return f"{path} ends with: {line}"
    return ""
