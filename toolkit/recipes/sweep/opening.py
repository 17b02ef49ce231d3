"""Opening of a sweep's engine: a cluster, and what its workers are given."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from toolkit.leases import Lease
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.clusters import own_cluster
from toolkit.recipes.sweep.crew import Crew
from toolkit.recipes.sweep.engine import Engine
from toolkit.recipes.sweep.hand import threads_of
from toolkit.recipes.sweep.site import Site, places_of


def open_engine(site: Site, folder: Path, session: Session, lease: Lease) -> Engine:
    """Return the engine of a sweep, whose workers are started and checked when its block is entered.

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
    workers = site.workers or 1
    crew = Crew(name, topic, str(folder), places, threads_of(workers, lease=lease.descriptor))
    return Engine(own_cluster(workers), crew, topic)
