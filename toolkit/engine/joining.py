"""Joining of a worker in another process: it is looked at before it is given jobs, and sent away where it cannot do them.

`Joining` is sent to workers by its code, as `fitness` is, so that it says what is lacking where no or another xstilts is installed.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import cloudpickle
from distributed import Worker
from distributed.diagnostics.plugin import WorkerPlugin

from toolkit.engine import fitness
from toolkit.engine.fitness import fault_of, look_around

SENT_AWAY = "toolkit.engine.messages:SentAway"
"""Kind of the message that says so."""


@contextmanager
def sent_by_code() -> Iterator[None]:
    """Let what is sent to workers within the block hold the code of this module and of `fitness`."""
    modules = (fitness, sys.modules[__name__])
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


class Joining(WorkerPlugin):
    """Crew of a worker that fits; one that does not is retired: dask gives its tasks to others.

    Args:
        name: of the plugin.
        topic: of the events.
        asked: the attributes of `Asked`: what the worker has to see.
        crew: pickled.

    Attributes:
        crew: what does the jobs; None on a worker that was sent away.
    """

    def __init__(self, name: str, topic: str, asked: Mapping[str, Any], crew: bytes) -> None:
        self.name, self._topic, self._asked, self._crew = name, topic, dict(asked), crew
        self.crew: Any = None

    async def setup(self, worker: Worker) -> None:
        """Let the crew begin, or send the worker away; it has begun none of the tasks that it was given meanwhile."""
        fault = fault_of(worker.address, look_around(self._asked), self._asked["versions"])
        if not fault:
            try:
                self.crew = pickle.loads(self._crew)
                self.crew.setup(worker)
                return
            except Exception as error:  # of a package that says it is the same
                said = (str(error).strip() or "no message").splitlines()[0]
                fault = f"The worker {worker.address} cannot be used ({type(error).__name__}: {said})."
        line = json.dumps({"is": SENT_AWAY, "error": fault})
        await worker.scheduler.log_event(topic=self._topic, msg={"key": "", "line": line, "worker": worker.address})
        await worker.scheduler.retire_workers(workers=[worker.address], close_workers=True)

    async def teardown(self, worker: Worker) -> None:
        """End the crew."""
        if self.crew is not None:
            await self.crew.teardown(worker)
