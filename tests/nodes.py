"""A cluster of dask as a user starts it by hand: `dask scheduler` and some `dask worker`, each a process of its own on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests import PROJECT
from tests.waiting import LIMIT_S, SOON_S, wait_until


class Nodes:
    """Processes of a cluster.

    Args:
        root: an empty folder for their files.
        home: working folder of the workers, which is that of the sweep.
        environment: of the processes, beyond that of this one.
    """

    def __init__(self, root: Path, home: Path, environment: Mapping[str, str] | None = None) -> None:
        self.root, self.home = root, home
        self._environment = {**os.environ, "PYTHONPATH": str(PROJECT), **(environment or {})}
        self._started: list[subprocess.Popen[bytes]] = []
        self._file = root / "scheduler.json"
        self.address = ""
        self.scheduler = self.start_scheduler()
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        """Start a scheduler at a free port, or again at the one that it had."""
        where = ["--port", self.address.rpartition(":")[2]] if self.address else ["--port", "0"]
        self._file.unlink(missing_ok=True)
        self.scheduler = self._start("scheduler", ["--host", "127.0.0.1", *where, "--scheduler-file", str(self._file)])
        wait_until(self._has_address, "the scheduler listens", process=self.scheduler, every_s=0.1)
        return self.scheduler

    def start_worker(
        self, *options: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a worker for one step at a time; it joins in its own time (`wait_for`)."""
        more = {**self._environment, **(environment or {})}
        words = [self.address, "--nthreads", "1", "--local-directory", str(self.root), *options]
        self.workers.append(self._start("worker", words, more, folder))
        return self.workers[-1]

    def wait_for(self, count: int) -> None:
        """Wait until so many workers have joined."""
        from distributed import Client

        with Client(self.address, timeout=LIMIT_S, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(count, timeout=LIMIT_S)  # type: ignore[no-untyped-call]

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process of the cluster, with what it is the nanny of."""
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(process.pid).children()
            process.kill()
            for one in below:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait()

    def close(self) -> None:
        """End all of them."""
        for process in reversed(self._started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(SOON_S)
            self.kill(process)

    def _start(
        self,
        role: str,
        options: Sequence[str],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{role}", "--no-dashboard", *options]
        with (self.root / f"{role}-{len(self._started)}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=dict(environment or self._environment),
                cwd=folder or self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C of a terminal is for the sweep
            )
        self._started.append(process)
        return process

    def _has_address(self) -> bool:
        with suppress(OSError, ValueError):
            self.address = json.loads(self._file.read_text(encoding="utf-8"))["address"]
            return True
        return False


@contextmanager
def nodes(
    root: Path,
    home: Path,
    workers: int = 2,
    *,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Nodes]:
    """Give a cluster with so many workers, which have joined; none of its processes is left."""
    root.mkdir(parents=True, exist_ok=True)
    cluster = Nodes(root, home, environment)
    try:
        for _ in range(workers):
            cluster.start_worker(*options)
        if workers:
            cluster.wait_for(workers)
        yield cluster
    finally:
        cluster.close()


def tables(folder: Path) -> dict[str, bytes]:
    """Return every table of scores below a sweep's folder, by its place."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("scores.csv")}
    assert found
    return found
