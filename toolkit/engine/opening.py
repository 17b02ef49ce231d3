"""Opening of an engine: a cluster, what its workers have to see, and what they are given."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.engine.clusters import own_cluster
from toolkit.engine.crew import Crew, Slot
from toolkit.engine.elsewhere import joined_cluster, looking_first, queued_cluster, slots_by_host
from toolkit.engine.engine import Cluster, Engine
from toolkit.engine.fitness import Asked
from toolkit.engine.hand import Manner, manner_of
from toolkit.engine.messages import Hire
from toolkit.engine.queued import read_queue
from toolkit.engine.site import Site
from toolkit.errors import unwritable
from toolkit.files import folder_beside
from toolkit.progress import Say


def _anybody(who: str) -> None:
    """Refuse nobody."""


@dataclass(frozen=True)
class Order:
    """What an engine is opened for.

    Attributes:
        program: module that its processes run, see `process.py`.
        folder: that they write to; every machine has to see it.
        noun: of the folder, for sentences.
        instead: what to do where it cannot be written, as an imperative.
        logs: folder of what they print.
        what: the jobs in one word, for sentences.
        places: what all jobs share, as plain values.
        read: folders and files that they read.
        name: of the crew; one of the same name that an earlier command has left on a cluster is ended. Empty: a name that
            nothing else has.
        lease: descriptor that every process of this machine holds as well; None for none.
        clerk: log of a process next to the command, where the workers are elsewhere; empty: there is none.
        is_of_one_machine: whether runs go to one file of this machine, so that none of another may write to it.
        require: called with who the workers of other machines are, before they are given anything; raises if they will not do.
    """

    program: str
    folder: Path
    noun: str
    instead: str
    logs: Path
    what: str
    places: Mapping[str, Any]
    read: tuple[Path, ...] = ()
    name: str = ""
    lease: int | None = None
    clerk: str = ""
    is_of_one_machine: bool = False
    require: Callable[[str], None] = _anybody


@contextmanager
def open_engine(site: Site, order: Order, say: Say) -> Iterator[Engine]:
    """Give an engine while the block runs.

    Args:
        site: where the jobs are done.
        order: what for.
        say: called with sentences for the reader.

    Raises:
        ToolkitError: the cluster cannot be used.
    """
    if not order.name:
        order = replace(order, name=f"xstilts-{secrets.token_hex(6)}")
    topic = f"{order.name}-{secrets.token_hex(4)}"
    if site.is_here:
        workers = site.workers or 1
        manner = manner_of(order.program, workers, lease=order.lease)
        crew = Crew(order.name, topic, str(order.logs), dict(order.places), manner)
        with Engine(own_cluster(workers), crew, topic) as engine:
            yield engine
        return
    with ExitStack() as stack:
        try:
            token = stack.enter_context(folder_beside(order.folder / "seen"))
        except OSError as error:
            raise unwritable(order.folder, error, instead=order.instead) from None
        read = [str(path.absolute()) for path in order.read]
        asked = Asked.of_this_process(str(order.folder.absolute()), token.name, read, order.noun)
        yield stack.enter_context(_elsewhere(site, order, topic, asked, say))


@contextmanager
def _elsewhere(site: Site, order: Order, topic: str, asked: Asked, say: Say) -> Iterator[Engine]:
    """Give the engine of workers that other processes have started."""
    cluster = joined_cluster(site.cluster) if site.is_joined else _queued(site, order, say)
    slots: Mapping[str, int] = {}
    try:
        if site.is_joined:
            slots = slots_by_host(cluster, asked)
            if hosts := sorted(set(slots) - {socket.gethostname()}):
                order.require(f"workers on {', '.join(hosts)}")
    except BaseException:
        cluster.client.close(timeout=1.0)  # type: ignore[no-untyped-call]
        raise
    manner, logs, places = Manner(order.program, folder=asked.work), str(order.logs.absolute()), dict(order.places)
    clerk = Slot(Hire(0, places, f"{logs}/{order.clerk}"), manner) if order.clerk else None
    crew = Crew(order.name, topic, logs, places, manner, dict(slots))
    # Who joins later is looked at alone.
    asked = replace(asked, only_host=socket.gethostname() if order.is_of_one_machine else "")
    with Engine(cluster, looking_first(crew, asked, topic), topic, clerk) as engine:
        yield engine


def _queued(site: Site, order: Order, say: Say) -> Cluster:
    """Return the cluster of a queueing system's jobs."""
    queue = read_queue(site.cluster)
    order.require(f"jobs of {queue.system}")
    cluster = queued_cluster(queue, site.workers, order.logs.absolute())
    say(f"The {order.what} wait for jobs of {queue.system}, at most {cluster.count()} at the same time.")
    return cluster
