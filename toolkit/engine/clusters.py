"""The cluster of a command's own process, and what dask does there without being asked."""

from __future__ import annotations

import logging
from typing import Any

import dask
from distributed import Client, Scheduler, SpecCluster, Worker
from distributed.http.routing import RoutingApplication
from tornado.httpserver import HTTPServer

from toolkit.engine.crew import Crew
from toolkit.engine.engine import Cluster

# The dask worker of a crew only passes messages on; its processes are not measured, sampled or limited by it.
# A scheduler of this process answers however busy the machine is, when it has imported what it needs.
SETTINGS: dict[str, Any] = {
    "distributed.comm.timeouts.connect": "300s",
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "5s",  # of a watch over the event loop: 20 ms take 4 % of a processor
    "distributed.admin.tick.limit": "60s",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
}


class _Unheard:
    """Part of a node that listens on no port: dask starts a server of HTTP with each, with or without a dashboard."""

    def start_http_server(
        self, routes: Any, dashboard_address: Any, default_port: int = 0, ssl_options: Any = None
    ) -> None:
        """Make the server that the node closes in the end, and let it listen to nothing."""
        self.http_application = RoutingApplication(routes)  # type: ignore[no-untyped-call]
        self.http_server = HTTPServer(self.http_application)


class OwnScheduler(_Unheard, Scheduler):
    """Scheduler within this process."""


class OwnWorker(_Unheard, Worker):
    """Worker within this process."""


def own_cluster(workers: int) -> Cluster:
    """Return a cluster of this machine, in this process: nothing of it can be reached from elsewhere.

    Its scheduler and its one worker, with a thread for each of the processes that do the jobs, end with this process.

    Args:
        workers: how many processes.
    """
    quiet()
    with dask.config.set(SETTINGS):
        own = {"protocol": "inproc://", "dashboard": False}
        cluster = SpecCluster(  # type: ignore[no-untyped-call]
            scheduler={"cls": OwnScheduler, "options": own},
            workers={0: {"cls": OwnWorker, "options": {**own, "nthreads": workers, "memory_limit": 0}}},
            silence_logs=False,
        )
        client = Client(cluster, set_as_default=False)  # type: ignore[no-untyped-call]

    def crew_of(name: str) -> Crew | None:
        (worker,) = cluster.workers.values()
        found = worker.plugins.get(name)
        return found if isinstance(found, Crew) else None

    return Cluster(client, "The scheduler of this command", lambda: workers, cluster.close, crew_of)


def quiet() -> None:
    """Let dask say nothing: what matters to the user is said in sentences."""
    for name in ("distributed", *logging.root.manager.loggerDict):  # dask sets the levels of some one by one
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
