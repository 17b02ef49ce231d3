"""Clusters beyond this process: one that runs, and one whose workers are jobs of a queueing system."""

from __future__ import annotations

import pickle
import shutil
import time
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dask
from distributed import Client

from toolkit.engine.clusters import SETTINGS, quiet
from toolkit.engine.crew import Crew
from toolkit.engine.engine import Cluster
from toolkit.engine.fitness import Asked, fault_of, look_around
from toolkit.engine.joining import Joining, sent_by_code
from toolkit.engine.queued import Queue
from toolkit.engine.watch import Watch, refusal
from toolkit.errors import ToolkitError

CONNECT_S = 10.0
_PATIENCE = 2  # jobs that are sent away
_ASK_S = 2.0  # between two questions of how many threads there are


def joined_cluster(address: str) -> Cluster:
    """Return a cluster that runs.

    Args:
        address: of its scheduler.

    Raises:
        ToolkitError: it cannot be reached, or has no workers.
    """
    quiet()
    try:
        with dask.config.set({"distributed.comm.timeouts.connect": CONNECT_S}):
            client = Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except Exception as fault:  # of sockets, of asyncio, of an address, of a protocol that another release speaks
        raise ToolkitError(
            f"No dask scheduler answers at '{address}' ({_first_line(fault)}); start one with `dask scheduler`, and name its "
            "address, such as tcp://HOST:8786."
        ) from None
    cluster = Cluster(client, f"The scheduler at {address}", _counting(client), lambda: None)
    if not cluster.count():
        _leave(client)
        raise ToolkitError(
            f"The scheduler at {address} has no workers; start `dask worker {address} --nthreads 1` on each machine."
        )
    return cluster


def queued_cluster(queue: Queue, workers: int | None, logs: Path | None = None) -> Cluster:
    """Return a cluster whose workers are jobs: as many as there is work for, at most `workers`.

    Args:
        queue: what a job asks for.
        workers: jobs at most; None: what the file says.
        logs: folder of what jobs print, where nobody has named another one.

    Raises:
        ToolkitError: there is no such queueing system here, or it refuses the jobs.
    """
    quiet()
    most = workers or queue.jobs
    kind = queue.cluster_class()
    command = kind.job_cls.submit_command.split()[0]
    if shutil.which(command) is None:
        raise ToolkitError(f"`{command}` is not on this machine, so no job can be given to {queue.system}.")
    try:
        with dask.config.set(SETTINGS):
            options, place = _with_logs(queue, logs)
            jobs = kind(**options, silence_logs=False)
            client = Client(jobs, set_as_default=False)  # type: ignore[no-untyped-call]
    except Exception as fault:
        raise ToolkitError(f"The jobs of {queue.where} cannot be made ({_first_line(fault)}).") from None
    try:
        for _ in range(max(1, queue.minimum)):
            jobs.worker_spec.update(jobs.new_worker_spec())
        jobs.sync(jobs._correct_state)  # by `scale` a refusal would only be in dask's log, and tried again for ever
    except Exception as fault:
        _leave(client)
        with suppress(Exception):
            jobs.close()
        raise ToolkitError(f"{queue.system} refuses the jobs of {queue.where}: {refusal(fault)}.") from None
    # The time that work takes is not known: one job for each task that waits.
    jobs.adapt(minimum=queue.minimum, maximum=most, target_duration="1ms")
    where = f"The scheduler of the jobs of {queue.system}"
    watch = Watch(jobs, queue, place)
    watch.begin()

    def close() -> None:
        watch.close()
        jobs.close()

    return Cluster(client, where, lambda: most, close, patience=_PATIENCE, news=watch.news)


def _with_logs(queue: Queue, logs: Path | None) -> tuple[dict[str, Any], Path]:
    """Return the options of the jobs, and the folder that what they print goes to."""
    kept = dask.config.get(f"jobqueue.{queue.system}.log-directory", None)
    named = queue.options.get("log_directory") or kept
    if named is None and logs is not None and len(str(logs).split()) == 1:  # the systems take no blank in it
        named = str(logs)
    return {**queue.options, **({"log_directory": named} if named else {})}, Path(named or ".")


def looking_first(crew: Crew, asked: Asked, topic: str) -> Joining:
    """Return what gives a crew to every worker that fits, now and later, and sends the others away."""
    return Joining(crew.name, topic, asdict(asked), pickle.dumps(crew))


def slots_by_host(cluster: Cluster, asked: Asked) -> Mapping[str, int]:
    """Return how many jobs can be done at the same time on each host, after a look at every worker.

    Raises:
        ToolkitError: a worker cannot be used, or the scheduler is gone.
    """
    try:
        with sent_by_code():
            found = cluster.client.run(look_around, asdict(asked), on_error="return")
        threads: Mapping[str, int] = cluster.client.nthreads()  # type: ignore[no-untyped-call]
    except OSError:  # of a connection
        raise cluster.gone() from None
    slots: dict[str, int] = {}
    for where, seen in found.items():
        if isinstance(seen, BaseException):
            raise ToolkitError(f"The worker {where} cannot be used ({type(seen).__name__}: {_first_line(seen)}).")
        if fault := fault_of(where, seen, asked.versions):
            raise ToolkitError(fault)
        slots[seen["host"]] = slots.get(seen["host"], 0) + threads.get(where, 1)
    return slots


def _counting(client: Client) -> Callable[[], int]:
    """Return what counts the threads of all workers, and asks the scheduler now and then."""
    known = types.SimpleNamespace(count=0, at=-_ASK_S)

    def count() -> int:
        if time.monotonic() - known.at >= _ASK_S:
            with suppress(Exception):  # the scheduler is gone; the futures say so
                known.count = sum(client.nthreads().values())  # type: ignore[no-untyped-call]
            known.at = time.monotonic()
        return int(known.count)

    return count


def _leave(client: Client) -> None:
    with suppress(Exception):
        client.close(timeout=CONNECT_S)  # type: ignore[no-untyped-call]


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip() or type(fault).__name__).splitlines()[0].rstrip(".")
