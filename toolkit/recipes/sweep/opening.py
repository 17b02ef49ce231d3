"""Opening of a sweep's engine: what its processes are given, and which tracker they may use."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from toolkit.engine.engine import Engine
from toolkit.engine.opening import Order
from toolkit.engine.opening import open_engine as opened
from toolkit.engine.site import Site
from toolkit.errors import ToolkitError
from toolkit.leases import Lease
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.places import PROGRAM, places_of
from toolkit.tracking import tracking_uri
from toolkit.tracking.server import local_path


def open_engine(site: Site, folder: Path, session: Session, lease: Lease) -> AbstractContextManager[Engine]:
    """Return the engine of a sweep.

    Args:
        site: where its steps are done.
        folder: the sweep's.
        session: of which the places are used.
        lease: of the folder.

    Raises:
        ToolkitError: the cluster cannot be used.
    """
    config, places = session.config, dict(places_of(session.config))
    store: Path | None = None
    if not site.is_here:
        tracking = dict(places["tracking"])
        uri = tracking_uri(tracking["uri"], Path(tracking["folder"]))
        places["tracking"] = {**tracking, "uri": uri}  # the variable of this process is not on the workers
        store = local_path(uri) if tracking["enabled"] else None
    order = Order(
        program=PROGRAM,
        folder=folder,
        noun="the sweep's folder",
        instead="name another with --out",
        logs=folder / "logs",
        what="steps",
        places=places,
        read=tuple(map(Path, [*([config.data_root] if config.data_root is not None else []), *config.task_files])),
        # That of the folder, so that a sweep which is begun again ends what an earlier one has left.
        name=f"xstilts-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}",
        lease=lease.descriptor,
        clerk="worker-sweep.log",
        is_of_one_machine=store is not None,
        require=partial(_require_server, store),
    )
    return opened(site, order, session.say)


def _require_server(store: Path | None, who: str) -> None:
    """Refuse a file as the tracker of several machines."""
    if store is not None:
        path = store.absolute()
        raise ToolkitError(
            f"Several machines ({who}) cannot write to one file, {path}: start `mlflow server --backend-store-uri "
            f"sqlite:///{path} --host 0.0.0.0` on one of them and name it with --set tracking.uri=http://HOST:5000, or give "
            "--no-track."
        )
