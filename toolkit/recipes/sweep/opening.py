"""Opening of a sweep's engine: a cluster, what its workers have to see, and what they are given."""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.leases import Lease
from toolkit.progress import Say
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.clusters import own_cluster
from toolkit.recipes.sweep.crew import Crew, Slot
from toolkit.recipes.sweep.elsewhere import joined_cluster, queued_cluster, slots_by_host
from toolkit.recipes.sweep.engine import Engine
from toolkit.recipes.sweep.fitness import Asked
from toolkit.recipes.sweep.hand import Manner, threads_of
from toolkit.recipes.sweep.messages import Hire
from toolkit.recipes.sweep.queued import read_queue
from toolkit.recipes.sweep.site import Site, places_of
from toolkit.tracking import tracking_uri
from toolkit.tracking.server import local_path


@contextmanager
def open_engine(site: Site, folder: Path, session: Session, lease: Lease) -> Iterator[Engine]:
    """Give the engine of a sweep while the block runs.

    Args:
        site: where its steps are done.
        folder: the sweep's.
        session: of which the places are used.
        lease: of the folder.

    Raises:
        ToolkitError: the cluster cannot be used.
    """
    name = f"xstilts-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"
    topic = f"{name}-{secrets.token_hex(4)}"
    places = dict(places_of(session.config))
    if site.is_here:
        workers = site.workers or 1
        crew = Crew(name, topic, str(folder), places, threads_of(workers, lease=lease.descriptor))
        with Engine(own_cluster(workers), crew, topic) as engine:
            yield engine
        return
    token = folder / f".{secrets.token_hex(6)}.sweep"
    try:
        token.touch()
        with _elsewhere(site, _asked(folder, token, session), places, (name, topic), session.say) as engine:
            yield engine
    finally:
        token.unlink(missing_ok=True)


@contextmanager
def _elsewhere(site: Site, asked: Asked, places: dict[str, Any], names: tuple[str, str], say: Say) -> Iterator[Engine]:
    """Give the engine of workers that other processes have started."""
    name, topic = names
    tracking = dict(places["tracking"])
    uri = tracking_uri(tracking["uri"], Path(tracking["folder"]))
    places["tracking"] = {**tracking, "uri": uri}  # the variable of this process is not on the workers
    store = local_path(uri) if tracking["enabled"] else None
    if site.is_joined:
        cluster = joined_cluster(site.cluster)
    else:
        queue = read_queue(site.cluster)
        _require_server(store, f"jobs of {queue.system}")
        cluster = queued_cluster(queue, site.workers)
        say(f"The steps wait for jobs of {queue.system}, at most {cluster.count()} at the same time.")
    slots: Mapping[str, int] = {}
    try:
        if site.is_joined:
            slots = slots_by_host(cluster, asked)
            if hosts := sorted(set(slots) - {socket.gethostname()}):
                _require_server(store, f"workers on {', '.join(hosts)}")
    except BaseException:
        cluster.client.close(timeout=1.0)  # type: ignore[no-untyped-call]
        raise
    manner = Manner(folder=asked.work)
    clerk = Slot(Hire(0, places, f"{asked.folder}/logs/worker-sweep.log"), manner)
    with Engine(cluster, Crew(name, topic, asked.folder, places, manner, (asked, dict(slots))), topic, clerk) as engine:
        yield engine


def _asked(folder: Path, token: Path, session: Session) -> Asked:
    config = session.config
    read = [*([config.data_root] if config.data_root is not None else []), *config.task_files]
    places = tuple(str(Path(each).absolute()) for each in read)
    return Asked.of_this_process(str(folder.absolute()), token.name, places)


def _require_server(store: Path | None, who: str) -> None:
    """Refuse a file as the tracker of several machines."""
    if store is not None:
        path = store.absolute()
        raise ToolkitError(
            f"Several machines ({who}) cannot write to one file, {path}: start `mlflow server --backend-store-uri "
            f"sqlite:///{path} --host 0.0.0.0` on one of them and name it with --set tracking.uri=http://HOST:5000, or give "
            "--no-track."
        )
