"""One transaction for several calls of MLflow on a database: MLflow 3.17 opens three to nine for each of its calls.

A run of a small training was 26 commits and 143 statements, half of them three PRAGMAs for each transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient


_ALONE = threading.Lock()  # the threads of a process share MLflow's store


class Undone(Exception):
    """MLflow wanted to take back a part of the transaction, which it cannot do alone: nothing of it was written."""


@contextmanager
def one_transaction(client: MlflowClient) -> Iterator[None]:
    """Let what this thread writes inside the block be written together at its end, or not at all where it raises.

    Between two calls nothing is remembered, as where each has a session of its own. Other threads have theirs.

    Args:
        client: of a database, without a server between.

    Raises:
        Undone: MLflow took back what it had written, as where a number is there already; do the calls one by one.
    """
    store: Any = client._tracking_client.store
    thread = threading.get_ident()
    with _ALONE, (own := store.ManagedSessionMaker)(read_only=False) as session:
        commit, rollback = session.commit, session.rollback

        @contextmanager
        def shared(read_only: bool = True) -> Iterator[Any]:
            if threading.get_ident() != thread:
                with own(read_only=read_only) as other:
                    yield other
                return
            yield session
            session.flush()
            session.expunge_all()

        def refuse() -> None:
            raise Undone

        store.ManagedSessionMaker = shared
        session.commit, session.rollback = session.flush, refuse
        try:
            yield
        finally:
            store.ManagedSessionMaker = own
            session.commit, session.rollback = commit, rollback
