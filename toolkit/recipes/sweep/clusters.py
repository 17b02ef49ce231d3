"""Clusters that a sweep can work on: its own on this machine, one that runs, and one that a queueing system starts."""

from __future__ import annotations

import logging
from typing import Any

import dask
from distributed import Client, LocalCluster

from toolkit.recipes.sweep.crew import Crew
from toolkit.recipes.sweep.engine import Cluster

# The dask worker of a crew only passes messages on; its processes are not measured, sampled or limited by it.
SETTINGS: dict[str, Any] = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
}


def own_cluster(workers: int) -> Cluster:
    """Return a cluster of this machine, in this process: nothing of it can be reached from elsewhere.

    Its scheduler and its one worker, with a thread for each of the processes that do the steps, end with this process.

    Args:
        workers: how many processes.
    """
    quiet()
    with dask.config.set(SETTINGS):
        cluster = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=1,
            threads_per_worker=workers,
            processes=False,
            memory_limit=0,
            dashboard_address=None,
            silence_logs=False,
        )
        client = Client(cluster, set_as_default=False)  # type: ignore[no-untyped-call]

    def own(name: str) -> Crew | None:
        (worker,) = cluster.workers.values()
        found = worker.plugins.get(name)
        return found if isinstance(found, Crew) else None

    return Cluster(client, "The scheduler of this sweep", lambda: workers, cluster.close, own)


def quiet() -> None:
    """Let dask say nothing: what matters to the user is said in sentences."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
